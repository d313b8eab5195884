"""Tables of exports."""
