"""What every doorbell promises (server/backplane/ports.py), for each implementation."""

from __future__ import annotations

import asyncio

import pytest

from server.backplane.ports import Backplane, Envelope
from tests.contract.backplane.harness import Deployment


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


async def node(deployment: Deployment, name: str) -> Node:
    """A started node."""
    made = Node(deployment.unstarted(name).backplane)
    await made.backplane.start(made.heard.append, lambda: None)
    return made


@pytest.fixture
async def nodes(deployment: Deployment) -> tuple[Node, Node]:
    return await node(deployment, "one"), await node(deployment, "two")


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


async def test_local_listeners_have_an_envelope_before_publish_returns(nodes: tuple[Node, Node]) -> None:
    one, _ = nodes
    await one.backplane.listen("conv:a")
    await one.backplane.publish(ring("conv:a", 1))
    assert one.heard == [ring("conv:a", 1)]


async def test_the_publisher_hears_its_envelope_once(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.backplane.listen("conv:a")
    for number in range(3):
        await one.backplane.publish(ring("conv:a", number))
    await two.backplane.publish(ring("conv:a", 3))  # behind any echo of the others
    assert await one.hears(4) == [ring("conv:a", number) for number in range(4)]


async def test_many_channels_are_listened_to_at_once(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    channels = [f"conv:{number}" for number in range(700)]
    await asyncio.gather(*(two.backplane.listen(channel) for channel in channels))
    for number, channel in enumerate(channels):
        await one.backplane.publish(ring(channel, number))
    heard = await two.hears(len(channels))
    assert sorted(heard, key=lambda one: one.offset) == [ring(name, number) for number, name in enumerate(channels)]


async def test_ignoring_and_listening_again_at_once_ends_in_listening(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:a")
    for number in range(20):
        await asyncio.gather(two.backplane.ignore("conv:a"), two.backplane.listen("conv:a"))
        await one.backplane.publish(ring("conv:a", number))
        assert (await two.hears(number + 1))[-1] == ring("conv:a", number)


async def test_a_cancelled_publish_disturbs_nobody(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:a")
    task = asyncio.create_task(two.backplane.publish(ring("conv:b", 1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await one.backplane.publish(ring("conv:a", 1))
    assert await two.hears(1) == [ring("conv:a", 1)]


async def test_a_cancelled_listen_disturbs_nobody(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    task = asyncio.create_task(two.backplane.listen("conv:b"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await two.backplane.ignore("conv:b")
    await two.backplane.listen("conv:a")
    await one.backplane.publish(ring("conv:b", 1))
    await one.backplane.publish(ring("conv:a", 1))
    assert await two.hears(1) == [ring("conv:a", 1)]


async def test_large_and_binary_bodies_arrive_whole(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.backplane.listen("conv:a")
    large = Envelope("conv:a", 2**53, bytes(range(256)) * 4_000, plain=b"\xff\x00")
    await one.backplane.publish(large)
    assert await two.hears(1) == [large]


async def test_a_node_that_starts_later_hears_too(deployment: Deployment) -> None:
    one = await node(deployment, "one")
    await one.backplane.publish(ring("conv:a", 1))
    late = await node(deployment, "late")
    await late.backplane.listen("conv:a")
    await one.backplane.publish(ring("conv:a", 2))
    assert await late.hears(1) == [ring("conv:a", 2)]
