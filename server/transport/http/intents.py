"""``/v1/intents``: a user's own intents on a running server. For admins; the inbox has routes of its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.transport.http import intent_models as models
from server.transport.http.asking import CallerDep, DeskDep, problems, reply, router

intents = router("intents", "/v1/intents", 409)

IntentPath = Annotated[str, Path(description="The intent's name.", max_length=64)]
TextQuery = Annotated[str, Query(description="The example, as it stands there.", min_length=1, max_length=500)]


@intents.get("", response_model=models.OwnIntents)
async def list_intents(caller: CallerDep, desk: DeskDep) -> Response:
    """Your own intents with their examples, what is wrong with them, and what was learned. For admins."""
    return reply(await desk.intents.show(caller))


@intents.post("/{intent}/examples", response_model=models.ExamplesChanged)
async def add_example(caller: CallerDep, desk: DeskDep, intent: IntentPath, body: models.AddExample) -> Response:
    """Write another example of an intent into `inbox.yaml` of your folder. 422 for one that another intent has, and
    for an intent that is not there unless `new` is true. For admins."""
    return reply(await desk.intents.add(caller, intent, body.text, new=body.new))


@intents.delete("/{intent}/examples", response_model=models.ExamplesChanged, responses=problems(404))
async def remove_example(caller: CallerDep, desk: DeskDep, intent: IntentPath, text: TextQuery) -> Response:
    """Take out an example that was added here or over the inbox; 404 for those of other files. For admins."""
    return reply(await desk.intents.remove(caller, intent, text))


@intents.post("/export", response_model=models.ExamplesChanged)
async def export_labels(caller: CallerDep, desk: DeskDep) -> Response:
    """Take over what was labelled in the inbox, as `parlance intents inbox export` does. For admins."""
    return reply(await desk.intents.export(caller))


@intents.post("/train", response_model=models.OwnIntents)
async def train_intents(caller: CallerDep, desk: DeskDep) -> Response:
    """Learn the folder; takes seconds, and changes nothing for customers: the result waits as `candidate`. 422 says
    what is wrong with the intents. For admins."""
    return reply(await desk.intents.train(caller))


@intents.post("/activate", response_model=models.OwnIntents)
async def activate_intents(caller: CallerDep, desk: DeskDep, body: models.ActivateIntents) -> Response:
    """Let the candidate answer: workers take it within seconds. For admins."""
    return reply(await desk.intents.activate(caller, body.digest))


@intents.post("/rollback", response_model=models.OwnIntents)
async def roll_back_intents(caller: CallerDep, desk: DeskDep) -> Response:
    """Let what was in use before answer again; a second time undoes that. For admins."""
    return reply(await desk.intents.roll_back(caller))
