"""A worker process that does one job and says how long it took and how much memory it needed.

`python -m bench.worker TASK_MODULE:FUNCTION MODEL PK`
"""

import json
import os
import sys
import time
from pathlib import Path


def main(task: str, model: str, pk: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biobank.settings")
    import django

    django.setup()
    from importlib import import_module

    from django.apps import apps

    module, function = task.split(":")
    work = getattr(import_module(module), function)
    rows = apps.get_model(model)._default_manager
    began = time.perf_counter()
    while not rows.get(pk=pk).is_over:
        work(pk)
    seconds = time.perf_counter() - began
    peak = _peak_megabytes()
    print(json.dumps({"seconds": seconds, "megabytes": peak, "state": rows.get(pk=pk).state}))


def _peak_megabytes() -> float:
    """This process's own peak; what `getrusage` says begins with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
