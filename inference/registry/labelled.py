"""A candidate held against the champion on turns that people have labelled: the user's own customers, not a test set.

Only turns that the bot was unsure of are labelled. So the shares are no accuracy, and they favour the candidate: the
turns were chosen where a version before it was at a loss. A candidate that does worse even there is worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final

from inference.analysis import Analysis
from inference.engine import Engine
from inference.errors import ModelError, RegistryError
from inference.intents.trained import TrainedIntents, space_of
from inference.pack import load_pack
from inference.registry.catalogue import Version
from inference.registry.paired import Paired, paired

MAX_LABELS: Final = 1_000
"""The newest; reading them takes a version some two seconds."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and ``label``: the intent that was meant. ``said``: what ``said_by``, a version, took it for then."""

    text: str
    label: str
    said_by: str
    said: str


@dataclass(frozen=True, slots=True)
class Trial:
    """``turns``: labelled ones, each text once. ``said``: what an analysis takes a text for, as a label would say it.
    ``intents``: the user's own, which only a version reads on whose embedding they were trained. ``told`` hears of each
    comparison."""

    turns: Sequence[Labelled]
    said: Callable[[Analysis], str]
    intents: TrainedIntents | None = None
    told: Callable[[Paired], None] = lambda _: None

    def compare(self, champion: Version, candidate: Version) -> Paired | None:
        """Both on the same turns; None where there is none that both have read.

        Labels that neither can say are left out. A version that can't read the user's own intents is taken by what it
        said of the turns that it read when they came.

        Raises:
            RegistryError: a pack can't be read.
        """
        theirs = self._heard(champion, self.turns)
        both = [turn for turn in self.turns if turn.text in theirs]
        ours = self._heard(candidate, both)
        known = {*self._labels(champion), *self._labels(candidate), *theirs.values(), *ours.values()}
        right = [
            (theirs[turn.text] == turn.label, ours[turn.text] == turn.label)
            for turn in both
            if turn.text in ours and turn.label in known
        ]
        if not right:
            return None
        found = paired(right)
        self.told(found)
        return found

    def _heard(self, version: Version, turns: Sequence[Labelled]) -> dict[str, str]:
        """What it takes each text for."""
        if not turns:
            return {}
        own = self.intents
        if own is not None and own.manifest.space != space_of(version.manifest):
            return {turn.text: turn.said for turn in turns if turn.said_by == version.name}
        try:
            engine = Engine(load_pack(version.folder), clock=perf_counter_ns, cache_entries=0, intents=own)
        except ModelError as error:
            raise RegistryError(f"{version.name} is broken: {error.path} {error.problem}", error.remedy) from error
        texts = [turn.text for turn in turns]
        return {text: self.said(found) for text, found in zip(texts, engine.analyse_now(texts), strict=True)}

    def _labels(self, version: Version) -> Sequence[str]:
        own = self.intents
        return version.manifest.heads.intent.labels if own is None else own.manifest.labels
