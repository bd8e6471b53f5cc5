"""What client authors read: /openapi.json, /asyncapi.json, /docs, and the table of docs/protocol.md."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from server import __version__
from server.transport.http.documents import document_routes
from server.transport.http.lazy import Lazily, rest_routes
from server.transport.http.models import Problem
from server.transport.http.pages import SecureHeaders, page_routes
from server.wire.asyncapi import asyncapi
from server.wire.parts import MAX_CONVERSATIONS, MAX_HISTORY
from tests.unit.http.conftest import NO_TLS, client_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def document(api: ASGIApp) -> dict[str, Any]:
    async with client_of(api, None) as client:
        answer = await client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


# ------------------------------------------------------------------ /openapi.json


async def test_it_needs_no_token_and_names_the_version(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == "1.2.3"


async def test_every_operation_is_whole(document: dict[str, Any]) -> None:
    assert len(operations(document)) == 114
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document).items():
        assert operation["security"] == [{"token": []}], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
        responses = operation["responses"]
        assert {"400", "401", "403", "422", "429", "503"} <= set(responses), name
        for status, response in responses.items():
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, name
            elif status != "204":
                assert "$ref" in response["content"]["application/json"]["schema"], name
    identifiers = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(identifiers)) == len(identifiers)
    assert {tag for operation in operations(document).values() for tag in operation["tags"]} == tags


async def test_the_security_scheme_is_the_bearer_token(document: dict[str, Any]) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")


async def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references == set(document["components"]["schemas"])
    assert "HTTPValidationError" not in references


async def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator({**schema, "components": document["components"]})
        for example in schema.get("examples", ()):
            assert list(validator.iter_errors(example)) == [], name


async def test_bounds_of_the_query_are_the_protocols(document: dict[str, Any]) -> None:
    def bound(operation: str) -> int:
        parameters = operations(document)[operation]["parameters"]
        (limit,) = (parameter["schema"] for parameter in parameters if parameter["name"] == "limit")
        found: int = limit["maximum"]
        return found

    assert bound("GET /v1/conversations") == MAX_CONVERSATIONS
    assert bound("GET /v1/conversations/{channel}/messages") == MAX_HISTORY


async def test_the_pages_table_of_requests_is_whole(document: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \|", page, re.MULTILINE)
    assert sorted(table) == sorted(operations(document))


async def test_problems_name_a_place_in_the_page() -> None:
    script = "".join(path.read_text() for path in (ROOT / "server" / "web" / "static" / "docs").glob("*.js"))
    assert "error-" in script  # the ids of the rows that ``type`` of a problem leads to
    assert Problem.example is not None and Problem.example["type"] == "/docs#error-409"


# ------------------------------------------------------------------ the outer application


@pytest.fixture
def outer(api: ASGIApp) -> ASGIApp:
    """The routes as a worker has them, without the socket's."""
    routes = [*page_routes(), *document_routes(), *rest_routes(Lazily(lambda: api))]
    return Starlette(routes=routes, middleware=[Middleware(SecureHeaders)])


async def test_all_is_reached_through_the_worker(outer: ASGIApp) -> None:
    async with client_of(outer, "carls") as client:
        assert (await client.get("/v1/conversations")).status_code == 200
        assert (await client.get("/openapi.json")).json()["info"]["title"] == "Parlance"
        answer = await client.get("/asyncapi.json")
        assert answer.json() == asyncapi(__version__)
        page = await client.get("/docs")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (await client.get("/v2/conversations")).status_code == 404


async def test_nothing_loosens_the_policy_of_what_a_page_may_load(outer: ASGIApp) -> None:
    async with client_of(outer, "carls") as client:
        for path in ("/docs", "/openapi.json", "/asyncapi.json", "/v1/conversations", "/v1/nothing"):
            answer = await client.get(path)
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert len(answer.headers.get_list("cache-control")) == 1
        assert (await client.get("/v1/conversations")).headers["cache-control"] == "no-store"
        assert (await client.get("/docs")).headers["cache-control"] == "no-cache"


# ------------------------------------------------------------------ building late


async def test_it_is_built_once_and_in_a_thread() -> None:
    built: list[int] = []

    def build() -> ASGIApp:
        built.append(threading.get_ident())
        return PlainTextResponse("here")

    app = Starlette(routes=rest_routes(Lazily(build)))
    assert built == []
    async with client_of(app, None) as client:
        answers = await asyncio.gather(*(client.get("/v1/x/y") for _ in range(5)))
    assert [answer.text for answer in answers] == ["here"] * 5
    assert len(built) == 1 and built[0] != threading.get_ident()


async def test_a_failure_to_build_is_500_and_tried_again() -> None:
    attempts: list[int] = []

    def build() -> ASGIApp:
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("no memory")
        return PlainTextResponse("here")

    app = Starlette(routes=rest_routes(Lazily(build)))
    async with client_of(app, None) as client:
        assert (await client.get("/v1/x")).status_code == 500
        assert (await client.get("/v1/x")).text == "here"


async def test_a_failure_within_stops_there() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("answered", 500)(scope, receive, send)
        raise RuntimeError("a bug")

    transport = httpx2.ASGITransport(app=Starlette(routes=rest_routes(Lazily(lambda: fails))))
    async with httpx2.AsyncClient(transport=transport, base_url="http://chat.test", verify=NO_TLS) as client:
        assert (await client.get("/v1/x")).text == "answered"


def test_composing_a_worker_loads_neither_fastapi_nor_scipy() -> None:
    program = (
        "import sys, server.app;"
        "print([name for name in ('fastapi', 'server.wire.asyncapi', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
