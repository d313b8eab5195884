#!/usr/bin/env python
"""Django's command line, bound to the project's settings."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biobank.settings")
    if sys.argv[1:2] == [
        "up"
    ]:  # the supervisor stays small and starts even where the settings would not load
        from biobank.embedded.cli import main as up

        sys.exit(up(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
