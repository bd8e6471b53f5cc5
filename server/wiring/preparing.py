"""The engines that a deployment names, made ready in a thread: packs loaded, run once, with the intents that fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from inference.engine import Engine
from inference.errors import ModelError, RegistryError
from inference.intents.trained import Space, TrainedIntents, space_of
from inference.pack import Pack, load_pack
from inference.registry.catalogue import Catalogue
from inference.registry.deployment import Deployment
from inference.registry.fleet import Roster
from server.errors import StartupError


class Maker(Protocol):
    """Makes engines."""

    def make(self, pack: Pack, intents: TrainedIntents | None, *, answers: bool) -> Engine: ...


class OwnIntents(Protocol):
    """The user's own intents, where there are some."""

    @property
    def intents(self) -> TrainedIntents: ...

    def for_space(self, space: Space) -> TrainedIntents: ...

    def move(self, intents: TrainedIntents) -> None: ...


@dataclass(slots=True)
class Prepared:
    """What may be used from now on. ``packs``: of its engines, by version; ``intents``: the champion's; ``faults``: why
    a version can't be used."""

    roster: Roster
    packs: dict[str, Pack] = field(default_factory=dict)
    intents: TrainedIntents | None = None
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preparer:
    """``standard``: the version that the settings name. ``load`` gives the pack of a version."""

    standard: str
    maker: Maker
    own: OwnIntents | None
    load: Callable[[str], Pack]

    def prepare(self, deployment: Deployment, before: Roster, packs: Mapping[str, Pack]) -> Prepared:
        """What becomes of ``before``, whose packs are ``packs``. Who answers already by the same version goes on; a
        champion that can't be used leaves the one before, another version that can't is left out. Blocks."""
        work = _Work(self, before, packs)
        champion = work.champion(deployment.champion or self.standard)
        wanted = deployment.canary
        engine = work.canary(wanted.version, champion) if wanted is not None else None
        canary = (wanted, engine) if wanted is not None and engine is not None else None
        work.ready.roster = Roster(champion, canary, work.shadow(deployment.shadow, champion))
        return work.ready


class _Work:
    """One preparation."""

    def __init__(self, preparer: Preparer, before: Roster, packs: Mapping[str, Pack]) -> None:
        self._preparer = preparer
        self._before = before
        self._packs = packs
        self.ready = Prepared(before)

    def champion(self, version: str) -> Engine:
        own = self._preparer.own
        try:
            pack = self._pack(version)
            self.ready.intents = own.for_space(space_of(pack.manifest)) if own is not None else None
        except (ModelError, RegistryError, StartupError) as error:
            self.ready.faults[version] = str(error)
            kept = self._before.champion
            self.ready.packs[kept.model] = self._packs[kept.model]
            self.ready.intents = own.intents if own is not None else None
            return kept
        return self._answering(pack)

    def canary(self, version: str, champion: Engine) -> Engine | None:
        if version == champion.model:
            return None
        pack = self._usable(version)
        if pack is None:
            return None
        if not self._fits(pack) and self.ready.intents is not None:
            self.ready.faults[version] = (
                f"{version} can't answer: the own intents (setting `intents`) were trained on {champion.model}. Train "
                f"them on {version} with `parlance intents train FOLDER --model {pack.folder}`, and promote it then."
            )
            return None
        return self._answering(pack)

    def shadow(self, version: str | None, champion: Engine) -> Engine | None:
        """Never an engine that answers: what it reads is counted and cached apart."""
        if version is None or version == champion.model:
            return None
        pack = self._usable(version)
        if pack is None:
            return None
        self.ready.packs[version] = pack
        there = self._before.shadow
        if there is not None and there.model == version:
            return there
        return self._made(pack, self.ready.intents if self._fits(pack) else None, answers=False)

    def _answering(self, pack: Pack) -> Engine:
        version = pack.manifest.model
        self.ready.packs[version] = pack
        canary = self._before.canary
        there = [self._before.champion, *([canary[1]] if canary is not None else [])]
        held = next((engine for engine in there if engine.model == version), None)
        return held or self._made(pack, self.ready.intents, answers=True)

    def _usable(self, version: str) -> Pack | None:
        try:
            return self._pack(version)
        except (ModelError, RegistryError) as error:
            self.ready.faults[version] = str(error)
            return None

    def _pack(self, version: str) -> Pack:
        return self._packs.get(version) or self._preparer.load(version)

    def _fits(self, pack: Pack) -> bool:
        intents = self.ready.intents
        return intents is not None and intents.manifest.space == space_of(pack.manifest)

    def _made(self, pack: Pack, intents: TrainedIntents | None, *, answers: bool) -> Engine:
        engine = self._preparer.maker.make(pack, intents, answers=answers)
        engine.warm_up()
        return engine


def from_catalogue(catalogue: Catalogue) -> Callable[[str], Pack]:
    """Loads versions from disk; ``ModelError`` and ``RegistryError`` say why one can't be used."""

    def load(version: str) -> Pack:
        pack = load_pack(catalogue.version(version).folder)
        if pack.manifest.model != version:
            raise RegistryError(f"{pack.folder} holds {pack.manifest.model} by now, not {version}", "Try again.")
        return pack

    return load
