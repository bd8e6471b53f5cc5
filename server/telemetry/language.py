"""What language models do, as metrics: by model, persona and variant of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LABELS = ("model", "persona", "variant")
FIRST_TOKEN_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
ANSWER_S = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0)
BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


class Usage(Protocol):
    """One turn's use of a language model, as the store keeps it."""

    @property
    def model(self) -> str: ...

    @property
    def persona(self) -> str: ...

    @property
    def variant(self) -> str | None: ...

    @property
    def outcome(self) -> str: ...

    @property
    def prompt_tokens(self) -> int: ...

    @property
    def completion_tokens(self) -> int: ...

    @property
    def cost_micros(self) -> int: ...

    @property
    def first_token_ms(self) -> int | None: ...

    @property
    def total_ms(self) -> int: ...


class LanguageMetrics:
    """Part of ``Metrics``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"parlance_language_{name}", meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, bounds: tuple[float, ...]) -> Histogram:
            return Histogram(f"parlance_language_{name}", meaning, LABELS, registry=registry, buckets=bounds)

        self.answers = counter("answers", "Turns that asked a language model.", *LABELS, "outcome", "reason")
        self.skips = counter("skipped", "Turns that did not ask, since they could not or must not.", "reason")
        self.tokens = counter("tokens", "Tokens of prompts and completions.", *LABELS, "kind")
        self.cost = counter("cost", "What they cost, in the currency of the prices set.", *LABELS)
        self.first_token = histogram("first_token_seconds", "First request to the first token.", FIRST_TOKEN_S)
        self.seconds = histogram("seconds", "First request to the end of the answer.", ANSWER_S)
        meaning = "Circuit to the model server: 0 closed, 1 one try under way or due, 2 open."
        self.breaker = Gauge("parlance_language_breaker_state", meaning, registry=registry)

    def watch_breaker(self, state: Callable[[], str]) -> None:
        """Read it when somebody asks."""
        self.breaker.set_function(lambda: BREAKER_STATES[state()])

    def skipped(self, reason: str) -> None:
        """Count a turn that got the built-in writer's answer without asking."""
        self.skips.labels(reason).inc()

    def used(self, usage: Usage, reason: str) -> None:
        """Count a turn that asked; ``reason``: why it was not answered, empty where it was."""
        labels = (usage.model, usage.persona, usage.variant or "")
        self.answers.labels(*labels, usage.outcome, reason).inc()
        self.tokens.labels(*labels, "prompt").inc(usage.prompt_tokens)
        self.tokens.labels(*labels, "completion").inc(usage.completion_tokens)
        self.cost.labels(*labels).inc(usage.cost_micros / 1_000_000)
        if usage.first_token_ms is not None:
            self.first_token.labels(*labels).observe(usage.first_token_ms / 1_000)
        self.seconds.labels(*labels).observe(usage.total_ms / 1_000)
