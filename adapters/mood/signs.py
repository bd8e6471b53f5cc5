"""What the rules look at: a customer's message as understood, and how the mood went until then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from adapters.mood.history import recent_change, volatility

EMOTIONS = ("joy", "anger", "sadness", "fear", "surprise")
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "sentiment": "of the message, from -1 to 1",
        "urgency": "of the message, from 0 to 1",
        "politeness": "of the message, from -1 (rude) to 1",
        "toxicity": "of the message, from 0 to 1",
        **{name: f"probability of {name} where it is the strongest emotion, else 0" for name in EMOTIONS},
        "trend": "mean sentiment of the last five messages less that of the last ten",
        "volatility": "standard deviation of the sentiment of the last ten messages, from the third on",
    }
)


@dataclass(frozen=True, slots=True)
class Signs:
    """One moment of a conversation. ``emotions``: all of them with their probabilities, "neutral" among them;
    ``trend`` and ``volatility`` as in ``MEASURES``."""

    sentiment: float = 0.0
    urgency: float = 0.0
    politeness: float = 0.0
    toxicity: float = 0.0
    emotions: Mapping[str, float] = field(default_factory=dict)
    trend: float = 0.0
    volatility: float = 0.0
    values: Mapping[str, float] = field(init=False, repr=False, compare=False)
    """What each of ``MEASURES`` says."""

    def __post_init__(self) -> None:
        strongest = max(self.emotions.values(), default=0.0)
        shares = {name: self.emotions.get(name, 0.0) for name in EMOTIONS}
        values = {
            "sentiment": self.sentiment,
            "urgency": self.urgency,
            "politeness": self.politeness,
            "toxicity": self.toxicity,
            "trend": self.trend,
            "volatility": self.volatility,
            **{name: share if share >= strongest else 0.0 for name, share in shares.items()},
        }
        object.__setattr__(self, "values", values)

    @classmethod
    def after(cls, scores: Sequence[float], **message: float | Mapping[str, float]) -> Signs:
        """With trend and volatility of ``scores``, sentiments of the last messages with this one's at the end."""
        return cls(trend=recent_change(scores), volatility=volatility(scores), **message)  # type: ignore[arg-type]
