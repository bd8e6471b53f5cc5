"""An experiment from the first word to the report, through real sockets; and by commands beside a running server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.experiments.assignment import pick
from server.cli.main import app
from tests.integration.conftest import STRICT, Join, signed
from tests.integration.peer import WITHIN_S, Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess

TONE: dict[str, Any] = {
    "id": "tone",
    "variants": [
        {"name": "professional", "changes": [{"kind": "writer_style", "values": {"tone": "professional"}}]},
        {"name": "friendly", "changes": [{"kind": "writer_style", "values": {"tone": "friendly"}}]},
    ],
    "metrics": ["satisfaction", "conversion", "response_time", "engagement_rate"],
    "goal": "order_placed",
    "min_units": 2,
    "planned_units": 4,
}
FIRST = {
    variant: next(
        f"{variant}-{number}"
        for number in range(99)
        if pick("tone/variant", f"{variant}-{number}", {"professional": 1, "friendly": 1}) == variant
    )
    for variant in ("professional", "friendly")
}
"""A customer for each, by the documented hash."""


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    env = {**STRICT, "PARLANCE_EXPLAIN": "true"}
    with ServerProcess(tmp_path_factory.mktemp("experiments") / "data", env=env) as running:
        yield running


@asynccontextmanager
async def caller(server: ServerProcess, kind: str = "admin") -> AsyncIterator[Rest]:
    rest = Rest(server, signed(kind=kind))
    try:
        yield rest
    finally:
        await rest.http.aclose()


class Customer:
    """Somebody with a conversation of their own."""

    def __init__(self, peer: Peer, channel: str) -> None:
        self.peer, self.channel = peer, channel

    async def says(self, text: str) -> dict[str, Any]:
        """The bot's answer."""
        ack = await self.peer.send(self.channel, text)
        return await self.peer.bot_reply(ack["message_id"])


async def customer(join: Join, server: ServerProcess, user_id: str) -> Customer:
    peer = await join(server, token=signed(sub=user_id))
    return Customer(peer, await peer.open())


def commanded(server: ServerProcess, *arguments: str, of: str = "experiment") -> Any:
    told = [of, *arguments, "--data-dir", str(server.data_dir), "--json"]
    result = CliRunner().invoke(app, told, prog_name="parlance", env={"PARLANCE_SECRET": STRICT["PARLANCE_SECRET"]})
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_two_styles_from_the_draft_to_the_report(own_server: ServerProcess, join: Join) -> None:
    async with caller(own_server) as root, caller(own_server, "service") as shop:
        assert (await root.does("POST", "/v1/experiments", TONE))["state"] == "draft"
        early = await (await customer(join, own_server, "early")).says("Where is my order?")
        assert "experiment" not in early["turn"]
        assert (await root.does("POST", "/v1/experiments/tone/start"))["state"] == "running"
        people = {variant: await customer(join, own_server, user_id) for variant, user_id in FIRST.items()}
        for variant, one in people.items():
            replies = [await one.says(text) for text in ("Where is my order?", "I'd like a refund, please.")]
            assert [reply["turn"]["experiment"] for reply in replies] == [{"id": "tone", "variant": variant}] * 2
            await one.peer.ask("rate", channel=one.channel, rating={"professional": 0.5, "friendly": 1.0}[variant])
        order = {"user_id": FIRST["friendly"], "name": "order_placed", "key": "order-1"}
        assert not (await shop.does("POST", "/v1/events", order))["duplicate"]
        assert (await shop.does("POST", "/v1/events", order))["duplicate"]
        told = await root.does("GET", "/v1/experiments/tone/report")
        assert told["units"] == {"professional": 1, "friendly": 1}
        metrics = told["metrics"]
        assert {name: {one: row["units"] for one, row in of.items()} for name, of in metrics.items()} == {
            name: {"professional": 1, "friendly": 1} for name in TONE["metrics"]
        }
        assert told["verdict"]["action"] == "continue"
        assert await shop.refused("GET", "/v1/experiments") == (403, "forbidden")
        assert await root.refused("POST", "/v1/experiments/tone/start") == (409, "conflict")
        assert await root.refused("POST", "/v1/experiments", {**TONE, "id": "x", "metrics": ["no"]}) == (422, "invalid")
        assert await root.refused("GET", "/v1/experiments/none/report") == (404, "not_found")
        await root.does("POST", "/v1/experiments/tone/complete", {"winner": "friendly"})
        late = await people["professional"].says("Thanks!")
        assert "experiment" not in late["turn"], "it is over; everybody gets the winner"
        history = (await root.does("GET", "/v1/experiments/tone"))["history"]
        assert [row["verb"] for row in history] == ["create", "start", "complete"]


