"""No start waits for libraries that only some texts need; they are loaded beside it."""

from __future__ import annotations

import subprocess
import sys
import time

from inference.engine import Engine
from inference.langid import _load
from inference.pack import Pack

LATE = ("phonenumbers", "stdnum.luhn", "stdnum.iban", "fasttext")


def test_importing_the_server_loads_none_of_them() -> None:
    code = f"import sys, server.app; sys.exit(str([name for name in {LATE} if name in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_warming_up_loads_them_all(pack: Pack) -> None:
    _load.cache_clear()
    Engine(pack, clock=time.perf_counter_ns).warm_up()
    assert set(LATE) <= sys.modules.keys()
    assert _load.cache_info().currsize == 1
