"""What goes between the turn and a writer that thinks for itself: plain values, no I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]
EndReason = Literal["stop", "length", "filtered"]
FailureKind = Literal["connect", "first_token", "silence", "whole", "busy", "server", "refused", "malformed", "cut"]

# What another try may mend, as long as nothing was said yet.
RETRIED: frozenset[FailureKind] = frozenset({"connect", "first_token", "busy", "server", "cut"})


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of what the company knows. ``id`` is the knowledge base's own; the model sees numbers from 1."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A customer's text and the answer that it got."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """How a model draws its words. ``max_tokens`` bounds the answer; penalties as OpenAI defines them, in [-2, 2]."""

    temperature: float = 0.6
    max_tokens: int = 400
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message of a chat, as models take it."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """``passages``: those that found room; the first is cited as [1]. ``tokens``: estimated, all messages together.

    ``instructions``: what must not be said back; ``nonce`` marks what is data, and no answer holds it.
    """

    messages: tuple[PromptMessage, ...]
    passages: tuple[Passage, ...]
    tokens: int
    instructions: str
    nonce: str


@dataclass(frozen=True, slots=True)
class WritingRequest:
    """What a writer is asked for: one answer. ``variant``: of an experiment, where the turn is part of one;
    ``public``: what may be said back although it looks like personal data, such as the order number at hand;
    ``values``: what the prompt's placeholders stand for, which no writer is to be told."""

    prompt: Prompt
    parameters: Parameters
    channel: str
    message_id: str
    user_id: str
    persona: str
    variant: str | None = None
    public: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece, of any length; empty ones say only that the model is at work, and are no first token."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The model is done. "length": the answer was cut at ``max_tokens``; "filtered": the provider withheld it."""

    reason: EndReason = "stop"


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens as the writer counted them; it may tell after ``Ended``."""

    prompt_tokens: int
    completion_tokens: int


StreamEvent = Text | Ended | Used


class WriterFailure(Exception):
    """A writer did not write. The text says why, for the log; it holds neither keys nor what was said.

    ``retry_after_ms``: when the writer asked to be left alone, and for how long.
    """

    def __init__(self, kind: FailureKind, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.retry_after_ms = retry_after_ms


class LanguageWriter(Protocol):
    """A writer that streams. Deadlines, budgets, checks and deltas are not its business: ``author`` keeps them."""

    @property
    def model(self) -> str:
        """A name for metrics, at most 100 characters."""

    def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
        """One answer; ends after ``Ended``. Raises ``WriterFailure``. Closing the iterator ends the work at once."""

    async def close(self) -> None:
        """Release connections; nothing is streamed any more."""
