"""How often somebody may ask over HTTP."""

from __future__ import annotations

from starlette.types import ASGIApp

from server.chat.quotas import Quotas
from server.limits import Quota
from server.transport.http.api import build_api
from tests.unit.http.conftest import client_of
from tests.unit.http.fakes import Verbs, desk_of


def api_with(verbs: Verbs, quota: Quota) -> ASGIApp:
    desk = desk_of(verbs, Quotas(requests=quota))
    return build_api(desk, version="1", allowed_origins=[], max_body_bytes=1_000)


async def test_a_user_who_asks_too_often_is_told_when_to_come_back() -> None:
    verbs = Verbs()
    api = api_with(verbs, Quota("requests", burst=2, every_ms=1_500))
    async with client_of(api, "carls") as carl, client_of(api, "roots") as root:
        answers = [await carl.get("/v1/conversations") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        told = answers[2].json()
        assert (told["name"], told["temporary"], told["retry_after_ms"]) == ("rate_limited", True, 1_500)
        assert answers[2].headers["retry-after"] == "2"
        assert (await root.get("/v1/conversations")).status_code == 200  # each user for themselves
    assert len(verbs.asked) == 3


async def test_services_ask_for_many_and_are_not_counted() -> None:
    api = api_with(Verbs(), Quota("requests", burst=1, every_ms=1_000))
    async with client_of(api, "shops") as shop:
        assert {(await shop.get("/v1/conversations")).status_code for _ in range(5)} == {200}


async def test_whoever_has_no_token_costs_nobody_theirs() -> None:
    verbs = Verbs()
    api = api_with(verbs, Quota("requests", burst=1, every_ms=1_000))
    async with client_of(api, "nobodys") as nobody, client_of(api, "carls") as carl:
        assert {(await nobody.get("/v1/conversations")).status_code for _ in range(5)} == {401}
        assert (await carl.get("/v1/conversations")).status_code == 200
    assert set(verbs.addresses) == {"127.0.0.1"}  # whom the gate counts bad tokens against
