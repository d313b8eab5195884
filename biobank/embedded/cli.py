"""The options of `manage.py up`, read before Django so that a wrong start is no traceback."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from biobank.embedded.programs import BASE_DIR
from biobank.embedded.supervisor import run

HELP = "Start the whole server: database, broker, web, workers and beat, until Ctrl-C."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `up`; their defaults come from the environment."""
    parser.add_argument(
        "--port", type=_port, default=os.environ.get("PORT") or "8080", help="default: PORT or 8080"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=os.environ.get("DATA_DIR") or str(BASE_DIR / "var"),
        help="where everything is kept; default: DATA_DIR or ./var",
    )


def main(arguments: Sequence[str]) -> int:
    """Run `up` with `arguments` and return the exit code."""
    parser = argparse.ArgumentParser("manage.py up", description=HELP)
    add_options(parser)
    options = parser.parse_args(arguments)
    return run(options.port, options.data_dir)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return int(text)
