"""Callers of the REST API of ``strict_server``, each a new user."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.integration.conftest import signed
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess

Call = Callable[..., Rest]

_callers = itertools.count(1)


@pytest.fixture
async def call(strict_server: ServerProcess) -> AsyncIterator[Call]:
    """``call("agent", **claims)``: a new user of that kind, gone when the test ends."""
    async with AsyncExitStack() as stack:

        def called(kind: str, **claims: Any) -> Rest:
            user_id = claims.pop("sub", f"{kind}-{next(_callers)}")
            rest = Rest(strict_server, signed(kind=kind, sub=user_id, **claims), user_id)
            stack.push_async_callback(rest.http.aclose)
            return rest

        yield called
