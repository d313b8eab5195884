"""Who changed what, who called what, and reports about it (spec 01 §A.11)."""
