"""A biobank's working day, told over HTTP only: what `make demo` and `import_cohorts` are made of."""
