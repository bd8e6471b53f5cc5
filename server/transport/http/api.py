"""The REST API as one ASGI application (FastAPI), with its OpenAPI document. ``lazy`` puts off building it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from server.errors import ProtocolError
from server.transport.http import (
    agents,
    alerts,
    conversations,
    editing,
    experiments,
    flags,
    gaps,
    inbox,
    insight,
    intents,
    knowledge,
    models,
    notifications,
    overview,
    people,
    policies,
    registry,
    usage,
)
from server.transport.http import problems as errors
from server.transport.http.asking import error_table
from server.transport.http.bodies import BodyLimit
from server.transport.http.desk import Desk
from server.wire.codec import JSON

_TAGS = {
    "conversations": "Opening, listing, resolving and rating conversations. Customers see their own, others every one.",
    "messages": "Durable messages in the order of `offset`, and ratings of the bot's answers.",
    "hand-off": "From the bot to a human and back.",
    "agents": "The agents' desk: notes, transfers, search, customers, colleagues. For agents and admins.",
    "members": "Who belongs to a conversation, and who is there.",
    "users": "Who is known, and who may come in.",
    "tokens": "Tokens for users whom your own back end knows.",
    "inbox": "Turns that the bot was not sure of, for agents and admins to say what was meant.",
    "intents": "Your own intents: examples, learned and put to use on a running server. For admins.",
    "insight": "How customers have felt, who the personas are, and what is like what.",
    "knowledge": "Articles that the bot answers from: admins write and publish, agents read and try questions.",
    "models": "Versions of the model side by side: which answers, which is tried, how they do. For admins.",
    "policies": "What the choice of personas has learned: snapshots, rollbacks, personas that come and go. For admins.",
    "experiments": "Variants side by side: made, started, stopped, read, for admins; goal events from back ends.",
    "alerts": "What admins should look at: what stands, who has seen it, what nobody is told of. For admins.",
    "documents": "Personas and mood rules, edited while the bot speaks. For admins.",
    "flags": "What an operator turns while the server runs, in place of settings. For admins.",
    "audit": "Who changed what, and when. For admins.",
    "usage": "What language models were used for, and what that cost. For admins.",
    "notifications": "Word to one user, to every user, or to everybody who is connected.",
}
_SUCCESSES = {
    200: "Done.",
    201: "Made.",
    202: "Taken; it is on its way.",
    204: "Done; there is nothing to tell.",
}
_ROUTERS = (
    conversations.conversations,
    conversations.messages,
    conversations.handoff,
    conversations.people,
    insight.insight,
    agents.agents,
    people.users,
    people.tokens,
    inbox.inbox,
    intents.intents,
    knowledge.knowledge,
    gaps.gaps,
    notifications.notifications,
    notifications.system,
    registry.registry,
    policies.policies,
    experiments.experiments,
    experiments.templates,
    experiments.events,
    overview.overview,
    alerts.alerts,
    alerts.audit,
    editing.documents,
    flags.flags,
    usage.usage,
)
_DESCRIPTION = """\
The same conversations as over the WebSocket (`/asyncapi.json`), for back ends and scripts: the same tokens, the same
rules, the same values, without the frames' `id`.

- Errors are problem details (RFC 9457) with the protocol's `code` and `name`.
- `Idempotency-Key` makes a repeat safe, at any later time, on any worker.
- A page says with `more` whether there is another, and its `Link` header leads there.
- Times (`*_ms`) are milliseconds since the Unix epoch.
"""


class _Api(FastAPI):
    """FastAPI with the model of errors, which routes only refer to, in the document."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        schemas = document["components"]["schemas"]
        if models.Problem.__name__ not in schemas:
            problem = models.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas[models.Problem.__name__] = problem
            document["x-errors"] = error_table()
            _say_less(document)
        return document


def _say_less(document: dict[str, Any]) -> None:
    """FastAPI calls every success a successful response, which says nothing."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if int(status) < 300:
                    response["description"] = _SUCCESSES[int(status)]
            if {"200", "201"} <= set(operation["responses"]):
                operation["responses"]["200"]["description"] = "Done before, by the same key."


def _document(api: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """``/openapi.json``, made when it is first asked for, in a thread: it takes as long as hundreds of messages."""
    made: list[bytes] = []

    async def document(request: Request) -> Response:  # noqa: ARG001  (starlette calls it so)
        if not made:
            made.append(await asyncio.to_thread(lambda: JSON.encode(api.openapi())))
        return Response(made[0], media_type="application/json")

    return document


def build_api(desk: Desk, *, version: str, allowed_origins: Sequence[str], max_body_bytes: int) -> FastAPI:
    """``allowed_origins``: origins of pages that may call from browsers, beside the server's own."""
    api = _Api(
        title="Parlance",
        version=version,
        description=_DESCRIPTION,
        openapi_tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        license_info={"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        openapi_url=None,  # see _document
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        exception_handlers={
            ProtocolError: errors.on_protocol_error,
            RequestValidationError: errors.on_invalid_request,
            HTTPException: errors.on_http_error,
            Exception: errors.on_failure,
        },
    )
    api.state.desk = desk
    for router in _ROUTERS:
        api.include_router(router)
    api.add_route("/openapi.json", _document(api), include_in_schema=False)
    api.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    if allowed_origins:
        _let_in(api, allowed_origins)
    return api


def _let_in(api: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of other origins call from browsers (CORS); they bring a token, never a cookie."""
    api.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["Link", "Location", "Retry-After"],
        max_age=3_600,
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
