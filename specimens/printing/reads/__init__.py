"""Reading what labels tell, which labels are meant, and what was printed."""
