"""`/collection-protocols`, `/collection-protocol-events`, `/specimen-requirements`, `/consent-statements`."""
