"""``/v1/knowledge/gaps`` and what else is known of customers' questions. Admins change, agents read."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.gaps import FAQ_DAYS, FAQ_PEOPLE, FIGURES, GAP_DAYS, MAX_DAYS, MAX_GAPS
from server.knowledge.questions import GapState
from server.transport.http import gap_models as models
from server.transport.http import gap_values as values
from server.transport.http.asking import CallerDep, DeskDep, next_link, problems, reply, router

PATH = "/v1/knowledge"
GAPS = f"{PATH}/gaps"

gaps = router("knowledge", PATH)

GapPath = Annotated[int, Path(description="The gap's number.", ge=1, le=2**53)]
DaysQuery = Annotated[int, Query(description="Only questions of so many days.", ge=1, le=MAX_DAYS)]


@gaps.get("/gaps", response_model=models.GapPage)
async def list_gaps(
    caller: CallerDep,
    desk: DeskDep,
    *,
    state: Annotated[GapState | None, Query(description="Only gaps of this state.")] = None,
    days: DaysQuery = GAP_DAYS,
    least: Annotated[int, Query(description="Only with so many troubled questions.", ge=1, le=1_000_000)] = 2,
    skip: Annotated[int, Query(description="Leave out so many.", ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_GAPS)] = 50,
) -> Response:
    """What customers asked and got no good answer to, the most pressing first. For agents and admins."""
    found, more = await desk.gaps.read(caller).gaps(state=state, days=days, least=least, skip=skip, limit=limit)
    filters = {"state": state} if state is not None else {}
    onward = next_link(GAPS, **filters, days=days, least=least, skip=skip + limit, limit=limit) if more else None
    return reply({"items": [values.gap(one) for one in found], "more": more}, headers=onward)


@gaps.get("/gaps/{gap}", response_model=models.Gap, responses=problems(404))
async def get_gap(caller: CallerDep, desk: DeskDep, gap: GapPath, days: DaysQuery = GAP_DAYS) -> Response:
    """One gap with more examples. For agents and admins."""
    return reply(values.gap(await desk.gaps.read(caller).gap(gap, days)))


@gaps.put("/gaps/{gap}/state", response_model=models.Gap, responses=problems(404))
async def set_gap_state(caller: CallerDep, desk: DeskDep, gap: GapPath, body: models.SetGapState) -> Response:
    """Close a gap, or open it again. Later questions may do the same. For admins."""
    return reply(values.gap(await desk.gaps.change(caller).set_state(gap, body.state, caller.user.id)))


@gaps.post(
    "/gaps/{gap}/draft",
    response_model=models.Gap,
    status_code=201,
    responses={200: {"model": models.Gap}, **problems(404, 409)},
)
async def draft_for_gap(caller: CallerDep, desk: DeskDep, gap: GapPath, body: models.DraftForGap) -> Response:
    """Say which article is being written for a gap (200); one that is not there is begun as a draft, found by the gap's
    own questions (201). Its text remains to be written: before that it can't become active. For admins."""
    desk_ = desk.gaps.change(caller)
    found, is_new = await desk_.draft(gap, body.article, body.category, caller.user.id)
    return reply(values.gap(found), 201 if is_new else 200)


@gaps.get("/faq", response_model=models.FrequentQuestions)
async def list_frequent_questions(
    caller: CallerDep,
    desk: DeskDep,
    *,
    days: DaysQuery = FAQ_DAYS,
    people: Annotated[int, Query(description="Asked by at least so many people.", ge=1, le=1_000_000)] = FAQ_PEOPLE,
    limit: Annotated[int, Query(ge=1, le=MAX_GAPS)] = 50,
) -> Response:
    """What many people ask, answered or not. For agents and admins."""
    found = await desk.gaps.read(caller).frequent(days=days, people=people, limit=limit)
    return reply({"items": [values.frequent(one) for one in found]})


@gaps.get("/coverage", response_model=models.Coverage)
async def knowledge_coverage(caller: CallerDep, desk: DeskDep, days: DaysQuery = GAP_DAYS) -> Response:
    """How much of what customers ask articles answer, by day. For agents and admins."""
    return reply(values.coverage(await desk.gaps.read(caller).coverage(days)))


@gaps.get("/figures", response_model=models.AllFigures)
async def article_figures(
    caller: CallerDep,
    desk: DeskDep,
    *,
    article: Annotated[str | None, Query(description="Only of this article.", max_length=64)] = None,
    days: DaysQuery = GAP_DAYS,
    limit: Annotated[int, Query(ge=1, le=FIGURES)] = 100,
) -> Response:
    """What each version of an article did: shown, solved, thumbs, hand-offs after. For agents and admins."""
    found = await desk.gaps.read(caller).figures(days=days, article_id=article, limit=limit)
    return reply({"items": [values.figures(one) for one in found]})
