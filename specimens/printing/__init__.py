"""Labels of specimens and visits, printed to files that label printers pick up."""
