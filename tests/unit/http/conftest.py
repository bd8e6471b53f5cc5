"""The REST API in the test's own process, asked without sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.types import ASGIApp

from server.transport.http.api import build_api
from tests.unit.http.fakes import Verbs, desk_of

# Nothing here speaks TLS, and a context of its own for each client takes longer than most tests.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MAX_BODY_BYTES = 2_000
ORIGIN = "https://shop.example"


def client_of(app: ASGIApp, token: str | None) -> httpx2.AsyncClient:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://chat.test", headers=headers, verify=NO_TLS)


@pytest.fixture(scope="session")
def built() -> tuple[Verbs, ASGIApp]:
    """Built once: FastAPI reads every signature when an application is first asked for something."""
    verbs = Verbs()
    return verbs, build_api(desk_of(verbs), version="1.2.3", allowed_origins=[ORIGIN], max_body_bytes=MAX_BODY_BYTES)


@pytest.fixture
def verbs(built: tuple[Verbs, ASGIApp]) -> Verbs:
    built[0].forget()
    return built[0]


@pytest.fixture
def api(built: tuple[Verbs, ASGIApp], verbs: Verbs) -> ASGIApp:
    return built[1]


@pytest.fixture
async def client(api: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Carl, a customer."""
    async with client_of(api, "carls") as carl:
        yield carl
