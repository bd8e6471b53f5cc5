"""``/v1/usage``: what language models were used for, and what that cost. For admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from server.chat.spending import PARTS, Part, usage_shown
from server.transport.http import usage_models as models
from server.transport.http.asking import CallerDep, DeskDep, reply, router

usage = router("usage")

MomentMs = Annotated[int | None, Query(ge=0, le=2**53, description="Milliseconds since the Unix epoch.")]


@usage.get("/v1/usage", response_model=models.Usage)
async def model_usage(
    caller: CallerDep,
    desk: DeskDep,
    *,
    since_ms: MomentMs = None,
    until_ms: MomentMs = None,
    by: Annotated[list[Part] | None, Query(description="What to tell apart; all three if left out.")] = None,
) -> Response:
    """Uses, tokens, cost and mean latencies from `since_ms` on and before `until_ms`, by model, persona and variant of
    an experiment, the dearest first. For admins."""
    found = await desk.insight.model_usage(caller, since_ms, until_ms)
    return reply(usage_shown(found, tuple(dict.fromkeys(by)) if by else PARTS))
