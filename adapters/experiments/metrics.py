"""What is measured: each metric is defined once, with its name, unit, direction and columns.

A value that is not known is NaN and stays so: it is left out and counted, never taken for 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from adapters.names import suggestion

Kind = Literal["binary", "continuous", "ratio"]
Direction = Literal["higher", "lower"]
Total = Literal["any", "mean", "sum", "ratio"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of units (users, or whatever was randomised).

    ``kind`` binary: 0 or 1 a unit, 1 where any of its observations is. ``continuous``: the mean of a unit's known
    observations, or their sum. ``ratio``: all numerators by all denominators (``column`` by ``per``), its error by the
    delta method. ``direction``: whether ``higher`` or ``lower`` values are better. ``unit``: of measure, such as "ms";
    "" for none."""

    name: str
    kind: Kind
    column: str
    per: str | None = None
    total: Total = "mean"
    direction: Direction = "higher"
    unit: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"metric {self.name!r} has the kind {self.kind!r}. {suggestion(self.kind, KINDS)}")
        if (self.kind == "ratio") != (self.per is not None):
            raise ValueError(f"metric {self.name!r}: a ratio, and only a ratio, needs a numerator and a denominator.")
        if self.kind == "continuous" and self.total not in ("mean", "sum"):
            raise ValueError(f"metric {self.name!r}: a unit's total is its mean or its sum, not {self.total!r}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The recorded columns it needs."""
        return (self.column,) if self.per is None else (self.column, self.per)

    @property
    def sign(self) -> float:
        """+1 where higher is better, −1 where lower is."""
        return 1.0 if self.direction == "higher" else -1.0


MODIFIERS = ("higher", "lower", "mean", "sum")


def parse_metric(text: str) -> Metric:
    """``NAME:KIND``, then any of ``:higher``, ``:lower``, ``:sum``, ``:mean``; the name of a ratio is
    ``NUMERATOR/DENOMINATOR``.

    Direction defaults to the named metric's of ``METRICS``, else to higher. ``ValueError`` says what is wrong.
    """
    name, *words = (word.strip() for word in text.split(":"))
    if not name or not words:
        raise ValueError(f"metric {text!r}: write NAME:KIND, where KIND is one of {', '.join(KINDS)}.")
    kind, *modifiers = words
    if kind not in KINDS:
        raise ValueError(f"metric {text!r} has the kind {kind!r}. {suggestion(kind, KINDS)}")
    for modifier in modifiers:
        if modifier not in MODIFIERS:
            raise ValueError(f"metric {text!r} has the modifier {modifier!r}. {suggestion(modifier, MODIFIERS)}")
    known = METRICS.get(name)
    higher = known.direction if known else "higher"
    direction: Direction = "lower" if "lower" in modifiers else "higher" if "higher" in modifiers else higher
    unit = known.unit if known and known.kind == kind else ""
    if kind == "ratio":
        column, slash, per = (part.strip() for part in name.partition("/"))
        if not (column and slash and per):
            raise ValueError(f"metric {text!r}: the name of a ratio is NUMERATOR/DENOMINATOR, such as clicks/turns.")
        return Metric(name, "ratio", column, per, "ratio", direction, unit)
    if kind == "binary":
        return Metric(name, "binary", name, None, "any", direction, unit)
    return Metric(name, "continuous", name, None, "sum" if "sum" in modifiers else "mean", direction, unit)


def _shipped() -> tuple[Metric, ...]:
    return (
        Metric("engagement_rate", "ratio", "replies", "answers", "ratio", "higher", "replies per answer",
               "answers that the customer wrote back to, of all answers"),
        Metric("conversation_length", "continuous", "turns", None, "mean", "higher", "turns",
               "customer turns a conversation, averaged over a user's conversations"),
        Metric("response_time", "continuous", "response_ms", None, "mean", "lower", "ms",
               "from message to answer, averaged over a user's turns"),
        Metric("sentiment", "continuous", "sentiment_score", None, "mean", "higher", "score of [-1, 1]",
               "of the customer's messages after the first answer"),
        Metric("satisfaction", "continuous", "rating", None, "mean", "higher", "stars of [1, 5]",
               "the customer's own rating; unknown for who gave none"),
        Metric("retention", "binary", "returned", None, "any", "higher", "share of users",
               "wrote again from a day after the first answer on, within the days that the experiment names"),
        Metric("conversion", "binary", "converted", None, "any", "higher", "share of users",
               "reached the goal event that the experiment names"),
        Metric("handoff_rate", "ratio", "handoffs", "conversations", "ratio", "lower", "hand-offs per conversation",
               "conversations handed to a human, of all conversations"),
        Metric("resolution", "ratio", "resolved", "conversations", "ratio", "higher", "share of conversations",
               "conversations marked resolved, of all conversations"),
    )  # fmt: skip


METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _shipped()})
"""The metrics that the server records, by name."""


def metric_named(name: str) -> Metric:
    """``ValueError`` names the nearest metric to an unknown one."""
    if name not in METRICS:
        raise ValueError(f"there is no metric {name!r}. {suggestion(name, METRICS)}")
    return METRICS[name]
