"""``/v1/intents/inbox``: turns that the bot was not sure of, and what was meant."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.inbox import MAX_ITEMS
from server.store.inbox_ports import DoubtState
from server.transport.http import models
from server.transport.http.asking import CallerDep, DeskDep, next_link, problems, reply, router
from server.transport.http.inbox_values import agreements, shown

PATH = "/v1/intents/inbox"

inbox = router("inbox", PATH)

MessagePath = Annotated[str, Path(description="The item: the customer's message.", max_length=64)]


@inbox.get("", response_model=models.InboxPage)
async def list_inbox(
    caller: CallerDep,
    desk: DeskDep,
    *,
    state: Annotated[DoubtState | None, Query(description="Only items of this state.")] = None,
    model: Annotated[str | None, Query(description="Only what this model read, such as `nlu-1.2.0`.")] = None,
    before: Annotated[str | None, Query(description="Only items older than this one.", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_ITEMS)] = 50,
) -> Response:
    """Doubtful turns, the newest first; the next page is `before` the last one's `message_id`. For agents and admins.

    What nobody labels lapses after the setting `inbox_days`.
    """
    found, more = await desk.inbox.page(caller, state=state, model=model, before=before, limit=limit)
    filters = {name: value for name, value in (("state", state), ("model", model)) if value is not None}
    onward = next_link(PATH, **filters, before=found[-1].turn_id, limit=limit) if more else None
    return reply({"items": [shown(item) for item in found], "more": more}, headers=onward)


@inbox.get("/agreement", response_model=models.Agreements)
async def relabel_agreement(caller: CallerDep, desk: DeskDep) -> Response:
    """How often the labels are what the model had said, by its version. For agents and admins."""
    return reply({"items": agreements(await desk.inbox.agreement(caller))})


@inbox.post("/{message_id}/label", response_model=models.InboxItem, responses=problems(404))
async def label_turn(caller: CallerDep, desk: DeskDep, message_id: MessagePath, body: models.Label) -> Response:
    """Say which intent was meant; a later label replaces the earlier, so a repeat does nothing. For agents and admins.

    An intent that is not known is refused unless `new` is true. `parlance intents inbox export` writes what was
    labelled into your folder of intents.
    """
    return reply(shown(await desk.inbox.label(caller, message_id, body.intent, new=body.new)))


@inbox.post("/{message_id}/dismiss", response_model=models.InboxItem, responses=problems(404))
async def dismiss_turn(caller: CallerDep, desk: DeskDep, message_id: MessagePath) -> Response:
    """Set a turn aside that tells nothing; it is neither learned nor counted. For agents and admins."""
    return reply(shown(await desk.inbox.dismiss(caller, message_id)))
