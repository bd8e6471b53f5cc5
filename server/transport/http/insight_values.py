"""Moods and personas as JSON, for HTTP and the command line; apart from the routes, so that the command needs no
FastAPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.mood import Outlook
from adapters.personas import Persona
from adapters.similarity import NearPersona
from server.chat.insight import MoodHistory, NearConversation

DECIMALS = 4


def outlook_shown(outlook: Outlook) -> dict[str, Any]:
    """The figures of a series."""
    return {
        "turns": outlook.turns,
        "mean": round(outlook.mean, DECIMALS),
        "direction": outlook.direction,
        "change": round(outlook.change, DECIMALS),
        "magnitude": round(outlook.magnitude, DECIMALS),
        "volatility": round(outlook.volatility, DECIMALS),
        "swing": round(outlook.swing, DECIMALS),
        "distribution": {label: round(share, DECIMALS) for label, share in outlook.distribution.items()},
    }


def history_shown(history: MoodHistory) -> dict[str, Any]:
    """The figures, and the messages that they are of."""
    felt = [
        {"channel": one.channel, "offset": one.offset, "at_ms": one.at_ms, "score": round(one.score, DECIMALS)}
        for one in history.felt
    ]
    return {**outlook_shown(history.outlook), "messages": felt}


def persona_shown(persona: Persona) -> dict[str, Any]:
    """Without its phrases."""
    return {
        "name": persona.name,
        "title": persona.title,
        "description": persona.description,
        "traits": dict(persona.traits),
    }


def near_personas_shown(near: Sequence[NearPersona]) -> list[dict[str, Any]]:
    """The nearest first."""
    return [
        {
            "name": one.name,
            "similarity": round(one.similarity, DECIMALS),
            "differences": {trait: round(step, DECIMALS) for trait, step in one.differences},
        }
        for one in near
    ]


def near_conversations_shown(near: Sequence[NearConversation]) -> list[dict[str, Any]]:
    """The nearest first."""
    return [
        {"channel": one.channel, "distance": round(one.distance, DECIMALS), "decisions": one.decisions} for one in near
    ]