async def test_commands_reach_a_running_server(own_server: ServerProcess, join: Join, tmp_path: Path) -> None:
    file = tmp_path / "persona.yaml"
    file.write_text(
        "id: who\nmetrics: [handoff_rate]\nvariants:\n"
        "- name: calm\n  changes: [{kind: persona, values: {name: calm}}]\n"
        "- name: soon\n  changes: [{kind: persona, values: {name: concise}}, {kind: flow, values: {max_turns: 1}}]\n",
        encoding="utf-8",
    )
    await asyncio.to_thread(commanded, own_server, "create", str(file))
    await asyncio.to_thread(commanded, own_server, "start", "who")
    seen: dict[str, tuple[str, str]] = {}
    async with asyncio.timeout(WITHIN_S):
        number = 0
        while len(seen) < 2:
            number += 1
            one = await customer(join, own_server, f"who-{number}")
            turn = (await one.says("Where is my order?"))["turn"]
            if "experiment" in turn:
                seen[turn["experiment"]["variant"]] = (turn["persona"], turn["policy"])
                if turn["experiment"]["variant"] == "soon":
                    await one.peer.hear(lambda frame: (frame.get("data") or {}).get("event") == "waiting")
    assert seen == {"calm": ("calm", "experiment:who:calm"), "soon": ("concise", "experiment:who:soon")}
    assert sum((await asyncio.to_thread(commanded, own_server, "report", "who"))["units"].values()) >= 2
    assert (await asyncio.to_thread(commanded, own_server, "stop", "who"))["state"] == "completed"


async def test_a_policy_that_learns_is_one_of_two_factors(own_server: ServerProcess, join: Join) -> None:
    learns = {"kind": "policy", "values": {"name": "squarecb", "gamma": 50.0}}
    style = {"kind": "writer_style", "values": {"tone": "friendly"}}
    both: dict[str, Any] = {
        "id": "both",
        "factors": [
            {"name": "policy", "levels": [{"name": "as it is"}, {"name": "square", "changes": [learns]}]},
            {"name": "tone", "levels": [{"name": "today"}, {"name": "friendly", "changes": [style]}]},
        ],
        "metrics": ["satisfaction"],
        "min_units": 2,
        "planned_units": 8,
    }
    names = [f"{policy}×{tone}" for policy in ("as it is", "square") for tone in ("today", "friendly")]
    weights = dict.fromkeys(names, 1)
    users = {name: [f"f{n}" for n in range(99) if pick("both/variant", f"f{n}", weights) == name][:2] for name in names}
    async with caller(own_server) as root:
        made = await root.does("POST", "/v1/experiments", both)
        assert [variant["name"] for variant in made["variants"]] == names
        await root.does("POST", "/v1/experiments/both/start")
        answers = []
        for name, own in users.items():
            for user in own:
                person = await customer(join, own_server, user)
                answer = await person.says("Where is my order?")
                await person.says("Thank you, great!")  # the next turn is a reward
                is_own = name.startswith("square")
                assert answer["turn"]["policy"] == (f"experiment:both:{name}" if is_own else "linucb"), name
                assert answer["turn"]["experiment"] == {"id": "both", "variant": name}
                answers.append((answer, is_own))
        report = await root.does("GET", "/v1/experiments/both/report")
        assert report["units"] == dict.fromkeys(names, 2)
        async with asyncio.timeout(WITHIN_S):
            while True:
                logs = {one["policy"]: one["version"] for one in (await root.does("GET", "/v1/policies"))["items"]}
                if all(logs.get(f"experiment:both:{name}", 0) >= 2 for name in names[2:]):
                    break
                await asyncio.sleep(0.1)
    own_decisions = [answer["turn"]["decision_id"] for answer, is_own in answers if is_own]
    found = await asyncio.to_thread(commanded, own_server, "explain", own_decisions[-1], of="policy")
    assert found["replayed_exactly"] and "has a policy of its own" in found["words"]
