"""What we measure, each against its limit, in one run: `python -m bench [NAME]`."""
