"""Versions of the model, exchanged while people chat: by REST and by the file that commands write, on every worker."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inference.registry import deployment as states
from inference.registry.catalogue import Catalogue
from tests.integration.conftest import Join
from tests.integration.peer import WITHIN_S, Frame, Peer
from tests.integration.rest.client import Rest
from tests.support.packs import SHIPPED, renamed, shipped
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess
from tests.support.workers import SECRET, Workers

STANDARD = shipped().model
OTHER = "nlu-99.0.0"
WORSE = "nlu-99.0.1"

_users = itertools.count(1)


def token(kind: str = "customer") -> str:
    sub = f"{kind}-m{next(_users)}"
    return jwt.encode({"sub": sub, "kind": kind, "iat": time.time(), "exp": time.time() + 3600}, SECRET, "HS256")


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of these tests share, with two more versions."""
    folder = tmp_path_factory.mktemp("versions")
    catalogue = Catalogue(folder / "models", [SHIPPED])
    catalogue.add(renamed(folder / "other", "99.0.0"))
    catalogue.add(renamed(folder / "worse", "99.0.1", clinc150_in_scope_accuracy=0.5))
    return folder / "models"


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Workers]:
    url = shared_server().url(new_database())
    env = {"PARLANCE_MODELS_DIR": str(models_dir)}
    with RedisServer() as redis:
        folder = tmp_path_factory.mktemp("models")
        with Workers(folder, 2, database_url=url, redis_url=redis.url, env=env) as running:
            yield running


@asynccontextmanager
async def admin(server: ServerProcess) -> AsyncIterator[Rest]:
    rest = Rest(server, token("admin"))
    try:
        yield rest
    finally:
        await rest.http.aclose()


class Chat:
    """A customer on a worker, and an agent beside who sees which model read each message."""

    def __init__(self, customer: Peer, agent: Peer, channel: str) -> None:
        self.customer, self.agent, self.channel = customer, agent, channel
        self.models: list[str] = []
        self.on = True

    async def turn(self, text: str) -> str:
        """A message that is answered; the model that read it."""
        ack = await self.customer.send(self.channel, text)
        await self.customer.bot_reply(ack["message_id"])

        def read(frame: Frame) -> bool:
            return frame.get("name") == "analysis" and frame["data"]["message_id"] == ack["message_id"]

        model: str = (await self.agent.hear(read))["data"]["analysis"]["model"]
        self.models.append(model)
        return model

    async def run(self) -> None:
        """One message after the other while ``on``."""
        for number in itertools.count():
            if not self.on:
                return
            await self.turn(f"Where is my order number {number}?")

    async def until(self, model: str) -> None:
        """Until it is this version that reads."""
        async with asyncio.timeout(WITHIN_S):
            while not self.models or self.models[-1] != model:
                await asyncio.sleep(0.02)


async def chat(server: ServerProcess, join: Join) -> Chat:
    customer, agent = await join(server, token=token()), await join(server, token=token("agent"))
    channel = await customer.open()
    await agent.ask("subscribe", channel=channel)
    return Chat(customer, agent, channel)


async def roles(rest: Rest) -> dict[str, Any]:
    serving: dict[str, Any] = (await rest.does("GET", "/v1/models"))["serving"]
    return serving


async def figure(rest: Rest, name: str, **labels: str) -> float:
    """A metric of a worker, as it is scraped."""
    page = (await rest.http.get("/metrics")).text
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return next(sample.value for sample in samples if (sample.name, sample.labels) == (name, labels))


async def everywhere(one: Rest, other: Rest) -> dict[str, Any]:
    """What the versions do on both workers, as ``other`` tells it once ``one`` has stored what it counted."""
    await one.does("GET", "/v1/models")
    items = (await other.does("GET", "/v1/models"))["items"]
    return {item["version"]: item["everywhere"] for item in items if "everywhere" in item}


async def test_promote_and_roll_back_while_people_chat(workers: Workers, join: Join, models_dir: Path) -> None:
    chats = [await chat(worker, join) for worker in workers for _ in range(2)]
    async with admin(workers[0]) as here, admin(workers[1]) as there, asyncio.TaskGroup() as group:
        for one in chats:
            group.create_task(one.run())
        await asyncio.gather(*(one.until(STANDARD) for one in chats))
        told = await here.does("POST", "/v1/models/promote", {"version": OTHER})
        assert (told["champion"], told["serving"]) == (OTHER, {"champion": OTHER})
        await asyncio.gather(*(one.until(OTHER) for one in chats))
        assert await roles(there) == {"champion": OTHER}
        # As the command does it: the workers see the file only.
        await asyncio.to_thread(Catalogue(models_dir, [SHIPPED]).change, states.rollback)
        await asyncio.gather(*(one.until(STANDARD) for one in chats))
        for one in chats:
            one.on = False
    for one in chats:
        assert [model for model, _ in itertools.groupby(one.models)] == [STANDARD, OTHER, STANDARD]
        history = (await one.customer.ask("history", channel=one.channel, limit=200))["messages"]
        asked = [message["message_id"] for message in history if message["from"]["kind"] == "customer"]
        answered = [message["reply_to"] for message in history if message["from"]["kind"] == "bot"]
        assert answered == asked[-len(answered) :]
        texts = {message["text"] for message in history if message["from"]["kind"] == "bot"}
        assert len(texts) > 1


