"""What has been told to whom: alerts go in, letters go out, and what is done with comes back to be stored.

A step of a ladder counts as told once its letters are done with, so whoever takes the duty over tells again what
stood in a dead worker's lines: at least once, and seldom twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from server.chat.alerting.courier import Courier
from server.chat.alerting.letters import Letter, letters
from server.chat.alerting.sending import Due, Gathering, due
from server.chat.alerting.values import Plan
from server.store.alert_ports import AlertRow, SilenceRow


@dataclass(slots=True)
class _Batch:
    dues: Sequence[Due]
    open_letters: int


class Dispatch:
    """``courier`` makes the courier, given who is to hear of letters that are done with. ``confirmed`` hears of rows
    that the ledger should know of."""

    def __init__(
        self,
        plan: Plan,
        *,
        courier: Callable[[Callable[[Letter], None]], Courier],
        new_id: Callable[[], str],
        confirmed: Callable[[AlertRow], None],
    ) -> None:
        self._plan = plan
        self._courier = courier(self._done)
        self._new_id = new_id
        self._confirmed = confirmed
        self._gathering = Gathering(plan)
        self._steps: dict[str, int] = {}  # handed to the courier, by alert
        self._told: dict[str, int] = {}  # and done with
        self._over: dict[str, AlertRow] = {}  # whose end is yet to be told
        self._batches: dict[str, _Batch] = {}  # by delivery

    def take_over(self, rows: Iterable[AlertRow]) -> None:
        """As the ledger has it; what this worker has under way goes on."""
        rows = list(rows)
        self._steps = {row.alert_id: row.told_steps for row in rows}
        self._told = dict(self._steps)
        self._over = {row.alert_id: row for row in rows if row.state == "cleared"}
        self._gathering = Gathering(self._plan)

    def stored(self, row: AlertRow) -> AlertRow:
        """The row as the ledger should have it: with what is done with, not with what is under way."""
        return replace(row, told_steps=self._told.get(row.alert_id, row.told_steps))

    def over(self, row: AlertRow) -> None:
        """It stands no longer; what waits to be told of its raise is told no more."""
        self._gathering.drop(row.alert_id)
        self._over[row.alert_id] = row

    def send(self, standing: Iterable[AlertRow], silences: Sequence[SilenceRow], mono_ms: float, now_ms: int) -> None:
        """Tell whoever is due to hear."""
        for row in (*standing, *self._over.values()):
            found = due(replace(row, told_steps=self._steps.get(row.alert_id, 0)), self._plan, silences, now_ms)
            if found is not None:
                self._gathering.add(found, mono_ms)
            else:  # it is acknowledged or silenced meanwhile
                self._gathering.drop(row.alert_id)
                if row.state == "cleared":
                    self._forget(row.alert_id)
        for dues, notices in self._gathering.ready(mono_ms):
            posted = []
            for notice in notices:
                posted += letters(notice, self._plan, delivery_id=self._new_id(), now_ms=now_ms)
            self._post(dues, posted)

    async def close(self) -> None:
        """Give up what is under way; see ``Courier.close``."""
        await self._courier.close()

    def _post(self, dues: Sequence[Due], posted: Sequence[Letter]) -> None:
        for one in dues:
            self._steps[one.alert.alert_id] = one.steps
            if one.about == "cleared":
                self._over.pop(one.alert.alert_id, None)
        batch = _Batch(dues, len(posted))
        self._batches.update((letter.delivery_id, batch) for letter in posted)
        for letter in posted:
            self._courier.send(letter)

    def _done(self, letter: Letter) -> None:
        batch = self._batches.get(letter.delivery_id)
        if batch is None:
            return
        batch.open_letters -= 1
        if batch.open_letters:
            return
        self._batches = {name: one for name, one in self._batches.items() if one is not batch}
        for one in batch.dues:
            self._confirm(one)

    def _confirm(self, told: Due) -> None:
        alert_id = told.alert.alert_id
        self._told[alert_id] = max(told.steps, self._told.get(alert_id, 0))
        if told.about == "cleared":
            self._confirmed(self.stored(replace(told.alert, clear_told=True)))
            self._forget(alert_id)
        elif not any(one.about == "cleared" and one.alert.alert_id == alert_id for one in self._under_way()):
            self._confirmed(self.stored(self._over.get(alert_id, told.alert)))

    def _under_way(self) -> Iterable[Due]:
        return (one for batch in self._batches.values() for one in batch.dues)

    def _forget(self, alert_id: str) -> None:
        for known in (self._over, self._steps, self._told):
            known.pop(alert_id, None)
