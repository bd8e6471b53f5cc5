"""What answers by a language model may cost: per conversation, per user and day, per day (pure).

Money is counted in millionths of whatever currency the prices are in; days are UTC's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from server.store.usage_ports import Amount, Spent

Scope = Literal["conversation", "user", "day"]
Unit = Literal["tokens", "cost"]

MICROS = 1_000_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens, in the operator's currency."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost_micros(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Rounded up, so that nothing that costs is counted as free."""
        exact = prompt_tokens * self.prompt + completion_tokens * self.completion
        return int(exact) + (exact > int(exact))


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The answer is the built-in writer's: this much of ``unit`` was allowed in ``scope``, and is spent."""

    scope: Scope
    unit: Unit
    limit: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits in each scope; 0 is none."""

    conversation: Amount = field(default_factory=Amount)
    user: Amount = field(default_factory=Amount)
    day: Amount = field(default_factory=Amount)

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit at all."""
        return any(amount != Amount() for amount in (self.conversation, self.user, self.day))

    def check(self, spent: Spent, wanted: Amount) -> Exhausted | None:
        """None where ``wanted``, the most that the next answer can take, still fits everywhere."""
        scopes: tuple[tuple[Scope, Amount, Amount], ...] = (
            ("conversation", self.conversation, spent.conversation),
            ("user", self.user, spent.user),
            ("day", self.day, spent.everybody),
        )
        for scope, limit, before in scopes:
            after = before + wanted
            if limit.tokens and after.tokens > limit.tokens:
                return Exhausted(scope, "tokens", limit.tokens)
            if limit.cost_micros and after.cost_micros > limit.cost_micros:
                return Exhausted(scope, "cost", limit.cost_micros)
        return None


def day_start_ms(now_ms: int) -> int:
    """The UTC midnight before ``now_ms``."""
    return now_ms - now_ms % DAY_MS
