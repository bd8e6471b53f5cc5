"""Who plays: policies by name, with parameters, as one writes them on a command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from adapters.policies import Policy, make_policy, parameters_of
from adapters.priors import warm_start

_WORDS: Mapping[str, object] = {"none": None, "true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Contestant:
    """``label``: as it was written, which names it in every result. ``parameters``: the policy's, of
    ``make_policy``."""

    label: str
    policy: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    def make(self, personas: Mapping[str, Mapping[str, float]], dim: int, seed: int, *, is_warm: bool = True) -> Policy:
        """The policy over ``personas``, traits by name. ``is_warm``: it leans to what suits a mood, as a server's does.

        ``ValueError`` for parameters that can't be.
        """
        parameters = dict(self.parameters)
        if "traits" in parameters_of(self.policy):
            parameters["traits"] = {name: tuple(traits.values()) for name, traits in personas.items()}
        policy = make_policy(self.policy, tuple(personas), dim, seed, **parameters)
        if is_warm:
            warm_start(policy, personas)
        return policy


def parse_contestant(text: str) -> Contestant:
    """``linucb`` or ``linucb:alpha=0.5,half_life_days=7``. ``ValueError`` names what is wrong."""
    name, _, rest = text.strip().partition(":")
    known = parameters_of(name)
    parameters: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise ValueError(f"{part!r} in {text!r} is no PARAMETER=VALUE. Write it like {name}:floor=0.02.")
        if key not in known or key == "traits":
            raise ValueError(_no_such(name, key, known))
        parameters[key] = _value(value)
    return Contestant(text.strip(), name, MappingProxyType(parameters))


def _no_such(policy: str, key: str, known: Mapping[str, object]) -> str:
    names = ", ".join(sorted(set(known) - {"traits"})) or "none"
    return f"policy {policy!r} has no parameter {key!r} here. It has: {names}."


def _value(text: str) -> object:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
