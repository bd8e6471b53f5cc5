"""How the bot speaks: the personas as the mood bends them, and the built-in writer's words in their manner."""

from __future__ import annotations

import random
from dataclasses import replace

from adapters.mood import MoodRules
from adapters.personas import Persona
from server.chat.memory import Memory
from server.chat.mood import Bent, bend
from server.chat.peer import GUEST_NAME
from server.chat.treatments import NO_TREATMENT, Treatment
from server.chat.understanding import Heard
from server.chat.writer import BuiltInWriter, Situation, Written
from server.wire.frames import Message


class Voice:
    """Writer, personas and mood rules are exchanged between two answers, when their files or documents change."""

    def __init__(
        self, *, writer: BuiltInWriter, personas: tuple[Persona, ...], mood_rules: MoodRules, rng: random.Random
    ) -> None:
        self._writer = writer
        self._personas = {persona.name: persona for persona in personas}
        self._mood_rules = mood_rules
        self._rng = rng

    @property
    def writer(self) -> BuiltInWriter:
        return self._writer

    @property
    def personas(self) -> tuple[Persona, ...]:
        return tuple(self._personas.values())

    def write_with(self, writer: BuiltInWriter) -> None:
        """From the next answer on."""
        self._writer = writer

    def speak_as(self, personas: tuple[Persona, ...]) -> None:
        """These are the personas from the next answer on."""
        self._personas = {persona.name: persona for persona in personas}

    def bend_by(self, rules: MoodRules) -> None:
        """These are the mood rules from the next answer on."""
        self._mood_rules = rules

    def bend(self, arm: str, memory: Memory, heard: Heard, treatment: Treatment = NO_TREATMENT) -> Bent:
        """The persona ``arm`` in the mood of the message that ``memory`` has just heard, and why."""
        return bend(memory, heard.analysis, treatment.voice(self._personas[arm]), self._mood_rules)

    def write(
        self, persona: Persona, asked: Message, memory: Memory, heard: Heard, treatment: Treatment = NO_TREATMENT
    ) -> Written:
        """The answer to ``asked``; no I/O."""
        situation = Situation(
            analysis=treatment.reading(
                heard.analysis, asked_back=memory.asked_back, previous_intent=memory.previous_intent
            ),
            persona=persona,
            text=asked.text,
            turn_number=memory.turns,
            used=tuple(memory.used_phrases),
            previous_intent=memory.previous_intent,
            known=memory.known,
            asked_back=memory.asked_back,
            customer_name=None if asked.sender.name == GUEST_NAME else asked.sender.name,
            found=heard.found,
            spoken=memory.spoken,
        )
        return treatment.wording(self._writer.write(situation, self._rng))

    def apologise(self, memory: Memory) -> Written:
        """Something is broken: said as nobody in particular, and what was talked about stays known."""
        error = self._writer.error(next(iter(self._personas.values())), self._rng, memory.spoken)
        return replace(error, intent=memory.previous_intent, known=memory.known)
