"""The alerts that stand: readings go in, rows that changed come out (pure; the clock and identifiers are arguments)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from server.chat.alerting.trigger import Track, Transition, gone, started, stepped
from server.chat.alerting.values import NOWHERE, Reading, Rule
from server.store.alert_ports import AlertRow

Subject = tuple[str, tuple[tuple[str, str], ...]]
Readings = Mapping[str, Sequence[Reading]]


def subject_of(rule: str, about: Mapping[str, str]) -> Subject:
    """What one alert at a time stands for."""
    return rule, tuple(sorted(about.items()))


class Board:
    """What whoever looks after the alerts remembers."""

    def __init__(self, rules: Sequence[Rule], new_id: Callable[[], str]) -> None:
        self._rules = tuple(rules)
        self._new_id = new_id
        self._tracks: dict[Subject, Track] = {}
        self._standing: dict[Subject, AlertRow] = {}

    @property
    def standing(self) -> list[AlertRow]:
        """The oldest first."""
        return sorted(self._standing.values(), key=lambda row: (row.raised_at_ms, row.alert_id))

    def take_over(self, rows: Iterable[AlertRow], mono_ms: float) -> None:
        """These stand: another worker raised them, or this one before its restart."""
        self._tracks.clear()
        self._standing = {subject_of(row.rule, row.about): row for row in rows if row.state == "raised"}
        rules = {rule.name: rule for rule in self._rules}
        for subject, row in self._standing.items():
            rule = rules.get(row.rule)
            if rule is not None:
                self._tracks[subject] = started(rule, mono_ms, row.severity)

    def look(
        self, readings: Readings, *, mono_ms: float, now_ms: int, only: Callable[[str], bool] = lambda _: True
    ) -> list[AlertRow]:
        """The alerts that these readings (by measure) raise, change or clear. ``only``: the measures to look at."""
        rules = [rule for rule in self._rules if only(rule.measure)]
        found = [list(self._look_at(rule, readings.get(rule.measure, ()), mono_ms, now_ms)) for rule in rules]
        return [*chain.from_iterable(found), *self._orphans(now_ms)]

    def _look_at(self, rule: Rule, readings: Sequence[Reading], mono_ms: float, now_ms: int) -> Iterable[AlertRow]:
        seen = {subject_of(rule.name, reading.about): reading for reading in readings}
        known = {subject for subject in self._tracks if subject[0] == rule.name}
        for subject in [*seen, *sorted(known - seen.keys())]:
            reading = seen.get(subject)
            track = self._tracks.get(subject) or started(rule, mono_ms)
            if reading is None and subject[1]:
                after, moved = gone(rule, track, mono_ms)
            else:
                after, moved = stepped(rule, track, reading, mono_ms)
            self._tracks[subject] = after
            if subject not in seen and subject[1] and after.severity is None:
                del self._tracks[subject]
            if moved is not None:
                yield self._moved(subject, moved, reading, now_ms)

    def _moved(self, subject: Subject, moved: Transition, reading: Reading | None, now_ms: int) -> AlertRow:
        before = self._standing.get(subject)
        if before is None:  # raised: a track that is on has its alert
            row = AlertRow(
                alert_id=self._new_id(),
                rule=subject[0],
                severity=moved.severity,
                state="raised",
                value=0.0 if reading is None else reading.value,
                raised_at_ms=now_ms,
                at_ms=now_ms,
                about=dict(subject[1]) if subject[1] else NOWHERE,
            )
        else:
            value = before.value if reading is None else reading.value
            row = replace(before, severity=moved.severity, value=value, at_ms=now_ms)
        if moved.kind == "cleared":
            row = replace(row, state="cleared")
            self._standing.pop(subject, None)
        else:
            self._standing[subject] = row
        return row

    def _orphans(self, now_ms: int) -> list[AlertRow]:
        """Alerts whose rule is gone, or whose severity the rule has no more: nobody would ever clear them."""
        names = {rule.name for rule in self._rules}
        lost = [subject for subject in self._standing if subject[0] not in names or not self._is_on(subject)]
        return [replace(self._standing.pop(subject), state="cleared", at_ms=now_ms) for subject in lost]

    def _is_on(self, subject: Subject) -> bool:
        track = self._tracks.get(subject)
        return track is not None and track.severity is not None

    def acknowledged(self, rows: Iterable[AlertRow]) -> list[AlertRow]:
        """Take up what people said in the ledger meanwhile; those that are new."""
        found = []
        for row in rows:
            subject = subject_of(row.rule, row.about)
            own = self._standing.get(subject)
            if own is None or own.alert_id != row.alert_id or own.acknowledged_at_ms == row.acknowledged_at_ms:
                continue
            self._standing[subject] = replace(
                own,
                acknowledged_by=row.acknowledged_by,
                acknowledged_at_ms=row.acknowledged_at_ms,
                acknowledged_severity=row.acknowledged_severity,
            )
            found.append(self._standing[subject])
        return found
