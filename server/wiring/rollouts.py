"""The registry of the model's versions with its gate, for REST and for commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from inference.registry.catalogue import Catalogue
from inference.registry.labelled import Labelled, Trial
from inference.registry.paired import Paired
from inference.registry.rollout import Rollout
from server.chat.relabels import said_of
from server.contents import read_trained


def rollout_of(
    catalogue: Catalogue,
    standard: str,
    intents: Path | None = None,
    labelled: Sequence[Labelled] = (),
    told: Callable[[Paired], None] = lambda _: None,
) -> Rollout:
    """``standard``: the version of the settings; ``intents``: the file of the user's own, ``labelled``: turns that a
    candidate has to read as well as the champion; ``told`` hears how it does. ``StartupError`` for a file that can't be
    used."""
    own = None if intents is None else read_trained(intents, None)
    trial = Trial(labelled, said_of, own, told) if labelled else None
    return Rollout(catalogue, standard, None if own is None else own.manifest.space, trial)
