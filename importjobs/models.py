"""Tables of importjobs."""
