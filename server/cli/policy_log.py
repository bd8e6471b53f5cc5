"""The server's own decision and reward logs for ``parlance policy``, and policies made as the server makes them."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.features import FEATURE_NAMES
from adapters.policies import POLICY_NAMES, Policy
from server.chat.fold import Fold
from server.chat.lineage import lineage_at
from server.chat.replay import LogGap, Replay
from server.chat.variant_policies import deciding_change, parameters_in
from server.cli.ledger import with_store
from server.cli.options import load
from server.contents import build_policy, read_personas, read_rules
from server.errors import StartupError
from server.store.decision_ports import LoggedDecision, all_decisions
from server.store.people_ports import Asked
from server.store.ports import RewardEvent
from server.store.sql import SqlStore
from server.wiring.policies import SettingsMaker, settings_with

if TYPE_CHECKING:
    from adapters.allowed import Rule
    from adapters.experiments.changes import Change
    from adapters.personas import Persona
    from server.settings import Settings

T = TypeVar("T")
EVENTS_PER_PAGE = 1_000
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since_ms`` on, before ``until_ms``; None: without end."""

    since_ms: int | None = None
    until_ms: int | None = None


class PolicyLog:
    """What the commands read. Ends a command with 1 where there is no such thing."""

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        self._settings = settings
        self.name = name or settings.policy
        self.personas: tuple[Persona, ...] = read_personas(settings.personas_path)

    @property
    def algorithm(self) -> str:
        """Of the policy that made the log: a log bears its algorithm's name, unless somebody has named it otherwise."""
        return self.name if self.name in POLICY_NAMES else self._settings.policy

    @property
    def own_policy(self) -> Change | None:
        """Of an experiment's log: what its variant does to decide, a persona or a policy. None for other logs, and
        where the experiment can't be read."""
        return self._run(lambda store: deciding_change(store, self.name))

    def decision(self, decision_id: str) -> LoggedDecision:
        """One by its id."""
        return self._run(lambda store: store.decision(decision_id))

    def asked(self, decision_id: str) -> Asked:
        """Whom a decision was about, and what was understood; nothing of either where the message is gone."""
        return self._run(lambda store: store.asked(decision_id)) or Asked(None, None, {})

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Who may answer what, today. ``StartupError``."""
        return read_rules(self._settings.policy_rules_file, self.personas, None)

    def decisions(self, span: Span, *, with_people: bool = False) -> list[LoggedDecision]:
        """In the order of their making. ``StartupError`` where the policy has none at all."""

        async def read(store: SqlStore) -> tuple[list[LoggedDecision], list[str]]:
            pages = all_decisions(
                store, self.name, since_ms=span.since_ms, until_ms=span.until_ms, with_people=with_people
            )
            found = [each async for each in pages]
            return found, [] if found else await store.deciding_policies()

        found, names = self._run(read)
        if not found and self.name not in names:
            known = f"Logged are: {', '.join(names)}." if names else "None are logged at all yet."
            raise StartupError(f"No decisions of a policy {self.name!r} are logged.", f"{known} Name one with --log.")
        return found

    def events(self) -> list[RewardEvent]:
        """All rewards of the log, in its order."""

        async def read(store: SqlStore) -> list[RewardEvent]:
            found: list[RewardEvent] = []
            while page := await store.rewards_after(self.name, found[-1].log_offset if found else 0, EVENTS_PER_PAGE):
                found += page
            return found

        return self._run(read)

    def state_at(self, version: float = math.inf, name: str | None = None, **parameters: Any) -> Fold:
        """What the log up to that place made of the policy that made it, or would have made of another; see
        ``policy``."""
        own = self.own_policy if name is None else None
        if own is not None and own.kind == "policy":
            name, given = parameters_in(own)
            parameters = {**given, **parameters}
        maker = SettingsMaker(self._settings_for(name, parameters), self.personas)
        try:
            return self._run(lambda store: Replay(store, self.name, maker).state_at(version))
        except LogGap as error:
            raise StartupError(str(error), "See whether the database is well: parlance doctor.") from None

    def policy(self, name: str | None, parameters: dict[str, Any]) -> Policy:
        """As the server makes it, with the log's personas, having learned nothing; ``name`` None: the settings' own
        algorithm. The settings' parameters by name hold for that one only. ``StartupError``."""

        async def personas(store: SqlStore) -> tuple[Persona, ...]:
            return lineage_at(self.personas, await store.policy_changes(self.name), math.inf).personas

        return build_policy(self._settings_for(name, parameters), self._run(personas))

    def _settings_for(self, name: str | None, parameters: dict[str, Any]) -> Settings:
        return settings_with(self._settings, name or self._settings.policy, parameters)

    def _run(self, work: Callable[[SqlStore], Awaitable[T]]) -> T:
        return with_store(self._settings, work)


def open_log(name: str | None = None, **flags: Any) -> PolicyLog:
    """With the settings of this call; ``name``: whose log, the settings' policy's for None."""
    return PolicyLog(load(check=False, make=False, **flags).settings, name)


def fitted(features: Sequence[float], dim: int = len(FEATURE_NAMES)) -> list[float]:
    """A logged context as today's policies take it: what an older release had not measured is 0."""
    return [*features[:dim], *[0.0] * (dim - len(features))]


def moment_ms(text: str | None, option: str, now_ms: int) -> int | None:
    """A date or time (ISO 8601, UTC unless it says otherwise), or how long ago, such as 7d or 12h. ``StartupError``."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_ms - round(timedelta(**{_UNITS[ago[2]]: float(ago[1])}).total_seconds() * 1_000)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise StartupError(f"{option} {text!r} is no time.", "Write 2026-01-31, 2026-01-31T12:00 or 7d.") from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1_000)


def settings_of(texts: Sequence[str] | None) -> dict[str, Any]:
    """``--set NAME=VALUE`` as values: numbers, true and false, else texts. ``StartupError``."""
    found: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise StartupError(f"--set {text!r} is no NAME=VALUE.", "Write it like --set alpha=0.3.")
        found[name] = _value(value)
    return found


def _value(text: str) -> object:
    words: dict[str, object] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text
