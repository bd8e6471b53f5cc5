"""What every doorbell promises (server/backplane/ports.py), for each implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from server.backplane.memory import MemoryBackplane, MemoryHub
from server.backplane.ports import Backplane, Envelope

Make = Callable[[], Backplane]


class Node:
    """One end of the doorbell, with what it has heard."""

    def __init__(self, backplane: Backplane) -> None:
        self.backplane = backplane
        self.heard: list[Envelope] = []

    async def hears(self, count: int) -> list[Envelope]:
        """Wait until ``count`` envelopes have come."""
        while len(self.heard) < count:
            await asyncio.sleep(0.001)
        return self.heard


def _memory() -> Make:
    hub = MemoryHub()
    return lambda: MemoryBackplane(hub)


@pytest.fixture(params=[_memory], ids=["memory"])
async def nodes(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Node, Node]]:
    make: Make = request.param()
    async with AsyncExitStack() as stack:
        made = (Node(make()), Node(make()))
        for node in made:
            await node.backplane.start(node.heard.append, lambda: None)
            stack.push_async_callback(node.backplane.close)
        yield made


def ring(channel: str, number: int) -> Envelope:
    return Envelope(channel, number, f'{{"n":{number}}}'.encode())


async def test_every_listening_node_hears_the_publisher_included(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    for node in nodes:
        await node.backplane.listen("conv:a")
    await one.backplane.publish(ring("conv:a", 1))
    assert await one.hears(1) == await two.hears(1) == [ring("conv:a", 1)]


async def test_every_field_arrives_unaltered(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:a")
    whole = Envelope("conv:a", 7, b'{"a":"\xc3\xa9"}', plain=b"{}", audience="staff", author="u\u00fc")
    await one.backplane.publish(whole)
    assert await two.hears(1) == [whole]


async def test_one_nodes_envelopes_keep_their_order(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:a")
    sent = [ring("conv:a", number) for number in range(200)]
    for envelope in sent:
        await one.backplane.publish(envelope)
    assert await two.hears(200) == sent


async def test_only_channels_listened_to_are_heard(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:b")
    await one.backplane.publish(ring("conv:a", 1))
    await one.backplane.publish(ring("conv:b", 2))
    assert await two.hears(1) == [ring("conv:b", 2)]


async def test_after_ignore_nothing_is_heard(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:a")
    await two.backplane.listen("conv:b")
    await two.backplane.ignore("conv:a")
    await one.backplane.publish(ring("conv:a", 1))
    await one.backplane.publish(ring("conv:b", 2))
    assert await two.hears(1) == [ring("conv:b", 2)]


async def test_listening_and_ignoring_are_idempotent(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    for _ in range(2):
        await two.backplane.listen("conv:a")
    await one.backplane.publish(ring("conv:a", 1))
    await one.backplane.publish(ring("conv:a", 2))
    assert await two.hears(2) == [ring("conv:a", 1), ring("conv:a", 2)]
    for _ in range(2):
        await two.backplane.ignore("conv:a")
        await two.backplane.ignore("conv:never")


async def test_a_handler_that_raises_costs_nobody_else_the_envelope(nodes: tuple[Node, Node]) -> None:
    one, two = nodes

    def fail(envelope: Envelope) -> None:
        raise RuntimeError("a bug in a handler")

    await one.backplane.start(fail, lambda: None)
    for node in nodes:
        await node.backplane.listen("conv:a")
    await one.backplane.publish(ring("conv:a", 1))
    await one.backplane.publish(ring("conv:a", 2))
    assert len(await two.hears(2)) == 2


async def test_after_close_nothing_is_heard_and_closing_twice_is_no_error(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    for node in nodes:
        await node.backplane.listen("conv:a")
    await two.backplane.close()
    await two.backplane.close()
    await one.backplane.publish(ring("conv:a", 1))
    await one.hears(1)
    assert two.heard == []
