"""HTTP of queries, by resource."""
