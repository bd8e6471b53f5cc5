"""The turn's choice: which persona answers, drawn by the policy (or an experiment in its place), and the log's row."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from adapters.features import features
from inference.analysis import Analysis
from server.chat.constraints import Constraints
from server.chat.learning import Learner
from server.chat.memory import Memory, turn_view
from server.chat.trials import Drawn, Part, Trials
from server.store.ports import DecisionRow, Store
from server.wire.frames import Message


@dataclass(frozen=True, slots=True)
class Choice:
    """``took_us``: microseconds from the features to the row."""

    row: DecisionRow
    took_us: int

    @property
    def arm(self) -> str:
        """The name of the persona that answers."""
        return self.row.arm


class Choosing:
    """``constraints`` say who may be drawn, ``trials`` who is in the policy's place, else ``learner`` draws."""

    def __init__(
        self,
        *,
        store: Store,
        learner: Learner,
        constraints: Constraints,
        trials: Trials,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._learner = learner
        self._constraints = constraints
        self._trials = trials
        self._new_id = new_id

    async def segment(self, channel: str) -> str | None:
        """The customers' segment, where a rule or a policy asks for it."""
        return await self._constraints.segment(self._store, channel, wanted=self._trials.asks_segment)

    def choose(self, asked: Message, memory: Memory, analysis: Analysis, part: Part, now_ms: int) -> Choice:
        """For a message that ``memory`` has just heard; no I/O."""
        started_ns = time.perf_counter_ns()
        x, user = features(turn_view(memory, analysis, asked.text, now_ms)), asked.sender.id
        may = self._constraints.allowed(analysis, memory.segment, self._learner.drawable)
        open_arms = tuple(arm for arm in self._learner.drawable if may.arms is None or arm in may.arms)
        drawn = self._trials.draw(part, x, open_arms, user=user, segment=memory.segment)
        if drawn is None:
            chosen = self._learner.choose(x, allowed=may.arms, user=user, segment=memory.segment)
            name, mode = self._learner.name, self._learner.mode
            drawn = Drawn(name, self._learner.policy.arms, chosen, self._learner.version, self._learner.seed, mode)
        row = self._row(drawn, tuple(x.tolist()), now_ms)
        return Choice(row, (time.perf_counter_ns() - started_ns) // 1000)

    def _row(self, drawn: Drawn, x: tuple[float, ...], now_ms: int) -> DecisionRow:
        chosen = drawn.decision
        return DecisionRow(
            decision_id=self._new_id(),
            policy=drawn.log,
            version=drawn.version,
            arm=chosen.arm,
            propensity=chosen.propensity,
            arms=drawn.arms,
            probabilities=tuple(chosen.probabilities.tolist()),
            features=x,
            at_ms=now_ms,
            mode=drawn.mode,
            seed=drawn.seed,
        )
