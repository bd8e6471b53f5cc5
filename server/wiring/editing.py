"""What may be edited while the bot speaks: its personas and its mood rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mood import parse_mood_rules
from adapters.personas import Persona, PersonaError, parse_personas
from server.chat.editing import Editable, Editing
from server.chat.flags import KIND, Flags
from server.contents import read_yaml
from server.wiring.flags import Moods
from server.wiring.ground import Ground
from server.wiring.turns import Turns

SOURCE = "the document"


class Voices:
    """The bot speaks as the personas that are arms, in the words of whoever edited them last."""

    def __init__(self, turns: Turns, names: frozenset[str]) -> None:
        self._voice = turns.voice
        self._arms = turns.personas
        self._names = names
        self._edited: dict[str, Persona] = {}
        turns.learner.on_personas(self.speak_as)

    def check(self, document: Mapping[str, Any]) -> None:
        """``ValueError``: see ``parse_personas``; and for names that come or go, which the policy has to know of."""
        names = {persona.name for persona in _personas(document)}
        if names != self._names:
            odd = ", ".join(sorted(names ^ self._names))
            raise PersonaError(
                f"{odd}: names stay as they are. Personas come and go with /v1/policies/{{policy}}/arms."
            )

    def take(self, document: Mapping[str, Any]) -> None:
        """From the next answer on."""
        self._edited = {persona.name: persona for persona in _personas(document)}
        self.speak_as(self._arms)

    def speak_as(self, arms: tuple[Persona, ...]) -> None:
        """These are the personas that may be drawn."""
        self._arms = arms
        self._voice.speak_as(tuple(self._edited.get(persona.name, persona) for persona in arms))


def prepare_editing(ground: Ground, turns: Turns, flags: Flags, moods: Moods) -> Editing:
    """Followed from ``follow`` on."""
    settings = ground.settings
    voices = Voices(turns, frozenset(persona.name for persona in turns.personas))
    kinds = {
        "personas": Editable(read_yaml(settings.personas_path), voices.check, voices.take),
        "mood_rules": Editable(
            read_yaml(settings.mood_path),
            lambda document: void(parse_mood_rules(document, SOURCE)),
            lambda document: moods.take(parse_mood_rules(document, SOURCE)),
        ),
        KIND: flags.editable,
    }
    return Editing(store=ground.store, signals=ground.signals, clock=ground.clock, kinds=kinds)


def _personas(document: Mapping[str, Any]) -> tuple[Persona, ...]:
    return parse_personas(document, SOURCE)


def void(_: object) -> None:
    """It could be read; that is all that was asked."""
