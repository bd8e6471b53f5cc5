"""The values of ``/v1/knowledge/gaps``, ``faq``, ``coverage`` and ``figures`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from server.knowledge.questions import GapState, Trouble
from server.transport.http.models import Json, Model

_AT_MS = 1_790_000_000_000


class Asked(Model):
    """Questions that are alike."""

    example: ClassVar[Json | None] = {
        "gap": 12,
        "name": "gift wrap order",
        "questions": 9,
        "people": 7,
        "answered": 1,
        "solved": 0,
        "first_ms": _AT_MS - 900_000,
        "last_ms": _AT_MS,
    }
    gap: int = Field(description="Their number, which never changes.")
    name: str = Field(description="Words that many of them have; empty for the first minute.")
    questions: int = Field(description="How many in the days asked for.")
    people: int = Field(description="By how many customers.")
    answered: int = Field(description="Of them from an article.")
    solved: int = Field(description="Of those, known to have helped: thanked for, rated up, or resolved.")
    first_ms: int = Field(description="The first answer in those days.")
    last_ms: int = Field(description="The last.")


class Gap(Asked):
    """What articles don't answer, or not well."""

    example: ClassVar[Json | None] = {
        **(Asked.example or {}),
        "state": "draft_written",
        "article": "gift-wrapping",
        "changed_by": "ann",
        "changed_ms": _AT_MS,
        "troubled": 8,
        "troubles": {"out_of_scope": 6, "handed_off": 2},
        "satisfaction": 0.25,
        "impact": 0.75,
        "priority": 6.0,
        "examples": ["do you gift wrap?", "can it be wrapped as a present"],
    }
    state: GapState = Field(description="open → draft_written → resolved; later questions close and open it, too.")
    article: str | None = Field(None, description="The article that is being written for it.")
    changed_by: str | None = Field(None, description="Who brought it into its state; `parlance`: it did by itself.")
    changed_ms: int | None = Field(None, description="When.")
    troubled: int = Field(description="Questions with which something went wrong: how frequent the gap is.")
    troubles: dict[Trouble, int] = Field(description="With what, the first that holds of each.")
    satisfaction: float | None = Field(
        None, description="Mean of the troubled questions, in [0, 1]; missing while nobody has shown any."
    )
    impact: float | None = Field(None, description="1 − `satisfaction`; missing likewise.")
    priority: float = Field(description="`troubled` times `impact`, or half of `troubled` where that is unknown.")
    examples: list[str] = Field(description="Their texts, the most typical first, without what is personal.")


class GapPage(Model):
    example: ClassVar[Json | None] = {"items": [Gap.example], "more": False}
    items: list[Gap] = Field(description="The most pressing first.")
    more: bool = Field(description="Whether there is another page; the `Link` header leads there.")


class SetGapState(Model):
    example: ClassVar[Json | None] = {"state": "resolved"}
    state: Literal["open", "resolved"] = Field(description="What it becomes.")


class DraftForGap(Model):
    example: ClassVar[Json | None] = {"article": "gift-wrapping", "category": "orders"}
    article: Annotated[str | None, Field(max_length=64)] = Field(
        None, description="An article that is there, or the id of one to begin; if unset, made of the gap's name."
    )
    category: Annotated[str | None, Field(max_length=64)] = Field(
        None, description="Of an article that is not there yet."
    )


class ArticleShare(Model):
    example: ClassVar[Json | None] = {"article": "gift-wrapping", "answers": 4}
    article: str = Field(description="Its id.")
    answers: int = Field(description="How many of the questions it answered.")


class FrequentQuestion(Asked):
    example: ClassVar[Json | None] = {
        **(Asked.example or {}),
        "articles": [ArticleShare.example],
        "examples": ["where is my parcel?"],
    }
    articles: list[ArticleShare] = Field(description="Up to three that answered most of them.")
    examples: list[str] = Field(description="Their texts, the most typical first, without what is personal.")


class FrequentQuestions(Model):
    example: ClassVar[Json | None] = {"items": [FrequentQuestion.example]}
    items: list[FrequentQuestion] = Field(description="Those that most people asked first.")


class CoverageDay(Model):
    example: ClassVar[Json | None] = {
        "day_ms": 1_789_948_800_000,
        "questions": 40,
        "answered": 25,
        "offered": 6,
        "solved": 9,
        "handoffs": 3,
    }
    day_ms: int = Field(description="Where the day begins (UTC).")
    questions: int = Field(description="Questions answered on it.")
    answered: int = Field(description="From an article.")
    offered: int = Field(description="With articles to choose from.")
    solved: int = Field(description="From an article that is known to have helped.")
    handoffs: int = Field(description="Followed by a hand-off.")


class Coverage(Model):
    example: ClassVar[Json | None] = {
        "since_ms": _AT_MS,
        **{name: value for name, value in (CoverageDay.example or {}).items() if name != "day_ms"},
        "coverage": 0.625,
        "satisfaction": 0.81,
        "days": [CoverageDay.example],
    }
    since_ms: int = Field(description="Where the time begins.")
    questions: int = Field(description="Turns that asked, requested or complained, or that an article answered.")
    answered: int = Field(description="From an article.")
    offered: int = Field(description="With articles to choose from.")
    solved: int = Field(description="From an article that is known to have helped.")
    handoffs: int = Field(description="Followed by a hand-off.")
    coverage: float | None = Field(None, description="`answered` / `questions`; missing where there are none.")
    satisfaction: float | None = Field(None, description="Mean over those who have shown any, in [0, 1].")
    days: list[CoverageDay] = Field(description="Ascending; days without questions are left out.")


class VersionFigures(Model):
    example: ClassVar[Json | None] = {
        "article": "returning",
        "version": 2,
        "shown": 120,
        "solved": 41,
        "thumbs_up": 12,
        "thumbs_down": 3,
        "handoffs": 9,
        "last_ms": _AT_MS,
    }
    article: str = Field(description="Its id.")
    version: int = Field(description="Which one.")
    shown: int = Field(description="Answers that cite it.")
    solved: int = Field(description="Of those, known to have helped: thanked for, rated up, or resolved.")
    thumbs_up: int = Field(description="Ratings of those answers from .5 on.")
    thumbs_down: int = Field(description="Ratings below.")
    handoffs: int = Field(description="Of those answers followed by a hand-off before another question.")
    last_ms: int = Field(description="The last such answer.")


class AllFigures(Model):
    example: ClassVar[Json | None] = {"items": [VersionFigures.example]}
    items: list[VersionFigures] = Field(description="Those shown most first.")
