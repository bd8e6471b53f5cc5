"""What the bot remembers of a conversation: values, rebuilt from the ledger when they are not at hand."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.features import TurnView
from adapters.rewards import Before
from inference.analysis import Analysis
from server.chat.writer import Written
from server.store.ports import PastTurn

# Ten turns carry a conversation's mood; older ones say little about the next answer.
REMEMBERED_TURNS = 10
_TREND_TURNS = 3


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The bot's last answer: the decision that the customer's next turn rewards, and how the turn before it was.

    No more of the analysis than that: a worker remembers thousands of conversations.
    """

    decision_id: str | None
    before: Before
    at_ms: int


@dataclass(slots=True)
class Memory:
    """One conversation. ``scores``: sentiment of the last customer turns; ``gaps_s``: how long they took to write.

    ``used_phrases``: what was said, longest ago first (a dict as an ordered set). ``known``: details that the customer
    has given, such as an order number, so that nobody asks twice. ``offset``: of the last message that it knows of.
    ``asked_back``: the last answer asked what was meant.
    """

    offset: int = 0
    turns: int = 0
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED_TURNS))
    gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED_TURNS))
    used_phrases: dict[str, None] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    previous_intent: str | None = None
    last: LastAnswer | None = None
    last_rating: float | None = None
    resolved_before: bool = False
    silence_told: bool = False
    asked_back: bool = False

    def hear(self, analysis: Analysis, at_ms: int) -> None:
        """Take in a customer's turn."""
        self.turns += 1
        self.scores.append(analysis.sentiment.score)
        if self.last is not None and at_ms > self.last.at_ms:
            self.gaps_s.append((at_ms - self.last.at_ms) / 1000)

    def say(self, phrases: Iterable[str]) -> None:
        """These were said last."""
        for phrase in phrases:
            self.used_phrases.pop(phrase, None)
            self.used_phrases[phrase] = None

    def answered(self, answer: LastAnswer, written: Written, offset: int) -> None:
        """Take in the bot's answer at ``offset``."""
        self.offset = offset
        self.last = answer
        self.previous_intent = written.intent
        self.say(written.phrases)
        self.known = dict(written.known)
        self.asked_back = written.kind == "clarification"
        self.last_rating = None
        self.silence_told = False

    def notes(self, written: Written) -> dict[str, Any]:
        """What the ledger keeps with the turn, for ``rebuild``; ``intent`` is what the answer was about."""
        return {
            "intent": written.intent,
            "phrases": list(written.phrases),
            "known": dict(written.known),
            "resolved_before": self.resolved_before,
            "asked_back": written.kind == "clarification",
        }


def rebuild(past: list[PastTurn]) -> Memory:
    """The memory that the last turns left, in the order of their offsets."""
    memory = Memory(turns=len(past))
    for number, turn in enumerate(past, 1):
        before = before_of(turn.analysis, number, turn.at_ms, turn.answered_at_ms)
        memory.scores.append(before.sentiment_score)
        if memory.last is not None and turn.at_ms > memory.last.at_ms:
            memory.gaps_s.append((turn.at_ms - memory.last.at_ms) / 1000)
        memory.last = LastAnswer(turn.decision_id, before, turn.answered_at_ms)
        memory.previous_intent = turn.notes.get("intent")
        memory.say(turn.notes.get("phrases", ()))
        memory.known = dict(turn.notes.get("known", {}))
        memory.resolved_before = bool(turn.notes.get("resolved_before", False))
        memory.asked_back = bool(turn.notes.get("asked_back", False))
    return memory


def before_of(analysis: Mapping[str, Any], turn_number: int, asked_ms: int, answered_ms: int) -> Before:
    """What an answer is judged by, of the analysis that the ledger keeps; a turn that nobody understood has none."""
    score, act = analysis.get("sentiment", {}).get("score", 0.0), analysis.get("act", "other")
    return Before(float(score), str(act), turn_number, (answered_ms - asked_ms) / 1000)


def turn_view(memory: Memory, analysis: Analysis, text: str, now_ms: int) -> TurnView:
    """The policy's view of a turn that ``memory`` has just heard."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    letters = sum(map(str.isalpha, text))
    scores = list(memory.scores)
    return TurnView(
        act=analysis.act,
        sentiment_score=analysis.sentiment.score,
        sentiment_confidence=analysis.sentiment.confidence,
        emotions=analysis.emotions,
        urgency=analysis.urgency,
        politeness=analysis.politeness,
        toxicity=analysis.toxicity,
        intent_confidence=analysis.intent_confidence,
        out_of_scope=analysis.out_of_scope,
        text_code_points=len(text),
        words=len(text.split()),
        exclamations=text.count("!"),
        questions=text.count("?"),
        emoji=0 if text.isascii() else sum(unicodedata.category(char) == "So" for char in text),
        uppercase_share=sum(map(str.isupper, text)) / letters if letters else 0.0,
        turn_number=memory.turns,
        previous_sentiment_score=scores[-2] if len(scores) > 1 else None,
        sentiment_trend=_trend(scores),
        mean_gap_s=sum(memory.gaps_s) / len(memory.gaps_s) if memory.gaps_s else None,
        last_rating=memory.last_rating,
        resolved_before=memory.resolved_before,
        hour_of_day=moment.hour + moment.minute / 60,
        weekday=moment.weekday(),
    )


def _trend(scores: list[float]) -> float:
    """Half the difference between the last three scores' mean and that of those before: in [-1, 1]."""
    recent, before = scores[-_TREND_TURNS:], scores[:-_TREND_TURNS]
    if not before:
        return 0.0
    return (sum(recent) / len(recent) - sum(before) / len(before)) / 2


class Memories:
    """The conversations at hand, the least recently used dropped first."""

    def __init__(self, max_conversations: int) -> None:
        self._max_conversations = max_conversations
        self._memories: OrderedDict[str, Memory] = OrderedDict()

    def get(self, channel: str) -> Memory | None:
        memory = self._memories.get(channel)
        if memory is not None:
            self._memories.move_to_end(channel)
        return memory

    def put(self, channel: str, memory: Memory) -> Memory:
        self._memories[channel] = memory
        if len(self._memories) > self._max_conversations:
            self._memories.popitem(last=False)
        return memory

    def forget(self, channel: str) -> None:
        """Drop what may be wrong, so that it is rebuilt from the ledger."""
        self._memories.pop(channel, None)

    def all(self) -> list[Memory]:
        """Every conversation at hand."""
        return list(self._memories.values())
