"""Experiments as plain JSON values and back: what a store keeps, an API takes and a file holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from adapters.experiments.assignment import HoldOut, Slice
from adapters.experiments.changes import Change
from adapters.experiments.design import Crossed, Experiment, ExperimentError, Variant, crossed
from adapters.experiments.targeting import Rule
from adapters.names import suggestion

# Where the parts of an experiment stand in its document.
_LISTS: Mapping[type, Mapping[str, type]] = {
    Experiment: {"variants": Variant, "rules": Rule, "hold_outs": HoldOut, "factors": Crossed},
    Crossed: {"levels": Variant},
    Variant: {"changes": Change},
}


def to_document(experiment: Experiment) -> dict[str, Any]:
    """JSON values by field."""
    # What json can't write here is a read-only mapping.
    document: dict[str, Any] = msgspec.to_builtins(experiment, enc_hook=dict)
    return document


def from_document(document: object) -> Experiment:
    """The experiment that ``to_document`` gave, or that somebody wrote; fields left out take their defaults, and two
    ``factors`` make the variants. Raises ``ExperimentError``, which names the place and what to do."""
    if not isinstance(document, Mapping):
        raise ExperimentError("an experiment is a mapping with the keys id, variants and metrics, at least.")
    for problem in _unknown_keys(document, Experiment, ""):
        raise ExperimentError(problem)
    try:
        if document.get("factors") and "variants" not in document:
            document = {**document, "variants": _combined(document)}
        return msgspec.convert(document, Experiment)
    except msgspec.ValidationError as error:
        raise ExperimentError(f"{error}.".replace("..", ".")) from None


@dataclass(frozen=True, slots=True)
class _Factors:
    factors: tuple[Crossed, ...]


def _combined(document: Mapping[Any, Any]) -> list[Any]:
    factors = msgspec.convert({"factors": document["factors"]}, _Factors).factors
    found: list[Any] = msgspec.to_builtins(crossed(factors[0], factors[1]), enc_hook=dict) if len(factors) == 2 else []
    return found


def _unknown_keys(value: Mapping[Any, Any], kind: type, place: str) -> Iterator[str]:
    # msgspec passes over keys that it does not know, and a misspelt guardrail would be none.
    known = [field.name for field in fields(kind)]
    for key in value:
        if key not in known:
            yield f"{place}{key} is no key of an experiment here. {suggestion(key, known)}"
    for name, part in _LISTS.get(kind, {}).items():
        entries = value.get(name)
        for at, entry in enumerate(entries if isinstance(entries, list | tuple) else ()):
            if isinstance(entry, Mapping):
                yield from _unknown_keys(entry, part, f"{place}{name}[{at}].")
    if kind is Experiment and isinstance(value.get("slice"), Mapping):
        yield from _unknown_keys(value["slice"], Slice, "slice.")
