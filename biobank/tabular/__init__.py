"""CSV as it goes over the wire: header lines, quoting and guarding, dates in Java patterns."""
