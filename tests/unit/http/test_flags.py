"""``/v1/flags``: what the routes ask, and what they answer."""

from __future__ import annotations

import httpx2
import pytest

from server.errors import Forbidden, Invalid, NotFound
from server.transport.http.flags import FLAG
from tests.unit.http.conftest import client_of
from tests.unit.http.fakes import CARL, Verbs


async def test_flags_are_read(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    assert (await client.get("/v1/flags")).json() == {"items": [FLAG]}
    assert verbs.asked == [(CARL, "all")]


@pytest.mark.parametrize("value", [True, False, "log_only", ""])
async def test_a_flag_is_set_as_it_was_written(client: httpx2.AsyncClient, verbs: Verbs, value: object) -> None:
    answer = await client.put("/v1/flags/knowledge", json={"value": value})
    assert answer.status_code == 200
    ((_, (name, given)),) = verbs.asked
    assert (name, given, type(given)) == ("knowledge", value, type(value))


async def test_the_settings_hold_again(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    assert (await client.delete("/v1/flags/knowledge")).status_code == 200
    assert verbs.asked == [(CARL, ("knowledge", None))]


async def test_the_audit_log_hears_of_it(api: object, verbs: Verbs) -> None:
    async with client_of(api, "roots") as root:  # type: ignore[arg-type]
        await root.put("/v1/flags/knowledge", json={"value": False})
    assert verbs.noted == [("root", "set_flag", "/v1/flags/knowledge", {"value": False})]


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": 7.5}, {"value": ["x"]}, []])
async def test_what_is_no_value(client: httpx2.AsyncClient, verbs: Verbs, body: object) -> None:
    answer = await client.put("/v1/flags/knowledge", json=body)
    assert (answer.status_code, answer.json()["name"], verbs.asked) == (400, "bad_frame", [])


@pytest.mark.parametrize("error", [Forbidden("for admins"), Invalid("is true or false"), NotFound("no flag")])
async def test_what_is_refused(client: httpx2.AsyncClient, verbs: Verbs, error: Exception) -> None:
    verbs.error = error
    assert (await client.put("/v1/flags/x", json={"value": True})).json()["detail"] == str(error)
