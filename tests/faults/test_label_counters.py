"""Label counters under two processes at once: no number twice, none left out (spec 02 §P3)."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
LABELS, BLOCK, PROCESSES = 5_000, 250, 2
pytestmark = pytest.mark.fault

# Every fifth transaction fails after it has its labels. Two counters in each batch, in either order.
_TAKE = """
import sys
import django
django.setup()
from django.db import transaction
from specimens.protocol.labels import LabelFormat, LabelKind, LabelValues, make_labels

labels, block, process = map(int, sys.argv[1:])
formats = [LabelFormat.compile(LabelKind.SPECIMEN, text) for text in ("%SYS_UID%", "%CP_CODE%-%SPEC_CP_UID(6)%")]
formats = formats[::-1] if process else formats
made, turn = 0, 0
while made < labels:
    turn += 1
    try:
        with transaction.atomic():
            values = [LabelValues(cp_id=1, cp_code="BTC") for _ in range(block)]
            texts = make_labels([(formats[n % 2], one) for n, one in enumerate(values)])
            if turn % 5 == 0:
                raise RuntimeError
    except RuntimeError:
        continue
    print("\\n".join(texts))
    made += block
"""


def test_two_processes_never_get_the_same_number_and_leave_no_gap(committed: str) -> None:
    connection.close()
    environment = os.environ | {"DATABASE_URL": committed, "DJANGO_SETTINGS_MODULE": "biobank.settings"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _TAKE, str(LABELS), str(BLOCK), str(process)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )
        for process in range(PROCESSES)
    ]  # fmt: skip
    texts = [text for process in running for text in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in running] == [0] * PROCESSES

    assert len(texts) == PROCESSES * LABELS
    assert [text for text, times in Counter(texts).items() if times > 1] == []
    each = PROCESSES * LABELS // 2
    of_all = sorted(int(text) for text in texts if not text.startswith("BTC-"))
    of_protocol = sorted(int(text.removeprefix("BTC-")) for text in texts if text.startswith("BTC-"))
    assert of_all == of_protocol == list(range(1, each + 1))
