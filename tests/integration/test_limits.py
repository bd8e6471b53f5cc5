"""Limits over real sockets: what is refused, how it is told, and what goes on beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import pytest

from tests.integration.conftest import SECRET, Join, signed
from tests.integration.peer import Peer
from tests.support.server import ServerProcess

LIMITED = {
    "PARLANCE_LIMITS": "on",
    "PARLANCE_SECRET": SECRET,
    "PARLANCE_CONNECTIONS_PER_USER": "3",
    "PARLANCE_CONNECTIONS_PER_ADDRESS": "6",
    "PARLANCE_FRAMES_PER_SECOND": "5",
    "PARLANCE_MESSAGES_PER_SECOND": "0.5",
    "PARLANCE_OPENS_PER_MINUTE": "2",
    "PARLANCE_FAILED_TOKENS_PER_MINUTE": "3",
    "PARLANCE_GUESTS": "true",
    "PARLANCE_GUESTS_PER_MINUTE": "4",
    "PARLANCE_TRUSTED_PROXIES": "127.0.0.1",
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("limited") / "data", env=LIMITED) as running:
        yield running


FromAddress = Callable[[ServerProcess, str], Awaitable[Peer]]


@pytest.fixture
def from_address(dialled: Join) -> FromAddress:
    """A peer whose proxy says that it comes from an address."""
    return lambda server, address: dialled(server, headers={"X-Forwarded-For": address})


async def test_messages_over_the_rate_are_refused_and_say_when_to_come_back(limited: ServerProcess, join: Join) -> None:
    peer = await join(limited, token=signed())
    channel = await peer.open()
    answers = [await peer.send(channel, f"text {number}") for number in range(6)]
    assert [answer["type"] for answer in answers] == ["ack"] * 5 + ["error"]
    refusal = answers[-1]
    assert (refusal["code"], refusal["name"], refusal["temporary"]) == (429, "rate_limited", True)
    assert 0 < refusal["retry_after_ms"] <= 2_000
    other = await join(limited, token=signed())
    assert (await other.send(await other.open(), "not me"))["type"] == "ack"


async def test_the_rate_is_the_users_on_all_connections(limited: ServerProcess, join: Join) -> None:
    mine = signed()
    one, two = await join(limited, token=mine), await join(limited, token=mine)
    channel = await one.open()
    for number in range(5):
        assert (await one.send(channel, f"text {number}"))["type"] == "ack"
    assert (await two.send(channel, "and one more"))["code"] == 429


async def test_conversations_over_the_rate(limited: ServerProcess, join: Join) -> None:
    peer = await join(limited, token=signed())
    for _ in range(2):
        await peer.open()
    assert (await peer.ask("open", key="third"))["code"] == 429


async def test_frames_over_the_rate_and_then_the_end(limited: ServerProcess, join: Join) -> None:
    peer = await join(limited, token=signed())
    answers = [await peer.ask("ping") for _ in range(25)]
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert refused
    assert all(answer["code"] == 429 for answer in refused)
    for _ in range(4):
        await peer.say([{"type": "ping", "id": peer.new_id()} for _ in range(64)])
    closed = await peer.closed()
    assert closed.code == 4429
    assert closed.seen[-1]["type"] == "goodbye"
    assert closed.seen[-1]["after_ms"] > 0


async def test_one_users_connections(limited: ServerProcess, join: Join, dialled: Join) -> None:
    mine = signed()
    peers = [await join(limited, token=mine) for _ in range(3)]
    fourth = await dialled(limited)
    answer = await fourth.connect(mine)
    assert (answer["type"], answer["code"]) == ("error", 429)
    closed = await fourth.closed()
    assert (closed.code, closed.seen[-1]["type"]) == (4429, "goodbye")
    await peers[0].socket.close()
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while (await (again := await dialled(limited)).connect(mine))["type"] != "welcome":
            await again.socket.close()


async def test_one_addresses_connections(limited: ServerProcess, from_address: FromAddress) -> None:
    for _ in range(6):
        await from_address(limited, "203.0.113.7")
    closed = await (await from_address(limited, "203.0.113.7")).closed()
    assert (closed.code, closed.seen[-1]["code"]) == (4429, 4429)
    other = await from_address(limited, "203.0.113.8")
    assert (await other.connect(signed()))["type"] == "welcome"


async def test_an_address_that_guesses_tokens_is_barred_and_its_good_tokens_are_not(
    limited: ServerProcess, from_address: FromAddress
) -> None:
    codes = []
    for _ in range(6):
        peer = await from_address(limited, "198.51.100.9")
        codes.append((await peer.connect("no.token.atall"))["code"])
        await peer.closed()
    assert codes[:3] == [401] * 3
    assert codes[-1] == 429
    neighbour = await from_address(limited, "198.51.100.9")
    assert (await neighbour.connect(signed()))["type"] == "welcome"
    elsewhere = await from_address(limited, "198.51.100.10")
    assert (await elsewhere.connect("no.token.atall"))["code"] == 401


async def test_expired_tokens_bar_nobody(limited: ServerProcess, from_address: FromAddress) -> None:
    for _ in range(8):
        peer = await from_address(limited, "198.51.100.20")
        assert (await peer.connect(signed(exp=1_000)))["code"] == 401
        await peer.closed()


async def test_guests_of_one_address(limited: ServerProcess, from_address: FromAddress) -> None:
    for _ in range(4):
        guest = await from_address(limited, "198.51.100.30")
        assert (await guest.connect())["type"] == "welcome"
        await guest.socket.close()
    refused = await from_address(limited, "198.51.100.30")
    assert (await refused.connect())["code"] == 429
    assert (await refused.closed()).code == 4429


async def test_who_is_no_trusted_proxy_can_not_choose_an_address(
    server: ServerProcess, from_address: FromAddress
) -> None:
    """Nothing is limited for this machine itself, so a false address would be the only way to be barred."""
    for _ in range(30):
        peer = await from_address(server, "198.51.100.77")
        assert (await peer.connect("no.token.atall"))["code"] == 401
        await peer.closed()


async def test_a_head_without_end_is_cut_off(limited: ServerProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", limited.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n")
    for number in range(1_300):
        writer.write(f"x-filler-{number}: {'y' * 40}\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    with suppress(ConnectionResetError):
        assert b"HTTP" not in await reader.read()
    writer.close()
