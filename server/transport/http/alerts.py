"""``/v1/alerts`` and ``/v1/audit``, for admins: what stands, who sees to it, who is told nothing; who changed what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.audit import MAX_ROWS
from server.store.alert_ports import AlertState
from server.transport.http import alert_models as models
from server.transport.http.asking import CallerDep, DeskDep, next_link, problems, reply, router

alerts = router("alerts", "/v1/alerts")
audit = router("audit", "/v1/audit")

AlertPath = Annotated[str, Path(description="The alert's id.", max_length=64)]
SilencePath = Annotated[str, Path(description="The silence's id.", max_length=64)]


@alerts.get("", response_model=models.AlertPage)
async def list_alerts(
    caller: CallerDep,
    desk: DeskDep,
    *,
    state: Annotated[AlertState | None, Query(description="Only those that stand, or those that are over.")] = None,
    before: Annotated[str | None, Query(description="Only alerts older than this one.", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Alerts by their raise, the newest first; the next page is `before` the last one's `alert_id`. For admins."""
    items, more = await desk.alerts.page(caller, state=state, before=before, limit=limit)
    filters = {} if state is None else {"state": state}
    onward = next_link("/v1/alerts", **filters, before=items[-1]["alert_id"], limit=limit) if more else None
    return reply({"items": items, "more": more}, headers=onward)


@alerts.get("/rules", response_model=models.AlertRules)
async def list_alert_rules(caller: CallerDep, desk: DeskDep) -> Response:
    """The rules in use (docs/alerts.md), in their file's order. For admins."""
    return reply({"items": desk.alerts.rules(caller)})


@alerts.get("/silences", response_model=models.Silences)
async def list_silences(caller: CallerDep, desk: DeskDep) -> Response:
    """The silences that hold. For admins."""
    return reply({"items": await desk.alerts.silences(caller)})


@alerts.post("/silences", response_model=models.Silence, status_code=201)
async def silence_alerts(caller: CallerDep, desk: DeskDep, body: models.SetSilence) -> Response:
    """Tell nobody of alerts of these rules for a while. They are raised and shown all the same; whoever was told of one
    hears of its end. 422 for a rule that is not there. For admins."""
    made = await desk.alerts.silence(
        caller, rule=body.rule, for_s=body.for_s, until_ms=body.until_ms, reason=body.reason
    )
    return reply(made, 201)


@alerts.delete("/silences/{silence_id}", response_model=models.Silence, responses=problems(404))
async def end_silence(caller: CallerDep, desk: DeskDep, silence_id: SilencePath) -> Response:
    """Tell people again; the time until the next step of an escalation counts from now on. For admins."""
    return reply(await desk.alerts.end_silence(caller, silence_id))


@alerts.post("/{alert_id}/acknowledge", response_model=models.Alert, responses=problems(404, 409))
async def acknowledge_alert(caller: CallerDep, desk: DeskDep, alert_id: AlertPath) -> Response:
    """Say that somebody sees to it: nobody further is told, unless it gets worse. 409 once it is over. For admins."""
    return reply(await desk.alerts.acknowledge(caller, alert_id))


@audit.get("", response_model=models.Changes)
async def read_audit_log(
    caller: CallerDep,
    desk: DeskDep,
    *,
    by: Annotated[str | None, Query(description="Only what this user did.", max_length=128)] = None,
    action: Annotated[str | None, Query(description="Only this operation.", max_length=64)] = None,
    before: Annotated[int | None, Query(description="Only changes numbered below.", ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 50,
) -> Response:
    """Who changed what, over this API, the newest first. Talking in conversations and judging the inbox are no
    changes. For admins."""
    found, more = await desk.audit.page(caller, by=by, action=action, before=before, limit=limit)
    filters = {name: value for name, value in (("by", by), ("action", action)) if value is not None}
    onward = next_link("/v1/audit", **filters, before=found[-1].number, limit=limit) if more else None
    return reply({"items": [asdict(row) for row in found], "more": more}, headers=onward)
