"""Rules, segments, users and outcomes through a whole server."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Join
from tests.integration.peer import Peer
from tests.integration.test_turns import turn
from tests.support.server import ServerProcess

RULES = """
rules:
  - name: partners are spoken to plainly
    when: {segment: partner}
    only: [professional]
  - name: never playful with the sad
    when: {sentiment: [negative, very_negative]}
    never: playful
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("personal")
    (folder / "rules.yaml").write_text(RULES)
    env = {
        "PARLANCE_POLICY": "personal",
        "PARLANCE_POLICY_RULES_FILE": str(folder / "rules.yaml"),
        "PARLANCE_CREDIT_LAMBDA": "0.5",
    }
    with ServerProcess(folder / "data", env=env) as running:
        yield running


async def opened(peer: Peer, **metadata: str) -> str:
    answer = await peer.ask("open", key=f"k-{peer.new_id()}", metadata=metadata)
    channel: str = answer["channel"]
    return channel


def rows(server: ServerProcess, statement: str, *values: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(Path(server.data_dir) / "parlance.db") as database:
        return database.execute(statement, values).fetchall()


async def test_a_segments_rule_holds_and_the_log_says_so(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await opened(peer, segment="partner")
    texts = ("hello", "where is my order?", "this is terrible, I am so sad")
    answers = [await turn(peer, channel, text) for text in texts]

    assert {(answer["turn"]["persona"], answer["turn"]["propensity"]) for answer in answers} == {("professional", 1.0)}
    logged = rows(server, "SELECT probabilities FROM decisions")
    assert len(logged) == len(texts)
    for (packed,) in logged:
        assert isinstance(packed, bytes)
        chances = struct.unpack(f"<{len(packed) // 8}d", packed)
        assert sorted(chances)[-2:] == [0.0, 1.0]


async def test_how_it_ended_rewards_the_answers_before_too(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await opened(peer)
    answers = [await turn(peer, channel, text) for text in ("hi", "how do I change my address?", "and my name?")]
    await peer.ask("resolve", channel=channel, resolved=True)
    await peer.ask("rate", channel=channel, rating=1.0)
    parts = [
        rows(server, "SELECT parts_json FROM decisions WHERE decision_id = ?", answer["turn"]["decision_id"])[0][0]
        for answer in answers
    ]

    assert all('"resolved":1.0' in str(one) and '"rating":1.0' in str(one) for one in parts)
    assert ['"credit":0.25' in str(parts[0]), '"credit":0.5' in str(parts[1])] == [True, True]
    assert "credit" not in str(parts[2])
