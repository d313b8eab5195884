"""`python -m bench [NAME]`: measure all, or one, and write results and the performance page."""

import argparse
import os
import sys
import time

from bench.results import Figure, keep, machine
from bench.world import world

NAMES = (
    "import_specimens",
    "update_specimens",
    "import_registrations",
    "import_visits",
    "import_master",
    "import_wrong_rows",
    "two_workers",
    "list_specimens",
    "post_specimen",
    "lists_of_million",
    "deep_pages",
    "query_csv",
    "export_zip",
    "memory_import_mb",
    "memory_export_mb",
    "import_exponent",
    "read_while_importing",
    "memory_of_million_mb",
)


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench")
    parser.add_argument("name", nargs="?", choices=NAMES, help="measure only this; default: everything")
    name = parser.parse_args().name
    print(f"Measuring on {machine()}", flush=True)
    with world():
        from bench.measures import GROUPS

        figures: list[Figure] = []
        for group in GROUPS:
            if name is None or name in group.names:
                began = time.monotonic()
                found = group.measure()
                figures += found
                for figure in found:
                    print(f"{figure.line()}   [{time.monotonic() - began:.0f} s]", flush=True)
    if "BENCH_ROWS" not in os.environ:
        keep(figures, whole=name is None)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
