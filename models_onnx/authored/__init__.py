"""Examples that were written for this model, since no licensed set has urgency and few have acts.

`*.tsv`: act, level of urgency (0 to 3) and text, one line an example, `#` before a remark. A line with alternatives
in braces is several: as many as the longest list has entries, so that every alternative comes once. URGENCY.md
and ACTS.md are the rubrics, `phrases.yaml` is what `models_onnx.compose` puts around a sentence. `blind.tsv`
holds turns of MultiDoGO's validation split, labelled by hand before any model had seen them: it measures, and
nothing is ever trained on it or chosen by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models_onnx.errors import DataError
from models_onnx.labels import ACTS, URGENCY_TARGETS

FOLDER = Path(__file__).parent
BLIND = "blind.tsv"
_BRACES = re.compile(r"\{([^{}|]*\|[^{}]*)\}")
VAL_EVERY = 10
"""Every tenth line of a file is for validation, with all its alternatives."""


def read_authored(split: str, folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """Rows `{text, act, urgency, line}` of `train`, `val` or `blind`."""
    if split == "blind":
        yield from _rows(folder / BLIND)
        return
    for path in sorted(folder.glob("*.tsv")):
        if path.name != BLIND:
            yield from (row for row in _rows(path) if (row["line"] % VAL_EVERY == VAL_EVERY - 1) == (split == "val"))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        act, _, rest = line.partition("\t")
        level, _, text = rest.partition("\t")
        if act not in ACTS or level not in map(str, range(len(URGENCY_TARGETS))) or not text.strip():
            raise DataError(f"{path}, line {number}: expected an act, a level 0 to 3 and a text, parted by tabs")
        yield from (
            {"act": act, "urgency": int(level), "text": each, "line": number} for each in expanded(text.strip())
        )


def expanded(text: str) -> list[str]:
    """A line's texts: each alternative of each brace once, none crossed with all others."""
    parts = _BRACES.split(text)  # what stands outside of braces, and inside, in turn
    lists = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    count = max(map(len, lists))
    return ["".join(choices[turn % len(choices)] for choices in lists) for turn in range(count)]
