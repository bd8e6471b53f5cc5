"""The mood of a turn: what it asks of the persona that the policy has chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.mood import NO_RULES, MoodRules, Signs, bent, changes, heard, reasons
from adapters.personas import Persona
from inference.analysis import Analysis
from server.chat.memory import Memory
from server.wire.parts import Mood, MoodRule


@dataclass(frozen=True, slots=True)
class Bent:
    """``persona``: the chosen one with the traits of the moment. ``shown``: why, None where it is as it was."""

    persona: Persona
    shown: Mood | None


def bend(memory: Memory, analysis: Analysis, persona: Persona, rules: MoodRules = NO_RULES) -> Bent:
    """Let the turn that ``memory`` has just heard bend ``persona``, and note in ``memory`` which rules count."""
    signs = signs_of(memory, analysis)
    memory.mood = heard(rules, memory.mood, signs)
    if not memory.mood:
        return Bent(persona, None)
    by = changes(rules, memory.mood)
    found = [MoodRule(one.rule, one.strength, one.because) for one in reasons(rules, memory.mood, signs)]
    return Bent(replace(persona, traits=bent(persona.traits, by)), Mood(found, by))


def signs_of(memory: Memory, analysis: Analysis) -> Signs:
    """What the rules look at."""
    return Signs.after(
        memory.scores,
        sentiment=analysis.sentiment.score,
        urgency=analysis.urgency,
        politeness=analysis.politeness,
        toxicity=analysis.toxicity,
        emotions=analysis.emotions,
    )
