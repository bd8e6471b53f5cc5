"""One phrase of a phrase file, checked and made ready to be said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

from adapters.names import suggestion
from inference.documents import Place
from server.chat.writer.conditions import ENTITY_SLOTS, SLOTS, Moment, When, parse_when
from server.chat.writer.register import capitals, choices_of, registers

MAX_PHRASE_CODE_POINTS: Final = 400

_SLOT: Final = re.compile(r"\{([^{}]*)\}")
_CHOICE: Final = re.compile(r"\[[^\[\]]*\]")
_SENTENCE_END: Final = re.compile(r"[.!?…](?= |$)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """``texts``: casual, plain, formal, slots still open. ``sentences`` counts them; ``asks``: ends with a question.

    ``quoted``: somebody else's words, which stand as they are.
    ``exactness``: how closely it speaks to this very moment; the most exact are said first.
    ``id`` is the pool's path and a digest of the authored text, so that it survives reordering and new neighbours.
    """

    id: str
    source: str
    texts: tuple[str, str, str]
    when: When
    slots: frozenset[str]
    sentences: int
    asks: bool
    exactness: int
    quoted: bool = False

    def fits(self, moment: Moment) -> bool:
        """Whether it can be said now: its conditions hold and its slots can be filled."""
        return (not self.slots or self.slots <= moment.slots.keys()) and self.when.holds(moment)

    def say(self, register: int, slots: Mapping[str, str]) -> str:
        """The finished text in a register."""
        text = self.texts[register]
        if not self.slots:
            return text
        for slot in self.slots:
            if slot == "very":
                text = text.replace("{very} ", f"{slots[slot]} " if slots[slot] else "")
            else:
                text = text.replace(f"{{{slot}}}", slots[slot])
        return capitals(text)


def phrase_id(pool: str, text: str) -> str:
    """The id of a text in a pool."""
    return f"{pool}/{blake2s(text.encode(), digest_size=4).hexdigest()}"


def make_phrase(pool: str, text: str, when: When | None = None) -> Phrase:
    """A phrase from a text that is known to be sound."""
    conditions = when or When()
    slots = frozenset(_SLOT.findall(text))
    texts = registers(text)
    return Phrase(
        id=phrase_id(pool, text),
        source=text,
        texts=texts,
        when=conditions,
        slots=slots,
        sentences=max(1, len(_SENTENCE_END.findall(texts[2]))),
        asks=texts[2].endswith("?"),
        exactness=2 * len(slots.intersection((*ENTITY_SLOTS, "other_topic", "need")))
        + sum(conditions.values(name) is not None for name in ("emotion", "with")),
    )


def style_text(text: str, may_ask: bool) -> str:
    """A persona's style words as whole sentences, empty when nothing of them can be said.

    A question stays only where it may end an answer, as its last sentence; elsewhere it is left out. A colon stays
    too: the answer follows it.
    """
    sentences = [one for one in re.split(r"(?<=[.!?…]) +", " ".join(text.split()).rstrip(" ,;")) if one]
    asking = [one for one in sentences if "?" in one]
    if asking and not (may_ask and asking == sentences[-1:] and asking[0].count("?") == 1 and asking[0][-1] == "?"):
        sentences = [one for one in sentences if "?" not in one]
    joined = " ".join(sentences)
    return f"{joined}." if joined and joined[-1].isalnum() else joined


def parse_phrase(pool: str, value: object, at: Place) -> Phrase:
    """A phrase as written in a file: a text, or ``{say: text, when: {…}}``. Raises ``PhraseError``."""
    when = None
    if isinstance(value, Mapping):
        for key in value:
            if key not in {"say", "when"}:
                raise at.error(f"unknown key {key!r}", suggestion(str(key), ("say", "when")))
        if "when" in value:
            when = parse_when(value["when"], at.key("when"))
        value = value.get("say")
    if not isinstance(value, str) or not value.strip():
        raise at.error("this is no text", 'Write a sentence in quotes, or {say: "a sentence", when: {…}}.')
    text = " ".join(value.split())
    _check_choices(text, at)
    _check_slots(text, at)
    phrase = make_phrase(pool, text, when)
    _check_ends(phrase, at)
    return phrase


def _check_choices(text: str, at: Place) -> None:
    if len(text) > MAX_PHRASE_CODE_POINTS:
        raise at.error(f"{len(text)} characters are too many", "Split it into several phrases.")
    if re.search(r"[\[\]]", _CHOICE.sub("", text)):
        raise at.error("unpaired or nested [ ]", "Write alternatives as [casual|formal].")
    for options in choices_of(text):
        if len(options) not in {2, 3}:
            raise at.error(f"[{'|'.join(options)}] has {len(options)} alternatives", "Give two or three.")


def _check_ends(phrase: Phrase, at: Place) -> None:
    for variant in phrase.texts:
        if variant[-1:] not in {".", "!", "?", "…"}:
            raise at.error("the sentence has no end", "End it with '.', '!' or '?'.")
        if "?" in variant[:-1]:
            raise at.error("a question stands before the end", "Ask at the end, and only once.")


def _check_slots(text: str, at: Place) -> None:
    if re.search(r"[{}]", _SLOT.sub("", text)):
        raise at.error("unpaired { }", "Write slots as {topic}.")
    for slot in _SLOT.findall(text):
        if slot not in SLOTS:
            raise at.error(f"unknown slot {{{slot}}}", suggestion(slot, SLOTS))
    if re.search(r"\{very\}(?! )", text):
        raise at.error("{very} is not followed by a space", "Write it before an adjective.")
