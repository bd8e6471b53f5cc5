"""What people have labelled in the inbox, as turns to hold a new version of the model against."""

from __future__ import annotations

from inference.analysis import Analysis
from inference.registry.labelled import MAX_LABELS, Labelled
from server.chat.writer.kinds import is_lost
from server.store.inbox_ports import NO_INTENT, InboxStore


def said_of(analysis: Analysis) -> str:
    """The intent that a text is taken for, ``NO_INTENT`` for none: what a label is compared with."""
    return NO_INTENT if is_lost(analysis) else analysis.intent


async def labelled_turns(store: InboxStore, most: int = MAX_LABELS) -> list[Labelled]:
    """The newest ``most``; of a text that came again, what was said of it last."""
    found: dict[str, Labelled] = {}
    for item in await store.inbox(state="labelled", limit=most):
        if item.label is not None:
            found.setdefault(item.text, Labelled(item.text, item.label, item.doubt.model, item.doubt.said))
    return list(found.values())
