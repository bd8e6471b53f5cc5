"""How language models are used: every bound in one value (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from server.chat.language.breaker import BreakerRule
from server.chat.language.budget import Budget, Prices
from server.chat.language.checks import WITH_MEANING, Calibration

Doubt = Literal["builtin", "clarify", "handover"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. ``first_token_s`` counts from the request, ``silence_s`` from the token before, ``whole_s`` spans all
    tries. ``connect_s`` is the writer's own to keep."""

    connect_s: float = 2.0
    first_token_s: float = 10.0
    silence_s: float = 5.0
    whole_s: float = 60.0


@dataclass(frozen=True, slots=True)
class AuthorRules:
    """How language models are used. ``retries``: further tries before the first token; ``prompt_tokens`` bounds a
    prompt; below ``min_confidence`` an answer is withdrawn, and ``doubt`` says what is said instead: the built-in
    writer's answer, a question for what is meant, or the way to a person; ``redact_prompts``: personal data is kept
    from models; ``max_streams`` answers are written at a time, and who comes on top gets the built-in writer's at once.
    ``bot_name`` stands in the prompt."""

    bot_name: str
    deadlines: Deadlines = Deadlines()
    breaker: BreakerRule = field(default_factory=BreakerRule)
    retries: int = 1
    prompt_tokens: int = 3_000
    max_streams: int = 64
    budget: Budget = field(default_factory=Budget)
    prices: Prices = field(default_factory=Prices)
    min_confidence: float = 0.5
    doubt: Doubt = "builtin"
    redact_prompts: bool = True
    calibration: Calibration = field(default_factory=Calibration)
    with_meaning: Calibration = WITH_MEANING
