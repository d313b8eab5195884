"""Export jobs: records of any kind as CSV that can be imported again (spec 04 §6)."""
