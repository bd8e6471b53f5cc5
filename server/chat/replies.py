"""The bot's words as a row for the ledger: the decision behind them, what is shown of it, and what was doubtful."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from server.chat.choosing import Choice
from server.chat.doubts import DoubtRule
from server.chat.memory import Memory
from server.chat.mood import Bent
from server.chat.trials import Part, Trials
from server.chat.understanding import Heard
from server.chat.writer import Written
from server.store.ports import Answer, OpenTurn
from server.wire.parts import Turn, User


class Replies:
    """``identity``: whose words they are. ``doubts``: which turns go to the inbox; None: none do."""

    def __init__(
        self, *, identity: User, new_id: Callable[[], str], trials: Trials, doubts: DoubtRule | None = None
    ) -> None:
        self._identity = identity
        self._new_id = new_id
        self._trials = trials
        self._doubts = doubts

    def bare(self, turn: OpenTurn, memory: Memory, written: Written, now_ms: int) -> Answer:
        """The written words as an answer that nobody has decided."""
        return Answer(
            turn=turn,
            sender=self._identity,
            text=written.text,
            message_id=self._new_id(),
            at_ms=now_ms,
            data=written.data(),
            shown=None,
            decision=None,
            analysis={},
            notes=memory.notes(written),
        )

    def decided(
        self,
        turn: OpenTurn,
        memory: Memory,
        heard: Heard,
        *,
        part: Part,
        choice: Choice,
        mood: Bent,
        written: Written,
    ) -> Answer:
        """The written words with what led to them."""
        shown = _shown(heard, part, choice, mood)
        doubt = self._doubts.doubt(heard.analysis, written.kind, memory.asked_back) if self._doubts else None
        trial = self._trials.record(part, turn, memory, heard.analysis.sentiment.score, choice.row.at_ms)
        return replace(
            self.bare(turn, memory, written, choice.row.at_ms),
            shown=shown,
            decision=choice.row,
            analysis=heard.wire,
            doubt=doubt,
            trial=trial,
        )


def _shown(heard: Heard, part: Part, choice: Choice, mood: Bent) -> Turn:
    """What the wire tells of a turn that is written by now."""
    row = choice.row
    return Turn(
        decision_id=row.decision_id,
        persona=row.arm,
        policy=row.policy,
        version=row.version,
        propensity=round(row.propensity, 6),
        experiment=part.ref,
        analysis_us=(heard.analysed_ns - heard.started_ns) // 1000,
        decide_us=choice.took_us,
        total_us=(time.perf_counter_ns() - heard.started_ns) // 1000,
        mood=mood.shown,
    )
