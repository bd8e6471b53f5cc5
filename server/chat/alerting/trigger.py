"""When a rule speaks: a Schmitt trigger per severity, with holding times (pure).

O. H. Schmitt, "A thermionic trigger", Journal of Scientific Instruments 15 (1938): what raises lies beyond what
clears, so a value that trembles between the two changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from server.chat.alerting.values import RANK, Kind, Reading, Rule
from server.store.alert_ports import Severity


@dataclass(frozen=True, slots=True)
class Trigger:
    """``since_ms``: from when on the opposite has held without a break; None: it does not."""

    on: bool = False
    since_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one rule and one thing that it is about. ``known_ms``: when there was a reading last."""

    triggers: Mapping[Severity, Trigger]
    known_ms: float

    @property
    def severity(self) -> Severity | None:
        """The worst that is on."""
        on = [severity for severity, trigger in self.triggers.items() if trigger.on]
        return max(on, key=RANK.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class Transition:
    """``severity``: the new one; of one that is cleared, the last."""

    kind: Kind
    severity: Severity


OFF: Final = Trigger()


def started(rule: Rule, now_ms: float, standing: Severity | None = None) -> Track:
    """A track of which nothing is known yet, or one whose alert ``standing`` another worker has raised."""
    upto = 0 if standing is None else RANK[standing]
    return Track({severity: Trigger(on=RANK[severity] <= upto) for severity in rule.thresholds}, now_ms)


def stepped(rule: Rule, track: Track, reading: Reading | None, now_ms: float) -> tuple[Track, Transition | None]:
    """What ``reading``, None for none, makes of ``track`` at ``now_ms`` (monotonic, never earlier than before)."""
    before = track.severity
    if reading is None or (reading.count is not None and reading.count < rule.at_least):
        after = _unknown(rule, track, now_ms)
    else:
        triggers = {
            severity: _moved(
                track.triggers.get(severity, OFF),
                over=rule.is_beyond(reading.value, threshold.raise_at),
                under=not rule.is_beyond(reading.value, threshold.clear_at),
                rule=rule,
                now_ms=now_ms,
            )
            for severity, threshold in rule.thresholds.items()
        }
        after = Track(triggers, now_ms)
    return after, _transition(before, after.severity)


def gone(rule: Rule, track: Track, now_ms: float) -> tuple[Track, Transition | None]:
    """What it was about is no more, such as a version that answers no longer: as a good value."""
    triggers = {
        severity: _moved(trigger, over=False, under=True, rule=rule, now_ms=now_ms)
        for severity, trigger in track.triggers.items()
    }
    after = replace(track, triggers=triggers)
    return after, _transition(track.severity, after.severity)


def _moved(trigger: Trigger, *, over: bool, under: bool, rule: Rule, now_ms: float) -> Trigger:
    towards, hold_ms = (under, rule.clear_for_ms) if trigger.on else (over, rule.for_ms)
    if not towards:
        return Trigger(trigger.on)
    since_ms = now_ms if trigger.since_ms is None else trigger.since_ms
    return Trigger(not trigger.on) if now_ms - since_ms >= hold_ms else Trigger(trigger.on, since_ms)


def _unknown(rule: Rule, track: Track, now_ms: float) -> Track:
    """Nothing begins and nothing ends on what is not known, but for what has been unknown for long."""
    if now_ms - track.known_ms >= rule.silent_clears_ms:
        return Track(dict.fromkeys(track.triggers, OFF), track.known_ms)
    return replace(track, triggers={name: Trigger(trigger.on) for name, trigger in track.triggers.items()})


def _transition(before: Severity | None, after: Severity | None) -> Transition | None:
    if before == after:
        return None
    if after is None:
        return None if before is None else Transition("cleared", before)
    return Transition("raised" if before is None else "changed", after)
