"""The versions of the model, for admins: what there is, how it does, and which of them shall answer.

What may be changed is decided by ``Rollout``, as for the command. ``live`` are the figures of the worker that is asked,
``everywhere`` those of all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from inference.errors import RegistryError
from inference.registry.catalogue import Catalogue, Version
from inference.registry.deployment import Deployment
from inference.registry.everywhere import ClusterFigures
from inference.registry.fleet import Roster
from inference.registry.labelled import Labelled
from inference.registry.live import Live, VersionFigures
from inference.registry.rollout import CANARY_SHARE, Rollout
from server.chat.peer import Caller
from server.chat.signals import ModelsMoved, Signals
from server.errors import ClientError, Conflict, Forbidden, NotFound, StartupError, Unavailable

_log = structlog.get_logger(__name__)

Json = dict[str, Any]
T = TypeVar("T")


class InUse(Protocol):
    """What this worker has taken up of the deployment."""

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def faults(self) -> Mapping[str, str]: ...

    async def look(self) -> None: ...


class Versions:
    """``rollout`` makes, in a thread, the one that holds for the own intents as they are now (False: asks nothing of
    them) and for these labelled turns, which ``labelled`` gives; ``roster``: who is in use; ``figures``: what versions
    do on all workers."""

    def __init__(
        self,
        *,
        models: InUse,
        rollout: Callable[[bool, Sequence[Labelled]], Rollout],
        labelled: Callable[[], Awaitable[Sequence[Labelled]]],
        roster: Callable[[], Roster],
        live: Live,
        figures: Callable[[], Awaitable[Mapping[str, ClusterFigures]]],
        signals: Signals,
    ) -> None:
        self._models = models
        self._rollout = rollout
        self._labelled = labelled
        self._roster = roster
        self._live = live
        self._figures = figures
        self._signals = signals

    async def overview(self, caller: Caller) -> Json:
        """The deployment, what of it this worker uses, and every version. ``Forbidden``."""
        _require_admin(caller)
        return await self._overview()

    async def version(self, caller: Caller, name: str) -> Json:
        """One version with all that was measured. ``Forbidden``, ``NotFound``."""
        _require_admin(caller)
        found = await _asked(lambda: self._models.catalogue.version(name), NotFound)
        lineage = await asyncio.to_thread(self._models.catalogue.lineage, name)
        shown = self._shown(found, self._live.figures(), await self._everywhere())
        if lineage is not None:
            plain = msgspec.to_builtins(lineage)
            shown["lineage"] = {name: value for name, value in plain.items() if value is not None}
        return shown

    async def shadow(self, caller: Caller, version: str | None) -> Json:
        """Let a version read beside, or none. ``Forbidden``, ``NotFound``, ``Conflict``."""
        return await self._change(caller, version, lambda rollout: rollout.shadow(version))

    async def canary(
        self, caller: Caller, version: str | None, share: float = CANARY_SHARE, *, force: bool = False
    ) -> Json:
        """Let a version answer a share of the conversations, or none. ``Forbidden``, ``NotFound``, ``Conflict``."""
        return await self._change(
            caller, version, lambda rollout: rollout.canary(version, share, force=force), gated=True
        )

    async def promote(self, caller: Caller, version: str, *, force: bool = False) -> Json:
        """Let a version answer everybody. ``Forbidden``, ``NotFound``, ``Conflict`` where the gate refuses."""
        return await self._change(caller, version, lambda rollout: rollout.promote(version, force=force), gated=True)

    async def rollback(self, caller: Caller) -> Json:
        """Let the champion before this one answer again. ``Forbidden``, ``Conflict`` where there is none."""
        return await self._change(caller, None, lambda rollout: rollout.rollback())

    async def remove(self, caller: Caller, version: str, *, force: bool = False) -> None:
        """Delete the files of an added version, whole or broken, that does nothing; ``force``: also one that
        ``rollback`` would go back to. ``Forbidden``, ``NotFound``, ``Conflict``."""
        _require_admin(caller)
        catalogue = self._models.catalogue
        if version not in await _asked(catalogue.broken, Conflict):
            await _asked(lambda: catalogue.version(version), NotFound)
        changed = await _asked(lambda: self._rollout(False, ()).remove(version, force=force), Conflict)
        await self._signals.send(ModelsMoved(changed.revision))

    async def _change(
        self, caller: Caller, version: str | None, change: Callable[[Rollout], Deployment], *, gated: bool = False
    ) -> Json:
        _require_admin(caller)
        if version is not None:
            await _asked(lambda: self._models.catalogue.version(version), NotFound)
        labelled = await self._labelled() if gated and version is not None else ()
        changed = await _asked(lambda: change(self._rollout(gated, labelled)), Conflict)
        await self._signals.send(ModelsMoved(changed.revision))
        await self._models.look()  # so that the answer tells what it has come to
        return await self._overview()

    async def _overview(self) -> Json:
        catalogue, roster = self._models.catalogue, self._roster()
        versions, broken, deployment = await _asked(
            lambda: (catalogue.versions(), catalogue.broken(), _read(catalogue)), Conflict
        )
        shown, live = _deployed(deployment) if deployment is not None else {}, self._live.figures()
        everywhere = await self._everywhere()
        return {
            **shown,
            "serving": _serving(roster),
            "items": [self._shown(version, live, everywhere) for version in versions],
            "problems": [
                {"version": name, "reason": reason} for name, reason in {**broken, **self._models.faults}.items()
            ],
        }

    async def _everywhere(self) -> Mapping[str, ClusterFigures]:
        try:
            return await self._figures()
        except Unavailable as error:  # the versions are files, and can be told without the database
            _log.warning("model figures not read", reason=str(error))
            return {}

    def _shown(
        self, version: Version, live: Mapping[str, VersionFigures], everywhere: Mapping[str, ClusterFigures]
    ) -> Json:
        shown: Json = {
            "version": version.name,
            "origin": version.origin,
            "metrics": version.manifest.metrics.get("int8", {}),
        }
        role = roles(self._roster()).get(version.name)
        if role is not None:
            shown["role"] = role
        figures = live.get(version.name)
        if figures is not None:
            shown["live"] = _told(figures)
        if version.name in everywhere:
            shown["everywhere"] = _told(everywhere[version.name])
        return shown


def roles(roster: Roster) -> dict[str, str]:
    """What each version in use does, by its name."""
    told = {roster.champion.model: "champion"}
    if roster.canary is not None:
        told.setdefault(roster.canary[1].model, "canary")
    if roster.shadow is not None:
        told.setdefault(roster.shadow.model, "shadow")
    return told


def _told(figures: VersionFigures | ClusterFigures) -> Json:
    return {name: value for name, value in asdict(figures).items() if value is not None}


def _deployed(deployment: Deployment) -> Json:
    plain: Json = msgspec.to_builtins(deployment)
    plain["previous"] = [name for name in plain["previous"] if name is not None]
    return {name: value for name, value in plain.items() if value is not None}


def _serving(roster: Roster) -> Json:
    serving: Json = {"champion": roster.champion.model}
    if roster.canary is not None:
        serving["canary"] = {"version": roster.canary[0].version, "share": roster.canary[0].share}
    if roster.shadow is not None:
        serving["shadow"] = roster.shadow.model
    return serving


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("the model's versions are for admins")


async def _asked(work: Callable[[], T], refused: type[ClientError]) -> T:
    """What ``work`` gives, done in a thread; what the registry refuses as an error for the caller."""
    try:
        return await asyncio.to_thread(work)
    except (RegistryError, StartupError) as error:
        raise refused(str(error)) from error


def _read(catalogue: Catalogue) -> Deployment | None:
    try:
        return catalogue.deployment()
    except RegistryError:  # it is one of the faults, and what serves goes on
        return None
