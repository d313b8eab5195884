"""Long work is a row: lease, cursor, counters, stop and recovery."""
