"""What the bot remembers of a conversation: values, rebuilt from the ledger when they are not at hand."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.features import TurnView
from adapters.rewards import Before
from inference import personality
from inference.analysis import Analysis
from server.chat.writer import Spoken, Written
from server.store.ports import Answer, PastTurn

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
    """One conversation. ``scores``: sentiment of the last customer turns; ``gaps_s``: how long they took to write;
    ``words``: how many words they had; ``asked``: whether they asked something.

    ``used_phrases``: what was said, longest ago first (a dict as an ordered set). ``known``: details that the customer
    has given, such as an order number, so that nobody asks twice. ``offset``: of the last message that it knows of.
    ``asked_back``: the last answer asked what was meant. ``mood``: the strengths of the mood rules that count
    (``adapters.mood``). ``style``: what the customer's words are counted as (``inference.personality``).
    ``visits``: the conversations that the customer opened before this one; None: nobody has looked. ``segment``: the
    customers', where anybody asks for it. ``spoken``: the last answer's language and address.
    """

    offset: int = 0
    turns: int = 0
    # Tuples: a deque of ten takes five times as much.
    scores: tuple[float, ...] = ()
    gaps_s: tuple[float, ...] = ()
    words: tuple[int, ...] = ()
    asked: tuple[bool, ...] = ()
    used_phrases: dict[str, None] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    previous_intent: str | None = None
    last: LastAnswer | None = None
    last_rating: float | None = None
    resolved_before: bool = False
    silence_told: bool = False
    asked_back: bool = False
    mood: Mapping[str, float] = field(default_factory=dict)
    style: personality.Counts = personality.NOTHING
    visits: int | None = field(default=None, compare=False)
    segment: str | None = None
    spoken: Spoken | None = None

    def hear(self, analysis: Analysis, text: str, at_ms: int) -> None:
        """Take in a customer's turn."""
        self.turns += 1
        self.listen(analysis.sentiment.score, analysis.act, analysis.language, text)
        if self.last is not None and at_ms > self.last.at_ms:
            self.wait((at_ms - self.last.at_ms) / 1000)

    def wait(self, gap_s: float) -> None:
        """The customer took that long to write."""
        self.gaps_s = (*self.gaps_s, gap_s)[-REMEMBERED_TURNS:]

    def listen(self, score: float, act: str, language: str, text: str) -> None:
        """Take in what a message was like."""
        self.scores = (*self.scores, score)[-REMEMBERED_TURNS:]
        self.words = (*self.words, len(text.split()))[-REMEMBERED_TURNS:]
        self.asked = (*self.asked, act == "question" or "?" in text)[-REMEMBERED_TURNS:]
        self.style = personality.added(self.style, personality.counted(text, language))

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
        self.spoken = written.spoken or self.spoken
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
            "mood": dict(self.mood),
            "spoken": written.spoken.note() if written.spoken is not None else None,
        }


def rebuild(past: list[PastTurn]) -> Memory:
    """The memory that the last turns left, in the order of their offsets."""
    memory = Memory(turns=len(past))
    for number, turn in enumerate(past, 1):
        before = before_of(turn.analysis, number, turn.at_ms, turn.answered_at_ms)
        memory.listen(before.sentiment_score, before.act, str(turn.analysis.get("language", "und")), turn.text)
        if memory.last is not None and turn.at_ms > memory.last.at_ms:
            memory.wait((turn.at_ms - memory.last.at_ms) / 1000)
        memory.last = LastAnswer(turn.decision_id, before, turn.answered_at_ms)
        memory.previous_intent = turn.notes.get("intent")
        memory.say(turn.notes.get("phrases", ()))
        memory.known = dict(turn.notes.get("known", {}))
        memory.resolved_before = bool(turn.notes.get("resolved_before", False))
        memory.asked_back = bool(turn.notes.get("asked_back", False))
        memory.mood = turn.notes.get("mood", {})
        memory.spoken = Spoken.noted(turn.notes.get("spoken")) or memory.spoken
    return memory


def last_answer(answer: Answer, turn_number: int) -> LastAnswer:
    """``answer``, to the turn of that number, as the next turn sees it."""
    decision_id = answer.decision.decision_id if answer.decision is not None else None
    before = before_of(answer.analysis, turn_number, answer.turn.message.at_ms, answer.at_ms)
    return LastAnswer(decision_id, before, answer.at_ms)


def before_of(analysis: Mapping[str, Any], turn_number: int, asked_ms: int, answered_ms: int) -> Before:
    """What an answer is judged by, of the analysis that the ledger keeps; a turn that nobody understood has none."""
    act = str(analysis.get("act", "other"))
    return Before(score_of(analysis), act, turn_number, (answered_ms - asked_ms) / 1000)


def score_of(analysis: Mapping[str, Any]) -> float:
    """The sentiment's score, 0 where nobody understood the text."""
    return float(analysis.get("sentiment", {}).get("score", 0.0))


def turn_view(memory: Memory, analysis: Analysis, text: str, now_ms: int) -> TurnView:
    """The policy's view of a turn that ``memory`` has just heard."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    letters = sum(map(str.isalpha, text))
    scores = memory.scores
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
        mean_words=sum(memory.words) / len(memory.words) if memory.words else 0.0,
        question_rate=sum(memory.asked) / len(memory.asked) if memory.asked else 0.0,
        visits=memory.visits or 0,
        personality=personality.indicators(memory.style),
    )


def _trend(scores: Sequence[float]) -> float:
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
