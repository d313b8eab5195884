"""The records: protocols, participants, visits, specimens; one app per entity."""
