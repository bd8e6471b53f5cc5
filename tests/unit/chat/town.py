"""Workers that share a doorbell, a registry and a store in one process, and a clock that moves when told to."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec

from server.backplane.memory import MemoryBackplane, MemoryHub, MemoryRegistry, MemoryRoll
from server.backplane.ports import Device, Registry
from server.chat.peer import Caller, ChatPeer
from server.chat.presence import PresenceVerbs
from server.chat.signals import Signals
from server.chat.typists import TypingVerbs
from server.clock import ManualClock
from server.errors import NotFound, Unavailable
from server.fanout.hub import Fanout
from server.store.ports import Account, Head, Store
from server.wire.codec import JSON, Codec
from server.wire.frames import Message
from server.wire.framing import messages_of
from server.wire.parts import Kind, Status, User
from server.wire.requests import SetPresence, Who

STEP_MS = 50.0
Frame = dict[str, Any]


def account(user_id: str, kind: Kind = "customer") -> Account:
    return Account(User(user_id, kind, user_id.title()), "online", None, 0, 0, False)


class FakeStore:
    """Accounts and members; ``away`` makes every call fail."""

    def __init__(self) -> None:
        self.known: dict[str, Account] = {}
        self.conversations: dict[str, list[str]] = {}
        self.away = False
        self.member_reads = 0

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("the database is away")

    async def accounts(self, user_ids: Sequence[str]) -> dict[str, Account]:
        self._reach()
        return {user_id: self.known[user_id] for user_id in user_ids if user_id in self.known}

    async def save_user(self, user: User, at_ms: int) -> Account:
        self._reach()
        return self.known.setdefault(user.id, replace(account(user.id), user=user))

    async def set_status(self, user_id: str, status: Status, text: str | None) -> None:
        self._reach()
        self.known[user_id] = replace(self.known[user_id], status=status, status_text=text)

    async def saw(self, user_ids: Sequence[str], at_ms: int) -> None:
        self._reach()
        for user_id in user_ids:
            self.known[user_id] = replace(self.known[user_id], last_seen_ms=at_ms)

    async def members(self, channel: str, limit: int) -> list[User]:
        self._reach()
        self.member_reads += 1
        return [self.known[user_id].user for user_id in self.conversations.get(channel, [])][:limit]

    async def channels_of(self, user_id: str, limit: int) -> list[str]:
        self._reach()
        return [channel for channel, members in self.conversations.items() if user_id in members][:limit]

    async def is_member(self, channel: str, user_id: str) -> bool:
        self._reach()
        return user_id in self.conversations.get(channel, [])

    async def head(self, channel: str) -> Head:
        self._reach()
        if channel not in self.conversations:
            raise NotFound("no conversation")
        return Head("e", 0)

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        return {}

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        return []


class FlakyRegistry:
    """A worker's registry; ``away`` makes every call fail."""

    def __init__(self, inner: MemoryRegistry) -> None:
        self.inner = inner
        self.away = False
        self.calls = 0
        self._debts: set[tuple[str, str]] = set()

    def _reach(self) -> None:
        self.calls += 1
        if self.away:
            raise Unavailable("the registry is away")

    async def add(self, device: Device) -> int:
        self._debts.discard((device.user_id, device.session_id))
        self._reach()
        return await self.inner.add(device)

    async def remove(self, user_id: str, session_id: str) -> int:
        self._debts.add((user_id, session_id))
        self._reach()
        self._debts.discard((user_id, session_id))
        return await self.inner.remove(user_id, session_id)

    async def devices(self, user_ids: Sequence[str]) -> dict[str, list[Device]]:
        self._reach()
        return await self.inner.devices(user_ids)

    async def beat(self, devices: Sequence[Device]) -> None:
        self._reach()
        for debt in self._debts:
            await self.inner.remove(*debt)
        self._debts.clear()
        await self.inner.beat(devices)

    async def bury(self, limit: int) -> list[str]:
        self._reach()
        return await self.inner.bury(limit)

    async def workers(self) -> int:
        return await self.inner.workers()


