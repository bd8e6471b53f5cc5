"""``/v1/experiments`` and ``/v1/events``: experiments for admins, goal events from back ends."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Path
from starlette.responses import Response

from server.transport.http import experiment_models as models
from server.transport.http.asking import (
    CallerDep,
    DeskDep,
    IdempotencyKey,
    key_of,
    problems,
    reply,
    router,
)
from server.transport.http.models import Json

experiments = router("experiments", "/v1/experiments", 409)
templates = router("experiments", "/v1/experiment-templates")
events = router("experiments", "/v1/events", 409)

ExperimentPath = Annotated[str, Path(description="The experiment's id.", max_length=64)]
Document = Annotated[
    Json,
    Body(
        description="The experiment (docs/experiments.md), or `template` and what differs from it.",
        examples=[models.EXAMPLE, {"template": "response_style", "id": "tone-1"}],
    ),
]


@experiments.get("", response_model=models.ExperimentList)
async def list_experiments(caller: CallerDep, desk: DeskDep) -> Response:
    """Every experiment, by id. For admins."""
    return reply({"items": await desk.experiments.all(caller)})


@experiments.post("", response_model=models.ExperimentDocument, status_code=201)
async def create_experiment(caller: CallerDep, desk: DeskDep, body: Document) -> Response:
    """A draft: nobody is shown anything yet. 422 where something is written wrongly or can't act on this server, 409
    for an id or a salt that is taken; the same document again is the same draft. For admins."""
    return reply(await desk.experiments.create(caller, body), 201)


@templates.get("", response_model=models.TemplateList)
async def list_templates(caller: CallerDep, desk: DeskDep) -> Response:
    """Experiments to start from, as `POST /v1/experiments` takes them. For admins."""
    return reply({"items": desk.experiments.templates(caller)})


@experiments.put("/{experiment_id}", response_model=models.ExperimentDocument, responses=problems(404))
async def edit_experiment(
    caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath, body: models.EditDraft
) -> Response:
    """Another document for a draft, all of it; what takes users can't be rewritten. 409 where somebody was faster.
    For admins."""
    return reply(
        await desk.experiments.change(
            caller, lambda all_, by: all_.edit(experiment_id, body.experiment, body.revision, by)
        )
    )


@experiments.get("/{experiment_id}", response_model=models.ExperimentDocument, responses=problems(404))
async def get_experiment(caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath) -> Response:
    """One experiment with its history: who changed it when, and why. For admins."""
    return reply(await desk.experiments.one(caller, experiment_id))


@experiments.get("/{experiment_id}/report", response_model=models.ExperimentReport, responses=problems(404))
async def report_experiment(caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath) -> Response:
    """What its users did since they were first shown it, analysed. May be asked at any time: with the method
    `sequential`, looking often does no harm. For admins."""
    return reply(await desk.experiments.report(caller, experiment_id))


@experiments.post("/{experiment_id}/start", response_model=models.ExperimentDocument, responses=problems(404))
async def start_experiment(caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath) -> Response:
    """Let a draft or a paused one take users, on every worker. For admins."""
    return reply(await desk.experiments.change(caller, lambda all_, by: all_.start(experiment_id, by)))


@experiments.post("/{experiment_id}/pause", response_model=models.ExperimentDocument, responses=problems(404))
async def pause_experiment(caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath) -> Response:
    """Take nobody new; who is in keeps the variant. For admins."""
    return reply(await desk.experiments.change(caller, lambda all_, by: all_.pause(experiment_id, by)))


@experiments.post("/{experiment_id}/ramp", response_model=models.ExperimentDocument, responses=problems(404))
async def ramp_experiment(
    caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath, body: models.Ramp
) -> Response:
    """Take in a larger share; nobody who is in leaves or changes variant. For admins."""
    return reply(await desk.experiments.change(caller, lambda all_, by: all_.ramp(experiment_id, body.exposure, by)))


@experiments.post("/{experiment_id}/complete", response_model=models.ExperimentDocument, responses=problems(404))
async def complete_experiment(
    caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath, body: models.Complete
) -> Response:
    """End it. Everybody gets the winner from then on; without one, what there was before. For admins."""
    return reply(
        await desk.experiments.change(caller, lambda all_, by: all_.complete(experiment_id, body.winner, by, body.note))
    )


@experiments.post("/{experiment_id}/withdraw", response_model=models.ExperimentDocument, responses=problems(404))
async def withdraw_winner(caller: CallerDep, desk: DeskDep, experiment_id: ExperimentPath) -> Response:
    """Of a completed one: nobody gets its winner any more. For admins."""
    return reply(await desk.experiments.change(caller, lambda all_, by: all_.withdraw(experiment_id, by)))


@events.post("", response_model=models.EventTaken, status_code=201, responses={200: {"model": models.EventTaken}})
async def add_event(
    caller: CallerDep, desk: DeskDep, body: models.GoalEvent, idempotency_key: IdempotencyKey = None
) -> Response:
    """Something that a user did elsewhere, such as an order: what `conversion` counts.

    Told again with its key it counts once. For admins and services.
    """
    key = key_of(idempotency_key, body.key)
    is_new = await desk.experiments.event(caller, body.user_id, key, body.name, body.at_ms)
    told = {"user_id": body.user_id, "key": key, "name": body.name, "duplicate": not is_new}
    return reply(told, 201 if is_new else 200)