async def test_a_canary_answers_the_same_conversations_on_both_workers(workers: Workers, join: Join) -> None:
    async with admin(workers[0]) as here, admin(workers[1]) as there:
        told = await here.does("PUT", "/v1/models/canary", {"version": OTHER, "share": 0.5})
        assert told["canary"] == {"version": OTHER, "share": 0.5}
        async with asyncio.timeout(WITHIN_S):
            while "canary" not in await roles(there):
                await asyncio.sleep(0.05)
        before = await everywhere(here, there)
        seen: dict[str, set[str]] = {}
        customer, agents = await join(workers[0], token=token()), [await join(w, token=token("agent")) for w in workers]
        for _ in range(16):
            channel = await customer.open()
            for agent, text in zip(agents, ("Where is my order?", "Thank you!"), strict=True):
                await agent.ask("subscribe", channel=channel)
                ack = await customer.send(channel, text)
                await customer.bot_reply(ack["message_id"])
                event = await agent.push("event", name="analysis", channel=channel)
                seen.setdefault(channel, set()).add(event["data"]["analysis"]["model"])
        assert all(len(models) == 1 for models in seen.values())
        assert set.union(*seen.values()) == {STANDARD, OTHER}
        after = await everywhere(there, here)
        for model in (STANDARD, OTHER):
            conversations = sum(models == {model} for models in seen.values())
            assert after[model]["answered"] - before.get(model, {"answered": 0})["answered"] == 2 * conversations
        assert after[STANDARD]["share"] + after[OTHER]["share"] == pytest.approx(1.0)
        assert "canary" not in await here.does("PUT", "/v1/models/canary", {})


async def test_a_shadow_reads_beside_and_is_counted(workers: Workers, join: Join) -> None:
    async with admin(workers[0]) as rest:
        told = await rest.does("PUT", "/v1/models/shadow", {"version": OTHER})
        assert told["serving"] == {"champion": STANDARD, "shadow": OTHER}
        talk = await chat(workers[0], join)
        assert {await talk.turn(f"Where is parcel {number}?") for number in range(5)} == {STANDARD}

        async def live() -> dict[str, Any]:
            found: dict[str, Any] = (await rest.does("GET", f"/v1/models/{OTHER}"))["live"]
            return found

        async with asyncio.timeout(WITHIN_S):
            while (found := await live())["compared"] + found["dropped"] < 5:
                await asyncio.sleep(0.05)
        assert found["compared"] > 0
        assert set(found["disagreed"].values()) == {0}, "the same model by another name"
        assert await figure(rest, "parlance_shadow_compared_total", version=OTHER) == found["compared"]
        assert await figure(rest, "parlance_model_info", version=OTHER, role="shadow") == 1
        await rest.does("PUT", "/v1/models/shadow", {})


async def test_the_gate_stands_before_rest(workers: Workers) -> None:
    async with admin(workers[0]) as rest:
        assert await rest.refused("POST", "/v1/models/promote", {"version": WORSE}) == (409, "conflict")
        assert await rest.refused("PUT", "/v1/models/canary", {"version": WORSE}) == (409, "conflict")
        assert await rest.refused("POST", "/v1/models/promote", {"version": "nlu-0"}) == (404, "not_found")
        assert await rest.refused("GET", "/v1/models/nlu-0") == (404, "not_found")
        assert await roles(rest) == {"champion": STANDARD}
        agent = Rest(workers[0], token("agent"))
        assert await agent.refused("GET", "/v1/models") == (403, "forbidden")
        assert await agent.refused("POST", "/v1/models/rollback") == (403, "forbidden")
        await agent.http.aclose()


async def test_a_broken_champion_leaves_what_serves_even_over_a_restart(tmp_path: Path, join: Join) -> None:
    folder = tmp_path / "data" / "models"
    catalogue = Catalogue(folder, [SHIPPED])
    catalogue.add(renamed(tmp_path / "pack", "99.0.0"))
    catalogue.change(lambda found: states.promote(found, OTHER))
    with ServerProcess(tmp_path / "data", env={"PARLANCE_SECRET": SECRET}) as server:
        talk = await chat(server, join)
        assert await talk.turn("Where is my order?") == OTHER, "the champion answers from the start on"
        model = folder / OTHER / "model.onnx"
        content = model.read_bytes()
        server.stop()
        model.write_bytes(content[:-1] + b"x")
        server.start()
        talk = await chat(server, join)
        assert await talk.turn("Where is my order?") == STANDARD
        async with admin(server) as rest, asyncio.timeout(WITHIN_S):
            while not (problems := (await rest.does("GET", "/v1/models"))["problems"]):
                await asyncio.sleep(0.1)
            assert [problem["version"] for problem in problems] == [OTHER]
            assert "digest" in problems[0]["reason"]
            assert await figure(rest, "parlance_model_faults_total", version=OTHER) == 1
            model.write_bytes(content)
            await rest.does("POST", "/v1/models/rollback")
            await rest.does("POST", "/v1/models/promote", {"version": OTHER})
        assert await talk.turn("Where is my parcel?") == OTHER
