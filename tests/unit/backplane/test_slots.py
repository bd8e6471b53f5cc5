"""Reading ``CLUSTER SLOTS``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from server.backplane.redis.topology import SLOTS, first_success, read_slots

ROWS: list[Any] = [
    [0, 99, [b"10.0.0.1", 6379, b"id1", []], [b"10.0.0.9", 6379, b"replica", []]],
    [200, SLOTS - 1, [b"10.0.0.2", 7000, b"id2", []]],
    [100, 199, [b"10.0.0.1", 6379, b"id1", []]],
]


def test_every_slot_has_its_master() -> None:
    owners, hosts = read_slots(ROWS, ("asked", 1))
    assert hosts == {"10.0.0.1:6379": ("10.0.0.1", 6379), "10.0.0.2:7000": ("10.0.0.2", 7000)}
    assert owners == ["10.0.0.1:6379"] * 200 + ["10.0.0.2:7000"] * (SLOTS - 200)


def test_a_member_without_a_name_is_where_it_was_asked() -> None:
    for nameless in (None, b""):
        _, hosts = read_slots([[0, SLOTS - 1, [nameless, 6379, b"id"]]], ("10.0.0.7", 7777))
        assert hosts == {"10.0.0.7:6379": ("10.0.0.7", 6379)}


def test_an_ipv6_member_is_written_as_in_a_url() -> None:
    _, hosts = read_slots([[0, SLOTS - 1, [b"::1", 6379, b"id"]]], ("asked", 1))
    assert hosts == {"[::1]:6379": ("::1", 6379)}


def test_a_slot_without_a_master_is_named() -> None:
    with pytest.raises(ResponseError, match="slot 100 of the cluster has no master"):
        read_slots(ROWS[:2], ("asked", 1))


async def test_the_first_that_answers_counts_and_the_others_are_let_go() -> None:
    ended: list[str] = []

    async def never() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("never")
        raise AssertionError

    async def fails() -> str:
        raise RedisConnectionError("away")

    async def answers() -> str:
        await asyncio.sleep(0)
        return "here"

    assert await first_success([never(), fails(), answers()]) == "here"
    assert ended == ["never"]


async def test_when_all_fail_the_last_error_is_told() -> None:
    async def fails(reason: str) -> str:
        raise RedisConnectionError(reason)

    with pytest.raises(RedisConnectionError, match="two"):
        await first_success([fails("one"), fails("two")])
    with pytest.raises(RedisConnectionError, match="no server is known"):
        await first_success([])
