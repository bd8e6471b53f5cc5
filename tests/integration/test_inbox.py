"""A whole round: a turn that nobody was sure of, what was meant, and the model that knows it from then on."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from server.cli.main import app
from tests.integration.conftest import STRICT, Join, signed
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "intents-example"
INBOX = "/v1/intents/inbox"
# None of them is what the example's shop is sure of; the last two want an intent that it doesn't have.
MOULDY, MIXED_UP, OTHERS = (
    "the tent smells of mould",
    "I got somebody else's boots",
    "you packed somebody else's boots, mail me at ann@example.org",
)


def parlance(*arguments: str | Path, data_dir: Path | None = None, **environ: str) -> Any:
    """What a command of ``parlance intents`` says as JSON; it must be done with 0."""
    told = [*map(str, arguments), "--json", *(("--data-dir", str(data_dir)) if data_dir else ())]
    result = CliRunner().invoke(app, ["intents", *told], prog_name="parlance", env=environ)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of intents, trained once."""
    folder = tmp_path_factory.mktemp("inbox") / "shop"
    shutil.copytree(EXAMPLE, folder)
    parlance("train", folder, "--out", folder.parent / "own.npz")
    return folder


@pytest.fixture(scope="module")
def shop_server(shop: Path) -> Iterator[ServerProcess]:
    env = {**STRICT, "PARLANCE_INTENTS": str(shop.parent / "own.npz")}
    with ServerProcess(shop.parent / "data", env=env) as running:
        yield running


Call = Callable[..., Rest]


@pytest.fixture
async def call(shop_server: ServerProcess) -> AsyncIterator[Call]:
    """``call("agent", sub="ann")``: a user of that kind over HTTP, gone when the test ends."""
    async with AsyncExitStack() as stack:

        def called(kind: str, **claims: Any) -> Rest:
            rest = Rest(shop_server, signed(kind=kind, **claims))
            stack.push_async_callback(rest.http.aclose)
            return rest

        yield called


async def said(peer: Peer, channel: str, text: str) -> None:
    """A turn, answered."""
    ack = await peer.send(channel, text)
    await peer.bot_reply(ack["message_id"])


async def read_as(agent: Peer, peer: Peer, text: str) -> str:
    """The intent of a text that is said now, in a conversation of its own."""
    channel = await peer.open()
    await agent.ask("subscribe", channel=channel)
    ack = await peer.send(channel, text)
    told = await agent.push("event", channel=channel, name="analysis")
    await peer.bot_reply(ack["message_id"])
    assert told["data"]["message_id"] == ack["message_id"]
    intent: str = told["data"]["analysis"]["intent"]
    return intent


async def test_what_was_not_understood_is_after_a_round_through_the_inbox(
    shop: Path, shop_server: ServerProcess, join: Join, call: Call
) -> None:
    data_dir = shop_server.data_dir
    customer = await join(shop_server, "json", signed())
    agent = await join(shop_server, "json", signed(kind="agent", sub="ann"))
    rest = call("agent", sub="ann")
    # A sure one and courtesies stay out.
    for text in ("where is my order", "hello", "thanks a lot", MOULDY, MIXED_UP, OTHERS):
        await said(customer, await customer.open(), text)
    page = await rest.does("GET", INBOX, params={"state": "open"})
    texts = {item["text"]: item for item in page["items"]}
    others = "you packed somebody else's boots, mail me at [email]"
    assert list(texts) == [others, MIXED_UP, MOULDY]
    mouldy = texts[MOULDY]
    assert mouldy["said"] == mouldy["guesses"][0]["intent"] == "damaged"
    assert mouldy["confidence"] == mouldy["guesses"][0]["probability"] < 1.0
    # One by REST, the others by the command, beside the running server.
    labelled = await rest.does("POST", f"{INBOX}/{mouldy['message_id']}/label", {"intent": "damaged"})
    assert (labelled["label"], labelled["judged_by"]) == ("damaged", "ann")
    wrong = {"intent": "wrong_itm"}
    assert await rest.refused("POST", f"{INBOX}/{mouldy['message_id']}/label", wrong) == (422, "invalid")
    for text in (MIXED_UP, others):
        label = ("inbox", "label", texts[text]["message_id"], "wrong_item", "--new")
        await asyncio.to_thread(parlance, *label, data_dir=data_dir)
    # Into the folder, and into what the server understands.
    export = ("inbox", "export", shop)
    assert (await asyncio.to_thread(parlance, *export, data_dir=data_dir))["added"] == 3
    assert (await asyncio.to_thread(parlance, *export, data_dir=data_dir))["added"] == 0
    assert (await asyncio.to_thread(parlance, "validate", shop, "--words-only"))["errors"] == 0
    trained = shop.parent / "new.npz"
    assert (await asyncio.to_thread(parlance, "train", shop, "--out", trained))["intents"] == 13
    own = str(shop.parent / "own.npz")
    assert (await asyncio.to_thread(parlance, "activate", trained, PARLANCE_INTENTS=own))["intents"] == 13
    while await read_as(agent, customer, f"{MIXED_UP}!") != "wrong_item":
        await asyncio.sleep(0.2)  # workers look every two seconds
    before = {item["message_id"] for item in (await rest.does("GET", INBOX))["items"]}
    for text in (MIXED_UP, OTHERS, MOULDY):
        await said(customer, await customer.open(), text)
    after = (await rest.does("GET", INBOX))["items"]
    assert {item["message_id"] for item in after} == before, "the same texts are understood now"
    agreement = await rest.does("GET", f"{INBOX}/agreement")
    assert [(one["labelled"], one["agreed"]) for one in agreement["items"]] == [(3, 1)]
    assert await asyncio.to_thread(parlance, "inbox", "agreement", data_dir=data_dir) == agreement


async def test_only_agents_and_admins_see_it(call: Call) -> None:
    for kind in ("customer", "service"):
        rest = call(kind)
        for method, path, body in (
            ("GET", INBOX, None),
            ("GET", f"{INBOX}/agreement", None),
            ("POST", f"{INBOX}/m/label", {"intent": "oos"}),
            ("POST", f"{INBOX}/m/dismiss", None),
        ):
            assert await rest.refused(method, path, body) == (403, "forbidden")
    admin = call("admin")
    assert await admin.refused("POST", f"{INBOX}/01NOSUCH/dismiss") == (404, "not_found")
    assert await admin.refused("GET", f"{INBOX}?limit=101") == (400, "bad_frame")
