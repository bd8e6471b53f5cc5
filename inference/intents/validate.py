"""What is wrong, or looks wrong, with a user's intents; each finding with a remedy (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from inference.documents import Place
from inference.intents.parsing import SLOT
from inference.intents.values import Example, Intent, IntentSet

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]
"""Texts → float32 (texts, 384), unit rows."""

MIN_EXAMPLES: Final = 2
"""Below it nothing can be held out, so nothing can be said about how good the intent is."""
FEW_EXAMPLES: Final = 5
MAX_CODE_POINTS: Final = 500
ALIKE_FROM: Final = 0.95
"""Cosine of two examples that say the same in other words: .7 % of Banking77's training texts have such a neighbour in
another intent, and of the sixteen first all but two or three were mislabelled or ask for the same thing."""
MAX_LOPSIDED: Final = 20
BLOCK: Final = 1_024


@dataclass(frozen=True, slots=True)
class Finding:
    """``code``: a name that programs can test; an ``error`` keeps ``train`` from running, a ``warning`` does not."""

    level: Literal["error", "warning"]
    code: str
    place: str
    problem: str
    remedy: str


def validate(intents: IntentSet, embed: Embed | None = None) -> list[Finding]:
    """All findings, errors first. Without ``embed`` near-identical examples are compared by their words alone."""
    found = [*_sizes(intents), *_texts(intents), *_same_texts(intents), *_unused(intents)]
    found += _alike(intents, embed) if embed is not None else ()
    return sorted(found, key=lambda finding: finding.level)


def folded(text: str) -> str:
    """``text`` without what makes no difference: capitals, punctuation."""
    return " ".join("".join(c if c.isalnum() or c in "{}_" else " " for c in text.casefold()).split())


def _sizes(intents: IntentSet) -> Iterator[Finding]:
    if len(intents.intents) < 2:
        only = intents.intents[0]
        yield _finding("error", "one_intent", only.place, "this is the only intent", "Write a second one to tell apart")
    most = max(len(intent.examples) for intent in intents.intents)
    for intent in intents.intents:
        count = len({folded(example.text) for example in intent.examples} - {""})
        has = f"{intent.name!r} has {count} different example{'s' if count != 1 else ''}"
        if count < MIN_EXAMPLES:
            yield _finding("error", "too_few", intent.place, has, f"Write at least {MIN_EXAMPLES}, better ten")
        elif count < FEW_EXAMPLES:
            yield _finding("warning", "few", intent.place, has, "Add what customers really write, up to ten or more")
        elif count * MAX_LOPSIDED < most:
            problem = f"{has}, another one {most}"
            yield _finding("warning", "lopsided", intent.place, problem, "Add examples here rather than there")


def _texts(intents: IntentSet) -> Iterator[Finding]:
    for _, example in _all(intents):
        if not folded(example.text):
            yield _finding("error", "empty", example.place, "the example has no word in it", "Write one, or remove it")
        elif not folded(SLOT.sub("", example.text)):
            problem = "the example is nothing but a list's values"
            yield _finding("warning", "only_slots", example.place, problem, "Write a sentence around it")
        elif len(example.text) > MAX_CODE_POINTS:
            problem = f"{len(example.text)} characters are more than a customer writes at once ({MAX_CODE_POINTS})"
            yield _finding("error", "too_long", example.place, problem, "Keep the sentence that tells the intent")


def _same_texts(intents: IntentSet) -> Iterator[Finding]:
    first: dict[str, tuple[Intent, Example]] = {}
    for intent, example in _all(intents):
        key = folded(example.text)
        if not key:
            continue
        before, other = first.setdefault(key, (intent, example))
        if before.name != intent.name:
            problem = f"{example.text!r} stands in {before.name!r} too ({other.place})"
            yield _finding("error", "conflict", example.place, problem, "Keep it in the one that it belongs to")
        elif other is not example:
            problem = f"{example.text!r} stands here twice ({other.place})"
            yield _finding("warning", "duplicate", example.place, problem, "Remove one of them")


def _unused(intents: IntentSet) -> Iterator[Finding]:
    used = {slot for _, example in _all(intents) for slot in SLOT.findall(example.text)}
    for name in intents.values:
        if name not in used:
            problem = f"no example uses {{{name}}}"
            yield Finding("warning", "unused", name, problem, f"Write {{{name}}} where a value of it would stand.")


def _alike(intents: IntentSet, embed: Embed) -> Iterator[Finding]:
    """Each example whose nearest neighbour in another intent says the same; a pair is told once."""
    rows = [(intent, example) for intent, example in _all(intents) if folded(example.text)]
    vectors = embed([SLOT.sub(lambda found: intents.values[found.group(1)][0], one.text) for _, one in rows])
    names = np.array([intent.name for intent, _ in rows])
    told: dict[frozenset[int], float] = {}
    for start in range(0, len(rows), BLOCK):
        likeness = vectors[start : start + BLOCK] @ vectors.T
        likeness[names[start : start + BLOCK, None] == names[None, :]] = -1.0
        nearest = likeness.argmax(axis=1)
        for row, other in enumerate(nearest.tolist()):
            cosine = float(likeness[row, other])
            pair = frozenset((start + row, other))
            if cosine >= ALIKE_FROM and len({folded(rows[one][1].text) for one in pair}) == 2:
                told.setdefault(pair, cosine)
    by_place = defaultdict(list)
    for pair, cosine in told.items():
        first, second = sorted(pair)
        by_place[second].append((first, cosine))
    for second, others in sorted(by_place.items()):
        intent, example = rows[second]
        for first, cosine in others:
            there, other = rows[first]
            problem = (
                f"{example.text!r} ({intent.name}) says nearly what {other.text!r} ({there.name}) says: {cosine:.2f}"
            )
            remedy = f"Move one of them, or merge the intents (the other: {other.place})"
            yield _finding("warning", "alike", example.place, problem, remedy)


def _all(intents: IntentSet) -> Iterator[tuple[Intent, Example]]:
    return ((intent, example) for intent in intents.intents for example in intent.examples)


def _finding(level: Literal["error", "warning"], code: str, place: Place, problem: str, remedy: str) -> Finding:
    return Finding(level, code, str(place), problem, f"{remedy}.")
