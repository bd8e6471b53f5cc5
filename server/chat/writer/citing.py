"""Answers around an article's own words: what comes before and behind them is the persona's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from server.chat.writer.conditions import Kind, When, level
from server.chat.writer.phrase import Phrase
from server.chat.writer.suggest import MAX_SUGGESTIONS
from server.chat.writer.values import MAX_SUGGESTION_CODE_POINTS
from server.knowledge.index import Found, Hit
from server.knowledge.passages import sentences
from server.knowledge.values import Tone

ANSWERABLE: Final[frozenset[Kind]] = frozenset(
    {"question", "request", "complaint", "other", "clarification", "out_of_scope"}
)
"""Kinds of answer that knowledge replaces; a wish for a person, a courtesy or a detail asks for no article."""

OFFERABLE: Final[frozenset[Kind]] = frozenset({"question", "request", "complaint", "clarification", "out_of_scope"})

LEAST_SENTENCES: Final = 3
"""Of a passage, even by the tersest: the exception often stands in the third."""

MAX_TITLE_CODE_POINTS: Final = 80


def cited_phrase(hit: Hit, traits: Mapping[str, float], room: int, used: Collection[str] = ()) -> Phrase:
    """What is said of an article: its gist in the persona's tone where it has one, or its passage's next sentences,
    word for word. ``room``: how many sentences the persona would say; ``used``: ids of what was said before, of which
    those of passages end with how many of its sentences were said."""
    done = _said_of(hit, used)
    said, until = _variant(hit, traits) if done is None else None, 0
    if said is None:
        until = (done or 0) + max(LEAST_SENTENCES, room)
        said = " ".join(sentences(hit.passage.text)[done or 0 : until])
    return Phrase(
        id=f"{_passage_id(hit)}#{until}",
        source=said,
        texts=(said, said, said),
        when=When(),
        slots=frozenset(),
        sentences=2,
        asks=False,
        exactness=0,
        quoted=True,
    )


def is_exhausted(hit: Hit, used: Collection[str]) -> bool:
    """Whether all of the passage was said before."""
    done = _said_of(hit, used)
    return done is not None and done >= len(sentences(hit.passage.text))


def page_slots(hit: Hit) -> dict[str, str]:
    """An article's title as a slot."""
    return {"page": f"“{hit.title[:MAX_TITLE_CODE_POINTS]}”"}


def _passage_id(hit: Hit) -> str:
    return f"knowledge/{hit.passage.entry_id}"


def _said_of(hit: Hit, used: Collection[str]) -> int | None:
    """How many of the passage's sentences were said; 0 after its gist, None where nothing was."""
    start = f"{_passage_id(hit)}#"
    counts = [int(one[len(start) :]) for one in used if one.startswith(start) and one[len(start) :].isdecimal()]
    return max(counts, default=None)


def citation(hit: Hit) -> dict[str, Any]:
    """As it goes into a message's ``data.citations``."""
    return {
        "article": hit.article_id,
        "version": hit.version,
        "title": hit.title,
        "passage": hit.passage.entry_id,
        "score": round(hit.confidence, 4),
    }


def offer_slots(found: Found) -> dict[str, str]:
    """The titles of the nearest articles as slots."""
    titles = [f"“{hit.title[:MAX_TITLE_CODE_POINTS]}”" for hit in found.nearest]
    return dict(zip(("topic", "other_topic"), titles, strict=False))


def titles(hits: tuple[Hit, ...]) -> tuple[str, ...]:
    """Those short enough for a button; whoever presses one finds that very article."""
    return tuple(hit.title for hit in hits if len(hit.title) <= MAX_SUGGESTION_CODE_POINTS)[:MAX_SUGGESTIONS]


def tones_of(traits: Mapping[str, float]) -> tuple[Tone, ...]:
    """The tones that a persona speaks in, the most fitting first."""
    found: list[Tone] = []
    if level(traits.get("empathy", 0.5)) == "high":
        found.append("empathetic")
    match level(traits.get("formality", 0.5)):
        case "high":
            found += ["formal", "professional"]
        case "low":
            found += ["casual", "friendly"]
        case _:
            found += ["professional", "friendly"]
    return tuple(found)


def _variant(hit: Hit, traits: Mapping[str, float]) -> str | None:
    """Only in place of the opening, whose gist it is."""
    if hit.passage.entry_id != hit.opening.entry_id:
        return None
    return next((hit.passage.variants[tone] for tone in tones_of(traits) if tone in hit.passage.variants), None)
