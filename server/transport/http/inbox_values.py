"""The inbox as JSON, for HTTP and for the command line; apart from the routes, so that the command needs no FastAPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.store.inbox_ports import Agreement, InboxItem


def agreements(found: Sequence[Agreement]) -> list[dict[str, Any]]:
    """One row a model."""
    return [
        {"model": one.model, "labelled": one.labelled, "agreed": one.agreed, "share": round(one.share, 4)}
        for one in found
    ]


def shown(item: InboxItem) -> dict[str, Any]:
    """The item as JSON, without what nobody has said yet."""
    doubt = item.doubt
    told = {
        "message_id": item.turn_id,
        "channel": item.channel,
        "offset": item.offset,
        "at_ms": item.at_ms,
        "text": item.text,
        "state": item.state,
        "said": doubt.said,
        "confidence": doubt.confidence,
        "guesses": [{"intent": name, "probability": probability} for name, probability in doubt.guesses],
        "out_of_scope": doubt.out_of_scope,
        "language": doubt.language,
        "model": doubt.model,
        "label": item.label,
        "judged_by": item.judged_by,
        "judged_at_ms": item.judged_at_ms,
    }
    return {name: value for name, value in told.items() if value is not None}
