"""What people said of doubtful texts, written into a folder of intents as one file of its own (pure)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from inference.intents.validate import MAX_CODE_POINTS, folded
from inference.intents.values import IntentSet

FILE: Final = "inbox.yaml"
# Braces would name a list; whoever wrote them meant none.
_BRACES: Final = str.maketrans("{}", "()")


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A text and the intent that was meant; None: none of them, so that it is no example of any."""

    text: str
    intent: str | None


@dataclass(slots=True)
class Merged:
    """``document``: the whole new content of the file. Texts that were ``added`` to it or ``removed`` from it (a moved
    one is both), ``present`` already, here or in another file, and ``unfit`` to be examples: without a word, or longer
    than an example may be."""

    document: dict[str, Any]
    added: list[Relabelled] = field(default_factory=list)
    removed: list[Relabelled] = field(default_factory=list)
    present: int = 0
    unfit: int = 0


def merge(relabelled: Sequence[Relabelled], intents: IntentSet | None, document: Mapping[str, Any]) -> Merged:
    """Bring the file up to what was said. The same again changes nothing.

    Of several words on one text (capitals and punctuation aside) the last counts, and in this file it moves the text.
    Examples in the folder's other files are left alone: where one says the same, the text is not written again; where
    one says otherwise, it is, for ``validate`` to tell the conflict. What else stands in ``document`` stays.

    Args:
        relabelled: the first said first.
        intents: all of the folder; None where there is none yet.
        document: the file as it is, parsed and checked; empty where there is none.
    """
    merged = Merged({})
    last: dict[str, Relabelled] = {}
    for one in relabelled:
        text = _example(one.text)
        if text is None:
            merged.unfit += one.intent is not None
            continue
        last.pop(folded(text), None)  # so that the order is that of the last words
        last[folded(text)] = Relabelled(text, one.intent)
    elsewhere = {
        (intent.name, folded(example.text))
        for intent in (intents.intents if intents is not None else ())
        for example in intent.examples
        if example.place.file != FILE
    }
    kept = _kept(merged, document, last, elsewhere)
    for key, one in last.items():
        if one.intent is None:
            continue
        if (one.intent, key) in elsewhere or any(folded(text) == key for text in kept.get(one.intent, ())):
            merged.present += 1
            continue
        kept.setdefault(one.intent, []).append(one.text)
        merged.added.append(one)
    merged.document = _document(document, kept)
    return merged


def _example(text: str) -> str | None:
    """``text`` as an example, None where it can't be one."""
    plain = " ".join(unicodedata.normalize("NFC", text.translate(_BRACES)).split())
    return plain if folded(plain) and len(plain) <= MAX_CODE_POINTS else None


def _kept(
    merged: Merged, document: Mapping[str, Any], last: Mapping[str, Relabelled], elsewhere: set[tuple[str, str]]
) -> dict[str, list[str]]:
    """The file's examples that nothing which was said speaks against, by intent."""
    kept: dict[str, list[str]] = {}
    for name, value in (document.get("intents") or {}).items():
        given = value if isinstance(value, list) else value.get("examples", ())
        kept[name] = []
        for text in given:
            key = folded(text)
            if key in last and (last[key].intent != name or (name, key) in elsewhere):
                merged.removed.append(Relabelled(text, name))
            else:
                kept[name].append(text)
    return kept


def _document(document: Mapping[str, Any], kept: Mapping[str, list[str]]) -> dict[str, Any]:
    before = document.get("intents") or {}
    intents: dict[str, Any] = {}
    for name, texts in kept.items():
        value = before.get(name)
        rest = {key: given for key, given in value.items() if key != "examples"} if isinstance(value, Mapping) else {}
        if rest:
            intents[name] = {**rest, "examples": texts} if texts else rest
        elif texts:
            intents[name] = texts
    sections = {key: value for key, value in document.items() if key != "intents"}
    return {"intents": intents, **sections} if intents else sections