@dataclass(eq=False)
class Phone:
    """A connection that keeps the pushes it gets."""

    caller: Caller
    session_id: str
    node: Node
    codec: Codec = JSON
    user_id: str = field(init=False)
    is_staff: bool = False
    is_agent: bool = False
    sees_all: bool = False
    received: list[Frame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.user_id = self.caller.user.id

    def push(self, framed: bytes) -> None:
        self.received += [msgspec.json.decode(body) for body, _ in messages_of(framed)]

    def news(self) -> list[Frame]:
        """What has come since the last call."""
        news, self.received = self.received, []
        return news

    def told(self) -> list[str]:
        """Like ``news``, of presence, in short: "+alice" joined, "-alice" left, "~alice" changed, "#3" count."""
        short: list[str] = []
        for frame in self.news():
            for sign, name in (("+", "joined"), ("-", "left"), ("~", "changed")):
                short += (sign + shown["user"]["id"] for shown in frame.get(name, ()))
            if "count" in frame:
                short.append(f"#{frame['count']}")
        return short


class Node:
    """One worker; ``is_running`` False is one that was killed or stopped in its tracks."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.signals = Signals()
        store = cast(Store, town.store)
        self.fanout = Fanout(store, MemoryBackplane(town.hub), lambda _: None, self.signals.receive)
        self.signals.connect(self.fanout)
        self.registry = FlakyRegistry(MemoryRegistry(name, clock=town.clock, roll=town.roll))
        self.typing = TypingVerbs(store=store, fanout=self.fanout, signals=self.signals, clock=town.clock)
        self.presence = PresenceVerbs(
            store=store,
            registry=cast(Registry, self.registry),
            fanout=self.fanout,
            signals=self.signals,
            clock=town.clock,
            worker=name,
            on_absent=self.typing.stop,
        )
        self.is_running = True

    async def turn(self) -> None:
        """Whatever is due now."""
        if self.is_running:
            await self.presence.attendance.step()
            await self.presence.announcer.tell_waiting()
            await self.presence.onlookers.push_due()
            self.typing.lapse()

    async def connect(self, user_id: str) -> Phone:
        phone = Phone(Caller(self.town.store.known[user_id].user), f"s{next(self.town.numbers)}", self)
        await self.presence.arrived(cast(ChatPeer, phone))
        return phone

    async def watch(self, user_id: str, channel: str) -> Phone:
        """Connect, and subscribe."""
        phone = await self.connect(user_id)
        self.fanout.open(await self.fanout.join(phone, channel), 0)
        return phone


class Town:
    """``clock`` moves with ``go_on``, which lets every running worker do what is due."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.hub = MemoryHub()
        self.roll = MemoryRoll()
        self.store = FakeStore()
        self.nodes: list[Node] = []
        self.numbers = itertools.count(1)

    async def add_node(self) -> Node:
        node = Node(self, f"w{len(self.nodes) + 1}")
        await node.fanout.start()
        self.nodes.append(node)
        return node

    def people(self, channel: str, *user_ids: str) -> None:
        """Members of a conversation."""
        for user_id in user_ids:
            self.store.known.setdefault(user_id, account(user_id))
        self.store.conversations[channel] = [*self.store.conversations.get(channel, []), *user_ids]

    async def go_on(self, ms: float) -> None:
        for _ in range(max(1, round(ms / STEP_MS))):
            self.clock.advance(STEP_MS)
            for node in self.nodes:
                await node.turn()

    async def close(self) -> None:
        for node in self.nodes:
            await node.fanout.close()


async def hang_up(phone: Phone) -> None:
    """As the chat does it when a connection ends."""
    for channel in list(phone.node.town.store.conversations):
        await phone.node.fanout.leave(phone, channel)
    await phone.node.presence.left(cast(ChatPeer, phone))


async def who(phone: Phone, channel: str) -> dict[str, Frame]:
    """The answer by user id."""
    answer = await phone.node.presence.who(phone.caller, Who(id=1, channel=channel))
    return {shown.user.id: msgspec.to_builtins(shown) for shown in answer.members}


async def set_status(phone: Phone, status: Status, text: str | None = None) -> None:
    answer = await phone.node.presence.set(phone.caller, SetPresence(id=7, status=status, text=text))
    assert msgspec.to_builtins(answer) == {"type": "presence", "id": 7}
