"""Any order of connect, open, send, ack, kill and resume, against a model of what a customer may rely on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, precondition, rule

from loadtest.client import new_key
from parlance_client.encoding import EncodingName
from parlance_client.errors import RequestFailed
from parlance_client.frames import Ack
from tests.chaos.checker import check_fleet
from tests.chaos.fleet import ENCODINGS, Fleet, Person
from tests.chaos.ledger import SqliteLedger
from tests.chaos.length import START_WITHIN_S, pick
from tests.support.server import ServerProcess

MAX_CUSTOMERS = 6
# In one example; each costs the start of a server.
MAX_KILLS = pick(2, 10)

texts = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40)


class Machine(RuleBasedStateMachine):
    """The model: of each key that was acked, the one ack that it will always get; and that offsets only grow."""

    server: ClassVar[ServerProcess]

    people: Bundle[Person] = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.fleet = Fleet([self.server.ws_url], SqliteLedger(self.server.data_dir / "parlance.db"))
        self.acks: dict[str, Ack] = {}
        self.kills = 0

    # ----------------------------------------------------------------------- what customers do

    @rule(target=people, encoding=st.sampled_from(ENCODINGS))
    def connect_and_open(self, encoding: EncodingName) -> Person | MultipleResults[Person]:
        if len(self.fleet.customers) == MAX_CUSTOMERS:
            return multiple()
        number = len(self.fleet.customers)
        person = Person(self.fleet.urls, None, encoding, seed=number)
        self.runner.run(person.start())
        self.fleet.customers.append(person)
        return person

    @rule(person=people, text=texts)
    def send(self, person: Person, text: str) -> None:
        self._remember(person, self.runner.run(person.say(text)), is_new=True)

    @rule(person=people, several=st.lists(texts, min_size=2, max_size=20))
    def send_a_batch(self, person: Person, several: list[str]) -> None:
        acks = self.runner.run(self._batch(person, several))
        assert [ack.offset for ack in acks] == sorted({ack.offset for ack in acks})
        for ack in acks:
            self._remember(person, ack, is_new=True)

    @rule(person=people, which=st.integers(min_value=0))
    def send_again(self, person: Person, which: int) -> None:
        if known := [key for key in person.sent if key in self.acks]:
            key = known[which % len(known)]
            self._remember(person, self.runner.run(person.say(person.sent[key][1], key=key)), is_new=False)

    @rule(person=people, which=st.integers(min_value=0))
    def send_something_else_with_the_same_key(self, person: Person, which: int) -> None:
        if known := [key for key in person.sent if key in self.acks]:
            key = known[which % len(known)]
            with pytest.raises(RequestFailed, match="409"):
                self.runner.run(self._send_other(person, key))

    @rule(person=people)
    def leave_and_resume(self, person: Person) -> None:
        self.runner.run(person.come_back())

    # ----------------------------------------------------------------------- what happens to the server

    @precondition(lambda self: self.kills < MAX_KILLS)
    @rule(text=texts, after_ms=st.none() | st.integers(min_value=0, max_value=30))
    def kill(self, text: str, after_ms: int | None) -> None:
        """In silence, or while everybody sends: some are acked before it, some are stored and don't know, some are
        neither; all say it until they know."""
        self.kills += 1
        for person, ack in self.runner.run(self._send_into_a_kill(text, after_ms)):
            self._remember(person, ack, is_new=None)

    # ----------------------------------------------------------------------- what must hold

    @invariant()
    def offsets_are_unique(self) -> None:
        places = [(ack.channel, ack.offset) for ack in self.acks.values()]
        assert len(set(places)) == len(places)

    def teardown(self) -> None:
        try:
            self.runner.run(self._end())
        finally:
            self.runner.close()

    async def _end(self) -> None:
        try:
            await self.fleet.settle()
            await check_fleet(self.fleet)
        finally:
            await self.fleet.close()

    def _remember(self, person: Person, ack: Ack, *, is_new: bool | None) -> None:
        """``is_new`` None: nobody can know, since an earlier try may have been stored."""
        known = self.acks.setdefault(ack.key, ack)
        assert (ack.message_id, ack.offset, ack.at_ms) == (known.message_id, known.offset, known.at_ms)
        if is_new is False:
            assert ack.duplicate
        if is_new:
            earlier = [other.offset for key, other in self.acks.items() if key in person.sent and key != ack.key]
            assert ack.offset > max(earlier, default=0)

    async def _batch(self, person: Person, several: list[str]) -> list[Ack]:
        await person.be_there()
        return await person.say_many(several)

    async def _send_other(self, person: Person, key: str) -> None:
        await person.be_there()
        await person.client.send(person.channels[0], person.sent[key][1] + " and more", key=key)

    async def _send_into_a_kill(self, text: str, after_ms: int | None) -> list[tuple[Person, Ack]]:
        people = [] if after_ms is None else [person for person in self.fleet.customers for _ in range(3)]
        await asyncio.gather(*(person.be_there() for person in self.fleet.customers))
        sending = [asyncio.create_task(person.say(text, key=new_key())) for person in people]
        await asyncio.sleep((after_ms or 0) / 1000)
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start, START_WITHIN_S)
        return list(zip(people, await asyncio.gather(*sending), strict=True))


@pytest.fixture(scope="module", autouse=True)
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with ServerProcess(tmp_path_factory.mktemp("machine") / "data") as server:
        Machine.server = server
        yield


# A failure is not made smaller: each try takes seconds, and the fleet's own words say what went wrong.
Machine.TestCase.settings = settings(
    max_examples=pick(2, 20), stateful_step_count=pick(15, 40), phases=[Phase.reuse, Phase.generate], deadline=None
)
TestMachine = Machine.TestCase
