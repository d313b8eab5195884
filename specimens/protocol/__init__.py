"""Collection protocols, events, requirements, consent tiers, label formats."""
