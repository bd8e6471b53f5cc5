"""The folder that a simulation is written to: never over something else, and never half without a word."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.simulation.results import Result

RESULTS_FILE = "results.json"
ROUNDS_FILE = "rounds.csv"


def prepare_folder(folder: Path, *, overwrite: bool) -> None:
    """Make ``folder`` and see that it can be written, before anybody has waited. ``StartupError``."""
    if folder.exists() and not folder.is_dir():
        raise StartupError(f"{folder} is a file, not a folder.", "Give another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not overwrite and any(folder.iterdir()):
            raise StartupError(f"{folder} is not empty.", "Give another --out, or --overwrite.")
        probe = folder / ".parlance-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise not_written(folder, error) from None


def write_results(folder: Path, result: Result, document: dict[str, Any]) -> list[Path]:
    """``document`` as JSON, and the result's rows as CSV. ``OSError``."""
    rows = result.rows()
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    texts = {RESULTS_FILE: json.dumps(document, ensure_ascii=False, indent=1) + "\n", ROUNDS_FILE: table.getvalue()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def not_written(folder: Path, error: OSError) -> StartupError:
    """What went wrong, and what to do."""
    reason = error.strerror or str(error)
    return StartupError(f"{folder} can't be written: {reason}.", "Free some space or give another --out.")
