"""What a model may write from: the passages that the knowledge found for a turn."""

from __future__ import annotations

from server.chat.language.values import Passage
from server.knowledge.index import Found


def passages_of(found: Found) -> tuple[Passage, ...]:
    """The answer's passage and those beside it; none where nothing is close enough to answer."""
    if found.answer is None:
        return ()
    hits = (found.answer, *found.others)
    return tuple(Passage(hit.passage.entry_id, hit.title, hit.passage.text) for hit in hits)
