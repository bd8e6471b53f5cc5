"""``/v1/notifications`` and ``/v1/system``: word to one user, to every user, to everybody who is connected."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from server.chat.notices import MAX_UNSEEN
from server.errors import BadFrame
from server.store.ports import Notice
from server.transport.http import models
from server.transport.http.asking import CallerDep, DeskDep, problems, reply, router
from server.wire.requests import MarkSeen

notifications = router("notifications", "/v1/notifications")
system = router("notifications", "/v1/system")


@notifications.post("", status_code=201, response_model=models.Notified, responses=problems(404, 413))
async def notify(caller: CallerDep, desk: DeskDep, body: models.Notify) -> Response:
    """Notify one user (`user_id`) or every known user (`"everyone": true`); stored until seen. For admins and services.

    There is no key: repeated, it is another notification.
    """
    if (body.user_id is None) is (body.everyone is not True):
        raise BadFrame('whom is it for? Give either user_id or "everyone": true')
    notice = Notice(
        notification_id="",
        user_id=body.user_id,
        priority=body.priority,
        title=body.title,
        body=body.body,
        data=body.data,
        at_ms=0,
    )
    notification, users = await desk.administration.notify(caller, notice)
    return reply({"notification_id": notification.notification_id, "users": users}, 201)


@notifications.get("", response_model=models.NotificationPage)
async def list_notifications(
    caller: CallerDep, desk: DeskDep, limit: Annotated[int, Query(ge=1, le=MAX_UNSEEN)] = MAX_UNSEEN
) -> Response:
    """One's own unseen ones, most urgent, then oldest first, and the number of all. Marking some shows the next."""
    items, unread = await desk.notices.unseen(caller, limit)
    return reply({"items": items, "unread": unread})


@notifications.post("/{notification_id}/seen", response_model=models.Seen, responses=problems(404))
async def mark_seen(caller: CallerDep, desk: DeskDep, notification_id: str) -> Response:
    """Mark one's own notification as seen, on every device."""
    return reply(await desk.ask(caller, MarkSeen, notification_id=notification_id))


@system.post("", status_code=202, response_model=models.Announced, responses=problems(413))
async def announce(caller: CallerDep, desk: DeskDep, body: models.Announce) -> Response:
    """Tell everybody who is connected, as an event on the channel `system`; it is not stored. For admins."""
    return reply(await desk.administration.announce(caller, body.name, body.data), 202)
