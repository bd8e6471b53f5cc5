"""What admins may do to policies, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from server.chat.learning import Learner
from server.chat.peer import Caller
from server.chat.policies import Policies, PolicyDesk
from server.chat.signals import Rewarded
from server.clock import ManualClock
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.store.policy_ports import PolicyChange
from server.store.ports import Store
from server.wire.parts import User
from tests.unit.chat.loopback import loopback
from tests.unit.chat.test_lineage import document
from tests.unit.chat.test_replay import FakeLog, Maker, filled, replay

ROOT = Caller(User("root", "admin", "Root"), False)
EVE = Caller(User("eve", "agent", "Eve"), False)


@dataclass
class House:
    """A worker with policies, and what it tells the others."""

    log: FakeLog = field(default_factory=filled)
    told: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log.others = {"p:holdout": 3}
        here, there = loopback(2)
        there.on(Rewarded, lambda word: self.told.append(word.log_offset))
        self.maker = Maker()
        self.learner = Learner(
            store=cast(Store, self.log), policy=self.maker.make(self.maker.personas)[0], name="p",
            combine=lambda _: None, signals=here, clock=ManualClock(), on_reward=lambda _: None, maker=self.maker,
        )  # fmt: skip
        desk = PolicyDesk(
            cast(Store, self.log), name="p", makers=self.maker_of, fold=lambda *_: replay(self.log).state_at(),
            clock=ManualClock(), snapshots_kept=3,
        )  # fmt: skip
        self.policies = Policies(desk, lambda log: self.learner if log == "p" else None)

    async def maker_of(self, log: str) -> Maker | None:
        return self.maker if log in ("p", "experiment:e:learns") else None


async def test_a_rollback_is_followed_and_told_at_once() -> None:
    house = House()
    await house.learner.start()
    shown = await house.policies.roll_back(ROOT, "p", 4)
    assert house.learner.version == 11
    assert house.learner.lineage.forgotten == ((4, 11),)
    assert shown["changes"] == [
        {"version": 11, "kind": "rollback", "by": "root", "at_ms": ManualClock().now_ms(), "to": 4}
    ]
    await house.learner._tell()
    assert house.told == [11]


async def test_personas_come_pause_and_go() -> None:
    house = House()
    await house.learner.start()
    await house.policies.add_arm(ROOT, "p", document("c"), like="a", weight=0.5)
    await house.policies.change_arm(ROOT, "p", "pause", "b")
    assert await house.policies.overview(ROOT) == {
        "items": [
            {"policy": "p", "version": 12, "used": True, "arms": ["a", "b", "c"], "paused": ["b"]},
            {"policy": "p:holdout", "version": 3, "used": False},
        ]
    }
    await house.policies.change_arm(ROOT, "p", "resume", "b")
    shown = await house.policies.change_arm(ROOT, "p", "remove", "a")
    assert house.learner.policy.arms == ("b", "c")
    assert [(change["kind"], change.get("arm")) for change in shown["changes"]] == [
        ("add", "c"), ("pause", "b"), ("resume", "b"), ("remove", "a"),
    ]  # fmt: skip


async def test_a_variants_policy_is_paused_and_taken_back_like_the_servers() -> None:
    house, log = House(), "experiment:e:learns"
    paused = await house.policies.change_arm(ROOT, log, "pause", "a")
    assert (paused["policy"], paused["used"], paused["arms"], paused["paused"]) == (log, False, ["a", "b"], ["a"])
    house.log.others[log] = house.log.end
    await house.policies.roll_back(ROOT, log, 4)
    made = [(entry.policy, entry.kind) for entry in house.log.entries[-2:] if isinstance(entry, PolicyChange)]
    assert made == [(log, "pause"), (log, "rollback")]
    assert house.learner.version == 0, "nobody here follows that log"


async def test_a_snapshot_is_made_of_the_whole_log() -> None:
    house = House()
    made = await house.policies.snapshot(ROOT, "p")
    assert (made["version"], made["reason"], made["by"], made["features"]) == (10, "manual", "root", 3)
    assert (await house.policies.show(ROOT, "p"))["snapshots"] == [made]


@pytest.mark.parametrize(
    ("what", "args", "error", "text"),
    [
        ("show", ("q",), NotFound, "no policy 'q'"),
        ("roll_back", ("p", 11), NotFound, "ends at 10"),
        ("roll_back", ("p", -1), NotFound, "no place -1"),
        ("roll_back", ("p", 10), Conflict, "already"),
        ("roll_back", ("q", 1), NotFound, "no policy 'q'"),
        ("snapshot", ("experiment:e:calm",), NotFound, "no policy"),
        ("snapshot", ("p:holdout",), Conflict, "Nothing learns from the log 'p:holdout'"),
        ("change_arm", ("p:holdout", "pause", "a"), Conflict, "Nothing learns"),
        ("change_arm", ("p", "pause", "nobody"), NotFound, "no persona 'nobody'"),
        ("change_arm", ("p", "resume", "a"), Conflict, "not paused"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    what: str, args: tuple[Any, ...], error: type[Exception], text: str
) -> None:
    house = House()
    with pytest.raises(error, match=text):
        await getattr(house.policies, what)(ROOT, *args)
    assert house.log.end == 10


async def test_the_last_persona_that_may_be_drawn_stays() -> None:
    house = House()
    await house.policies.change_arm(ROOT, "p", "pause", "a")
    for kind in ("pause", "remove"):
        with pytest.raises(Conflict, match="last"):
            await house.policies.change_arm(ROOT, "p", kind, "b")


async def test_a_persona_must_be_one_that_can_be_taken() -> None:
    house = House()
    with pytest.raises(Invalid, match=r"as in personas\.yaml"):
        await house.policies.add_arm(ROOT, "p", {"name": "c"}, like=None, weight=1.0)
    with pytest.raises(NotFound, match="'nobody' to be like"):
        await house.policies.add_arm(ROOT, "p", document("c"), like="nobody", weight=1.0)
    with pytest.raises(Conflict, match=r"twice|distinct|already"):
        await house.policies.add_arm(ROOT, "p", document("a"), like=None, weight=1.0)
    assert house.log.end == 10


async def test_only_admins_may() -> None:
    policies = House().policies
    for asked in (
        policies.overview(EVE), policies.show(EVE, "p"), policies.snapshot(EVE, "p"), policies.roll_back(EVE, "p", 1),
        policies.add_arm(EVE, "p", document("c"), like=None, weight=1.0), policies.change_arm(EVE, "p", "pause", "a"),
    ):  # fmt: skip
        with pytest.raises(Forbidden, match="for admins"):
            await asked
