"""``/v1/knowledge``: the articles that the bot answers from. Admins write, agents read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.articles import MAX_ARTICLES, MAX_HITS
from server.knowledge.values import VersionState
from server.transport.http import knowledge_models as models
from server.transport.http import knowledge_values as values
from server.transport.http.asking import CallerDep, DeskDep, next_link, problems, reply, router
from server.wire.parts import MAX_TEXT_CODE_POINTS

PATH = "/v1/knowledge"
ARTICLES = f"{PATH}/articles"

knowledge = router("knowledge", PATH)

ArticlePath = Annotated[
    str, Path(description="The article: small letters, digits and `-`.", pattern="^[a-z0-9][a-z0-9-]{0,63}$")
]
VersionPath = Annotated[int, Path(description="The version, from 1.", ge=1, le=2**31 - 1)]


@knowledge.get("/articles", response_model=models.ArticlePage)
async def list_articles(
    caller: CallerDep,
    desk: DeskDep,
    *,
    state: Annotated[VersionState | None, Query(description="Only articles with a version of this state.")] = None,
    category: Annotated[str | None, Query(description="Only of this category.", max_length=64)] = None,
    after: Annotated[str | None, Query(description="Only articles behind this one.", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_ARTICLES)] = 50,
) -> Response:
    """Each article by its newest version (of that state). For agents and admins."""
    found, more = await desk.articles.page(caller, state=state, category=category, after=after, limit=limit)
    filters = {name: value for name, value in (("state", state), ("category", category)) if value is not None}
    onward = next_link(ARTICLES, **filters, after=found[-1].article_id, limit=limit) if more else None
    return reply({"items": [values.shown(one) for one in found], "more": more}, headers=onward)


@knowledge.get("/articles/{article}", response_model=models.WholeArticle, responses=problems(404))
async def get_article(
    caller: CallerDep,
    desk: DeskDep,
    article: ArticlePath,
    *,
    version: Annotated[
        int | None, Query(description="If unset the active one, or where there is none the newest.", ge=1, le=2**31 - 1)
    ] = None,
) -> Response:
    """A version with its text, the article's other versions, and who did what when. For agents and admins."""
    shown, source, versions, changes = await desk.articles.article(caller, article, version)
    return reply(
        {
            **values.shown(shown),
            "source": source,
            "versions": [values.shown(one) for one in versions],
            "changes": [values.change(one) for one in changes],
        }
    )


@knowledge.put(
    "/articles/{article}",
    response_model=models.ArticleVersion,
    status_code=201,
    responses={200: {"model": models.ArticleVersion}, **problems(413)},
)
async def save_article(caller: CallerDep, desk: DeskDep, article: ArticlePath, body: models.SaveArticle) -> Response:
    """Save a draft: a new version, or the newest as it is (200) where its text is the same. For admins.

    422 names the line that is wrong.
    """
    version, is_new = await desk.articles.save(caller, article, body.source)
    return reply(values.shown(version), 201 if is_new else 200)


@knowledge.post("/articles/{article}/preview", response_model=models.ArticlePreview, responses=problems(413))
async def preview_article(caller: CallerDep, desk: DeskDep, article: ArticlePath, body: models.SaveArticle) -> Response:
    """What a text would be cut into; nothing is saved. For agents and admins. 422 names the line that is wrong."""
    return reply(values.preview(*await desk.articles.preview(caller, article, body.source)))


@knowledge.put(
    "/articles/{article}/versions/{version}/state",
    response_model=models.ArticleVersion,
    responses=problems(404, 409),
)
async def set_article_state(
    caller: CallerDep, desk: DeskDep, article: ArticlePath, version: VersionPath, body: models.SetArticleState
) -> Response:
    """Approve, activate, retire, or bring back. What becomes active replaces the version that was. For admins."""
    return reply(values.shown(await desk.articles.set_state(caller, article, version, body.state)))


@knowledge.get("/search", response_model=models.KnowledgeHits)
async def search_knowledge(
    caller: CallerDep,
    desk: DeskDep,
    *,
    q: Annotated[str, Query(description="A question, as a customer would put it.", max_length=MAX_TEXT_CODE_POINTS)],
    category: Annotated[str | None, Query(description="Only of this category.", max_length=64)] = None,
    language: Annotated[str | None, Query(description="If unset the question's own.", max_length=3)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_HITS)] = 5,
) -> Response:
    """What that question finds among the active articles, the surest first, and what the bot would do with it. For
    agents and admins."""
    hits, outcome = await desk.articles.search(caller, q, category=category, language=language, limit=limit)
    return reply({"items": [values.hit(one) for one in hits], "outcome": outcome})


@knowledge.get("/stats", response_model=models.KnowledgeStats)
async def knowledge_stats(caller: CallerDep, desk: DeskDep) -> Response:
    """How much there is. For agents and admins."""
    return reply(asdict(await desk.articles.figures(caller)))
