"""Burying on Redis while Redis goes away: nobody who was struck off is forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from server.backplane.redis import scripts
from server.backplane.redis.client import RedisClient
from server.backplane.redis.command import Command
from server.backplane.redis.registry import RedisRegistry
from server.clock import ManualClock
from server.errors import Unavailable


@dataclass
class FakeClient:
    """Dead workers and their users. It goes away once ``calls`` have been answered; the one after is still obeyed."""

    users: dict[str, list[str]]
    calls: int
    leased: set[str] = field(default_factory=set)

    async def call(self, *commands: Command) -> list[Any]:
        if self.calls < 0:
            raise Unavailable("Redis is away")
        self.calls -= 1
        answers = [self._obey(command) for command in commands]
        if self.calls < 0:
            raise Unavailable("the answer is lost")
        return answers

    def _obey(self, command: Command) -> Any:
        worker = command.key.rpartition(":")[2]
        if command.script is scripts.ROLL:
            return [[], [name.encode() for name in self.users]]
        if command.script is scripts.TAKE:
            mine = [user for user in self.users[worker] if user not in self.leased]
            self.leased.update(mine)
            return [[user.encode() for user in mine], len(self.users[worker])]
        if command.words[0] == "ZREM":
            self.users[worker] = [user for user in self.users[worker] if user not in command.words[2:]]
        if command.script is scripts.STRIKE:
            del self.users[str(command.words[4])]
        return 0


@pytest.mark.parametrize("calls", range(10))
async def test_whoever_is_struck_off_is_told_of(calls: int) -> None:
    client = FakeClient({"w1": ["ann", "bob"], "w2": ["eve"]}, calls)
    registry = RedisRegistry(cast(RedisClient, client), worker="me", prefix="p", clock=ManualClock())
    told: list[str] = []
    for _ in range(2):  # Redis comes back, and after a while leases lapse
        try:
            told += await registry.bury(100)
        except Unavailable:
            assert not told
        left = [user for users in client.users.values() for user in users]
        assert {*told, *left} == {"ann", "bob", "eve"}
        client.calls = 100
        client.leased.clear()
    assert set(told) == {"ann", "bob", "eve"}
    assert client.users == {}
