"""The values of ``/v1/knowledge`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from server.knowledge.index import Outcome
from server.knowledge.values import MAX_SOURCE_CODE_POINTS, Tone, VersionState
from server.transport.http.models import Json, Model

_SOURCE = "---\ntitle: Returning things\ncategory: returns\n---\n\nYou have 30 days."
_AT_MS = 1_790_000_000_000


class SaveArticle(Model):
    example: ClassVar[Json | None] = {"source": _SOURCE}
    source: Annotated[
        str, Field(min_length=1, max_length=MAX_SOURCE_CODE_POINTS, description="Markdown with its front matter.")
    ]


class SetArticleState(Model):
    example: ClassVar[Json | None] = {"state": "approved"}
    state: VersionState = Field(description="draft → approved → active → retired; a retired version can come back.")


class ArticleVersion(Model):
    """One version of an article. What is saved anew is a draft; of each article one version at most is active."""

    example: ClassVar[Json | None] = {
        "article": "returning",
        "version": 2,
        "state": "active",
        "title": "Returning things",
        "category": "returns",
        "tags": ["refund"],
        "language": "en",
        "owner": "Returns desk",
        "changed_by": "ann",
        "changed_ms": _AT_MS,
    }
    article: str = Field(description="Its id.")
    version: int = Field(description="From 1.")
    state: VersionState = Field(description="Only what is active is searched.")
    title: str = Field(description="Also what buttons offer.")
    category: str = Field(description="As the article says.")
    tags: list[str] = Field(description="Further words that it is found by.")
    language: str = Field(description="Its code, such as `en`.")
    owner: str = Field(description="Who looks after it; empty where nobody is named.")
    expires_ms: int | None = Field(None, description="From then on it is not found any more.")
    changed_by: str = Field(description="Who brought it into its state.")
    changed_ms: int = Field(description="When.")


class ArticlePage(Model):
    example: ClassVar[Json | None] = {"items": [ArticleVersion.example], "more": False}
    items: list[ArticleVersion] = Field(description="By article id, ascending.")
    more: bool = Field(description="Whether there is another page; the `Link` header leads there.")


class ArticleChange(Model):
    example: ClassVar[Json | None] = {"version": 2, "state": "active", "by": "ann", "at_ms": _AT_MS}
    version: int = Field(description="Which one.")
    state: VersionState = Field(description="What it became; the first of a version is its making.")
    by: str = Field(description="The user who did it, `cli` or `demo`.")
    at_ms: int = Field(description="When.")


class WholeArticle(ArticleVersion):
    """A version with its text, all versions of the article, and who did what when."""

    example: ClassVar[Json | None] = {
        **(ArticleVersion.example or {}),
        "source": _SOURCE,
        "versions": [ArticleVersion.example],
        "changes": [ArticleChange.example],
    }
    source: str = Field(description="Markdown with its front matter.")
    versions: list[ArticleVersion] = Field(description="The newest first.")
    changes: list[ArticleChange] = Field(description="The first first.")


class PassageOf(Model):
    example: ClassVar[Json | None] = {
        "passage": "returning#what-cannot-come-back",
        "heading": "What cannot come back",
        "text": "Plants and opened food.",
        "words": 4,
    }
    passage: str = Field(description="Its id; it outlives edits of the text.")
    heading: str = Field(description="The headings above it, joined by ` › `; empty before the first.")
    text: str = Field(description="As it would be said.")
    words: int = Field(description="How many.")


class ArticlePreview(Model):
    """What a text would be found by, and what it would answer with."""

    example: ClassVar[Json | None] = {
        "title": "Returning things",
        "asks": ["How do I send this back?"],
        "variants": {"casual": "Send it back within 30 days."},
        "passages": [PassageOf.example],
    }
    title: str = Field(description="Also what buttons offer.")
    asks: list[str] = Field(description="How customers put what it answers.")
    variants: dict[Tone, str] = Field(description="Said in place of the first passage, by tone.")
    passages: list[PassageOf] = Field(description="In their order; none for headings alone.")


class KnowledgeHit(Model):
    example: ClassVar[Json | None] = {
        "article": "returning",
        "version": 2,
        "title": "Returning things",
        "category": "returns",
        "passage": "returning",
        "text": "You have 30 days.",
        "score": 0.81,
    }
    article: str = Field(description="Its id.")
    version: int = Field(description="The active one.")
    title: str = Field(description="Its title.")
    category: str = Field(description="Its category.")
    passage: str = Field(description="The id of its best passage; it outlives edits of the text.")
    text: str = Field(description="That passage.")
    score: float = Field(
        description="How likely the article answers, in [0, 1]; the settings' thresholds are of these."
    )


class KnowledgeHits(Model):
    example: ClassVar[Json | None] = {"items": [KnowledgeHit.example], "outcome": "answered"}
    items: list[KnowledgeHit] = Field(description="The surest first.")
    outcome: Outcome = Field(
        description="What the bot would do: answer with the first, ask which of the first two is meant, or neither."
    )


class KnowledgeStats(Model):
    example: ClassVar[Json | None] = {
        "versions": {"active": 60, "retired": 2},
        "rows": {"passage": 104, "ask": 540},
        "embedded": {"nlu-1.1.0": 644},
    }
    versions: dict[str, int] = Field(description="By state.")
    rows: dict[str, int] = Field(description="What is searched: passages, and what articles are found by.")
    embedded: dict[str, int] = Field(description="Rows by the model that embedded them; empty name: none yet.")
