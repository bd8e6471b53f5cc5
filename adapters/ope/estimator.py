"""What every estimator promises, and the estimators by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.names import suggestion
from adapters.ope.dm import DM
from adapters.ope.dr import DR
from adapters.ope.ips import IPS
from adapters.ope.log import Log, Matrix
from adapters.ope.snips import SNIPS
from adapters.ope.switch_dr import TAU, SwitchDR
from adapters.ope.terms import Control


class Estimator(Protocol):
    """Estimates what a target policy would have earned on a log.

    ``uses_model``: whether it takes expected rewards. ``asks_all_probabilities``: whether the probabilities of the
    arms that were not drawn must be known, too (of its bounds; the values of IPS and SNIPS need them never).
    """

    @property
    def name(self) -> str: ...

    @property
    def uses_model(self) -> bool: ...

    @property
    def asks_all_probabilities(self) -> bool: ...

    def value(self, log: Log, target: Matrix, expected: Matrix) -> float:
        """The estimate, in the rewards' units. ``target`` and ``expected`` are (rows, arms)."""

    def control(self, log: Log, target: Matrix, earlier: Matrix) -> Control:
        """What its bounds take for expected; ``earlier`` (rows, arms) from rows before only."""


_ESTIMATORS: dict[str, Callable[[float], Estimator]] = {
    "ips": lambda _tau: IPS(),
    "snips": lambda _tau: SNIPS(),
    "dm": lambda _tau: DM(),
    "dr": lambda _tau: DR(),
    "switch-dr": SwitchDR,
}
ESTIMATOR_NAMES: tuple[str, ...] = tuple(_ESTIMATORS)


def estimator_named(name: str, tau: float = TAU) -> Estimator:
    """``tau`` is Switch-DR's. ``ValueError`` names the nearest estimator to an unknown one."""
    if name not in _ESTIMATORS:
        raise ValueError(f"there is no estimator {name!r}. {suggestion(name, ESTIMATOR_NAMES)}")
    return _ESTIMATORS[name](tau)
