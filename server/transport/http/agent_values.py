"""The agents' desk as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from server.chat.agents import Colleague
from server.chat.clientele import Profile
from server.chat.reception import Opening
from server.chat.satisfaction import Figures, Score
from server.chat.suggestions import Suggested
from server.store.desk_ports import PastConversation
from server.store.ports import Changed
from server.store.search_ports import Found


def changed_shown(channel: str, changed: Changed) -> dict[str, Any]:
    """Where a transfer has led."""
    return _told(channel=channel, state=changed.state, agent=changed.agent)


def found_shown(found: Found) -> dict[str, Any]:
    """A row of the search; of the message what a list shows."""
    message = found.message
    return _told(
        channel=found.channel,
        state=found.state,
        resolved=found.resolved,
        agent=found.agent,
        customer=found.customer,
        hits=found.hits,
        message={
            "offset": message.offset,
            "from": msgspec.to_builtins(message.sender),
            "text": message.text,
            "at_ms": message.at_ms,
        },
    )


def profile_shown(profile: Profile) -> dict[str, Any]:
    """A customer."""
    customer = profile.customer
    return _told(
        user=customer.user,
        since_ms=customer.created_at_ms,
        last_seen_ms=customer.last_seen_ms,
        conversations=customer.conversations,
        rated=customer.rated,
        mean_rating=customer.mean_rating,
        metadata=dict(customer.metadata),
        mood={
            "turns": profile.mood.turns,
            "mean": round(profile.mood.mean, 3),
            "direction": profile.mood.direction,
        },
        past=[_past(one) for one in customer.past],
    )


def colleague_shown(colleague: Colleague) -> dict[str, Any]:
    """An agent."""
    row = colleague.row
    return _told(
        user=row.user,
        status=row.status if colleague.devices or colleague.devices is None else "offline",
        text=row.status_text,
        devices=colleague.devices,
        last_seen_ms=row.last_seen_ms,
        capacity=colleague.capacity,
        claimed=row.claimed,
        offered=row.offered,
        free=colleague.free,
        available=colleague.is_available,
        skills=list(colleague.skills),
    )


def figures_shown(figures: Figures) -> dict[str, Any]:
    """Satisfaction."""
    return _told(
        from_ms=figures.from_ms,
        to_ms=figures.to_ms,
        overall=None if figures.overall is None else _score(figures.overall),
        agents=[_told(agent_id=agent, name=name, **_score(score)) for agent, name, score in figures.agents],
        days=[{"day_ms": day_ms, **_score(score)} for day_ms, score in figures.days],
    )


def opening_shown(opening: Opening) -> dict[str, Any]:
    """Business hours."""
    return _told(open=opening.is_open, opens_ms=opening.opens_ms, timezone=opening.zone)


def suggested_shown(suggested: Suggested) -> dict[str, Any]:
    """What might be answered; of an article its passage."""
    items: list[dict[str, Any]] = []
    if suggested.text is not None:
        items.append({"kind": "written", "text": suggested.text, "persona": suggested.persona})
    items += [
        {
            "kind": "article",
            "text": hit.passage.text,
            "article": hit.article_id,
            "title": hit.title,
            "confidence": round(hit.confidence, 3),
            "link": f"/v1/knowledge/articles/{hit.article_id}",
        }
        for hit in suggested.articles
    ]
    message = suggested.message
    return _told(message_id=None if message is None else message.message_id, items=items)


def _score(score: Score) -> dict[str, Any]:
    return {"count": score.count, "mean": round(score.mean, 4), "satisfied": round(score.share, 4)}


def _past(past: PastConversation) -> dict[str, Any]:
    return _told(**asdict(past))


def _told(**values: Any) -> dict[str, Any]:
    """Without what nobody knows."""
    return {name: msgspec.to_builtins(value) for name, value in values.items() if value is not None}
