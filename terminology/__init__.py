"""Pick lists; later also sources, collections, concepts and mappings."""
