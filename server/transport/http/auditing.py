"""Which requests land in the audit log: those that change something for others, once they have succeeded."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

CHANGING: Final = frozenset(("POST", "PUT", "PATCH", "DELETE"))
# What people do all day in conversations stands in these; and whose presence and events are nobody's change.
UNNOTED: Final = frozenset(("conversations", "messages", "hand-off", "members", "inbox"))
UNNOTED_ACTIONS: Final = frozenset(
    ("set_presence", "add_event", "search_knowledge", "preview_article", "notify", "mark_seen")
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def is_noted(method: str, tags: list[Any], name: str) -> bool:
    """Whether the audit log hears of requests to this route."""
    return method in CHANGING and not UNNOTED & set(map(str, tags)) and name not in UNNOTED_ACTIONS


def noting(handle: Handler, tags: list[Any], name: str) -> Handler:
    """The same route, which notes what it has changed."""

    async def handle_and_note(request: Request) -> Response:
        response = await handle(request)
        if response.status_code < 300 and is_noted(request.method, tags, name):
            caller = getattr(request.state, "caller", None)
            if caller is not None and caller.is_agent:  # services act all day in others' names
                await request.app.state.desk.audit.note(caller, name, request.url.path, await _given(request))
        return response

    return handle_and_note


async def _given(request: Request) -> object:
    body = await request.body()
    try:
        return msgspec.json.decode(body) if body else {}
    except (msgspec.MsgspecError, ValueError):
        return {}
