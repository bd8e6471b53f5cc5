"""More examples of urgency from sentences and phrases that were written apart.

A sentence that can wait its turn becomes urgent, or leisurely, by what is said around it; a greeting or a smile
changes nothing. Both kinds are needed, else a model learns that topics are urgent, or that only "asap" is. The
sentences are authored ones and real ones of the service sets.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from models_onnx.acts import settled
from models_onnx.authored import FOLDER
from models_onnx.builders import Example
from models_onnx.labels import ACTS, URGENCY_TARGETS

SERVICE_SETS = ("bitext", "nlupp", "multidogo")
SERVICE_ROWS = 400
"""Real sentences of each service set that phrases are put around."""

MAX_WORDS = 16
_CONTENT = ("question", "request", "complaint")
_HURRIED = re.compile(
    r"\b(?:urgent\w*|asap|immediate\w*|now|today|tonight|tomorrow|quick\w*|soon\w*|fast|hurry|stolen|stole|lost|missing|"
    r"fraud|block\w*|emergency|wait\w*|late|stuck|minutes?|hours?)\b",
    re.IGNORECASE,
)
Phrases = Mapping[str, Mapping[str, Sequence[str]]]


def load_phrases(folder: Path = FOLDER) -> Phrases:
    """`{hurry, calm, neutral: {before, after: phrases}}`."""
    found: dict[str, Any] = yaml.safe_load((folder / "phrases.yaml").read_text(encoding="utf-8"))
    return found


def composed(examples: Mapping[str, Sequence[Example]], seed: int) -> list[Example]:
    """Urgency examples made of the authored rows and of some service rows, the same for a seed."""
    generator = random.Random(f"compose {seed}")
    phrases = load_phrases()
    made: list[Example] = []
    for row in examples["authored"]:
        made += _around(row, phrases, generator) if _ordinary(row) else _neutral(row, phrases, generator)
    for name in SERVICE_SETS:
        plain = [row for row in examples[name] if _plain(row)]
        for row in generator.sample(plain, min(SERVICE_ROWS, len(plain))):
            known = replace(row, source="authored", urgency=URGENCY_TARGETS[1])
            made += [known, *_around(known, phrases, generator)]
    return made


def _act(row: Example) -> str | None:
    index = settled(row.act)
    return None if index is None else ACTS[index]


def _ordinary(row: Example) -> bool:
    return row.urgency == URGENCY_TARGETS[1] and _act(row) in _CONTENT and len(row.text.split()) <= MAX_WORDS


def _plain(row: Example) -> bool:
    """A real service sentence of which nothing but the topic is known, and no word of it is about time or loss."""
    words = len(row.text.split())
    return _act(row) in ("question", "request") and 3 <= words <= MAX_WORDS and not _HURRIED.search(row.text)


def _around(row: Example, phrases: Phrases, generator: random.Random) -> Iterator[Example]:
    """One hurried and one calm or neutral variant."""
    yield replace(row, text=_joined(row.text, phrases["hurry"], generator), urgency=URGENCY_TARGETS[2])
    kind = generator.choice(("calm", "neutral"))
    level = 0 if kind == "calm" and _act(row) != "complaint" else 1
    yield replace(row, text=_joined(row.text, phrases[kind], generator), urgency=URGENCY_TARGETS[level])


def _neutral(row: Example, phrases: Phrases, generator: random.Random) -> Iterator[Example]:
    if _act(row) in _CONTENT and len(row.text.split()) <= 2 * MAX_WORDS:
        yield replace(row, text=_joined(row.text, phrases["neutral"], generator))


def _joined(text: str, phrases: Mapping[str, Sequence[str]], generator: random.Random) -> str:
    if generator.random() < 0.35:
        return generator.choice(phrases["before"]) + text
    phrase, end = generator.choice(phrases["after"]), ""
    if phrase[0] not in "!.":
        text, end = text.rstrip("?!. "), "?" if text.rstrip().endswith("?") else ""
    return f"{text}{'' if phrase[0] in ',.!' else ' '}{phrase}{end}"
