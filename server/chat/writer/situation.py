"""What goes into the writer and what comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.personas import Persona
from inference.analysis import Analysis
from server.chat.writer.conditions import Kind
from server.chat.writer.spoken import Spoken
from server.knowledge.index import NOTHING_FOUND, Found


@dataclass(frozen=True, slots=True)
class Situation:
    """One turn to answer. ``text``: the customer's normalised text; ``turn_number``: 1 is the conversation's first.

    ``used``: ids of the phrases that this conversation's answers used so far, the oldest first: when everything that
    fits was said, what was said the longest ago comes again. ``previous_intent``: what the previous
    turn was about (``Written.intent``), None at the start. ``known``: details that were named before
    (``Written.known``). ``asked_back``: the answer before asked what was meant.
    ``found``: what the knowledge has on it. ``spoken``: how the answer before was put, None at the start.
    """

    analysis: Analysis
    persona: Persona
    text: str
    turn_number: int
    used: Collection[str]
    previous_intent: str | None
    customer_name: str | None
    known: Mapping[str, str] = field(default_factory=dict)
    asked_back: bool = False
    found: Found = NOTHING_FOUND
    spoken: Spoken | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An answer. ``text``: 1 to 8,000 code points, plain text. ``phrases``: ids of what was said, in order.

    ``suggestions``: up to three texts that the customer may send next. ``intent``: what the conversation is
    about now, the next turn's ``previous_intent``: a yes, a joke or a bare detail ("#4711") leaves it as it was.
    ``known``: the details that the customer has named on that topic, so that nothing is asked for twice; slot → words,
    fit for JSON. ``citations``: the articles whose words it uses. ``spoken``: the language and the address.
    """

    text: str
    phrases: tuple[str, ...]
    suggestions: tuple[str, ...]
    kind: Kind
    intent: str | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    citations: tuple[Mapping[str, Any], ...] = ()
    spoken: Spoken | None = None

    def data(self) -> dict[str, Any] | None:
        """As it goes out beside the text."""
        told = {"suggestions": list(self.suggestions), "citations": [dict(one) for one in self.citations]}
        return {name: value for name, value in told.items() if value} or None
