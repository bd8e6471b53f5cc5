"""The files of ``parlance intents test``; its pictures are those of ``inference.pictures``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_json(found: dict[str, Any], path: Path) -> None:
    """One JSON document."""
    path.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_errors(found: dict[str, Any], path: Path) -> None:
    """The errors as a Markdown table, the surest first."""
    lines = ["# Errors", "", "| confidence | intent | taken for | text |", "| --- | --- | --- | --- |"]
    for error in found["errors"]:
        text = error["text"].replace("\\", "\\\\").replace("|", "\\|")
        lines.append(f"| {error['confidence']:.2f} | {error['intent']} | {error['taken_for']} | {text} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
