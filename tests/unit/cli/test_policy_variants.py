"""``parlance policy`` on the logs of experiments, of the hold-out, and of a policy that knows people."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, Variant
from adapters.experiments.documents import to_document
from adapters.features import FEATURE_NAMES
from adapters.policies import Decision
from server.chat.fold import learn
from server.chat.variant_policies import log_of, parameters_in
from server.clock import SystemClock
from server.contents import read_personas
from server.settings import Settings
from server.store.experiment_ports import ExperimentRow
from server.store.ports import DecisionRow, RewardParts
from server.store.sql import SqlStore, sqlite_url
from server.wire.parts import User
from server.wiring.policies import SettingsMaker, settings_with
from tests.contract.store.harness import new_id
from tests.contract.store.people import NOW_MS, answer, message, opened
from tests.unit.cli.conftest import Command

LEARNS = Change("policy", {"name": "squarecb", "gamma": 300.0})
OWN = Experiment(
    "e",
    (
        Variant("today"),
        Variant("calm", 1, (Change("persona", {"name": "calm"}),)),
        Variant("even", 1, (Change("policy", {"name": "uniform"}),)),
        Variant("learns", 1, (LEARNS,)),
    ),
    ("satisfaction",),
)
TURNS = 40
TALKS = 240


@dataclass
class Served:
    """``ids`` of decisions by log; ``probabilities`` of the variant that learns."""

    path: Path
    ids: dict[str, list[str]] = field(default_factory=dict)
    probabilities: list[list[float]] = field(default_factory=list)


class Server:
    """What one does, in short."""

    def __init__(self, store: SqlStore, served: Served) -> None:
        self.store, self.served, self.number = store, served, 0
        self.channels: dict[str, str] = {}

    async def answered(self, log: str, arms: tuple[str, ...], chosen: Decision, version: int, **told: Any) -> str:
        user = User(told.get("user", "ann"), "customer", "U")
        if user.id not in self.channels:
            self.channels[user.id] = await opened(self.store, user)
        self.number += 1
        row = DecisionRow(
            new_id(), log, version, chosen.arm, chosen.propensity, arms, tuple(chosen.probabilities.tolist()),
            tuple(told.get("x", np.full(len(FEATURE_NAMES), 0.1)).tolist()), NOW_MS + self.number * 1_000,
        )  # fmt: skip
        text = message(self.channels[user.id], "hi", sender=user, wants_turn=True)
        turn = (await self.store.append(text)).turn
        assert turn is not None and await self.store.answer(answer(turn, chosen=row)) is not None
        self.served.ids.setdefault(log, []).append(row.decision_id)
        return row.decision_id

    async def rewarded(self, decision_id: str, reward: float) -> Any:
        found = RewardParts(decision_id, {"feedback": reward})
        return await self.store.add_reward(found, lambda parts: parts["feedback"], NOW_MS)


def drawn(arm: str, arms: tuple[str, ...]) -> Decision:
    return Decision(arm, 1.0 / len(arms), np.full(len(arms), 1.0 / len(arms)), 0)


async def _serve(path: Path) -> Served:
    settings, rng, served = Settings(), np.random.default_rng(0), Served(path)
    personas = read_personas(settings.personas_path)
    arms = tuple(persona.name for persona in personas)
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    running = OWN.start(1)
    await store.put_experiment(ExperimentRow("e", 1, "running", to_document(running), "start", "ada", NOW_MS))
    server = Server(store, served)
    await server.answered(log_of("e", "calm"), ("calm",), drawn("calm", ("calm",)), 0)
    await server.answered(log_of("e", "even"), arms, drawn(arms[1], arms), 0)
    await server.answered("linucb:holdout", arms, drawn(arms[2], arms), 0)
    await server.answered(log_of("gone", "v"), arms, drawn(arms[2], arms), 0)
    policy = SettingsMaker(settings_with(settings, *parameters_in(LEARNS)), personas).make(personas)[0]
    version, log = 0, log_of("e", "learns")
    for _ in range(TURNS):
        x = rng.uniform(-1.0, 1.0, len(FEATURE_NAMES))
        chosen = policy.choose(x)
        served.probabilities.append(chosen.probabilities.tolist())
        event = await server.rewarded(await server.answered(log, arms, chosen, version, x=x), float(rng.random()))
        assert learn(policy, event) is None
        version = event.log_offset
    for number in range(TALKS):  # a log of one context, and of two who like the opposite
        user, arm = ("ann", "bea")[number % 2], arms[int(rng.integers(3))]
        likes = (arm == arms[0]) == (user == "ann")
        await server.rewarded(
            await server.answered("uniform", arms[:3], drawn(arm, arms[:3]), 0, user=user), 0.9 * likes
        )
    await store.close()
    return served


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return asyncio.run(_serve(tmp_path_factory.mktemp("served") / "parlance.db"))


@pytest.fixture
def served(made_once: Served, folder: Path) -> Served:
    (folder / "data").mkdir()
    shutil.copy(made_once.path, folder / "data")
    return made_once


def told(parlance: Command, *arguments: str) -> Any:
    result = parlance("policy", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_variants_own_policy_is_asked_as_it_was(parlance: Command, served: Served) -> None:
    log = log_of("e", "learns")
    for place in (0, TURNS // 2, TURNS - 1):
        found = told(parlance, "explain", served.ids[log][place])
        assert found["replayed_exactly"], found["largest_difference"]
        assert "The variant learns of the experiment e has a policy of its own." in found["words"]
        assert [arm["replayed_probability"] for arm in found["arms"]] == pytest.approx(served.probabilities[place])
    assert "Features that weigh most" in parlance("policy", "explain", served.ids[log][-1]).stdout
    replayed = told(parlance, "replay", "--log", log)
    assert (replayed["policy"], replayed["version"], replayed["events"]) == ("squarecb", TURNS, TURNS)


@pytest.mark.parametrize(("log", "sentence"), [
    (log_of("e", "calm"), "The variant calm of the experiment e gives the persona calm, to everybody who is in it"),
    (log_of("e", "even"), "whom uniform draws, which learns nothing"),
    ("linucb:holdout", "in the hold-out of linucb: a hash of the name gave"),
])  # fmt: skip
def test_where_no_policy_has_learned_that_is_said(parlance: Command, served: Served, log: str, sentence: str) -> None:
    decision = served.ids[log][0]
    found = told(parlance, "explain", decision)
    assert sentence in found["words"]
    assert (found["arms"], found["replayed_exactly"], found["largest_difference"]) == ([], None, None)
    shown = parlance("policy", "explain", decision)
    assert shown.exit_code == 0 and sentence in shown.stdout and "Replayed" not in shown.stdout


def test_an_experiment_that_is_gone(parlance: Command, served: Served) -> None:
    result = parlance("policy", "explain", served.ids[log_of("gone", "v")][0])
    assert result.exit_code == 1 and "nothing is left to explain" in result.stderr


def test_a_policy_that_knows_people_is_judged_with_them(parlance: Command, served: Served) -> None:
    log = ("--log", "uniform", "--estimator", "ips")
    wise = told(parlance, "evaluate", "--policy", "personal", *log)["estimates"]["target"]["value"]
    plain = told(parlance, "evaluate", "--policy", "linucb", *log)["estimates"]["target"]["value"]
    assert wise > plain, "for two who like the opposite nothing is right for both"


def test_a_variants_policy_is_paused_and_taken_back(parlance: Command, served: Served) -> None:
    log = log_of("e", "learns")
    arms = told(parlance, "show", log)["arms"]
    assert told(parlance, "pause", arms[0], log)["version"] == TURNS + 1
    assert told(parlance, "rollback", "7", log, "--by", "ann")["version"] == TURNS + 2
    assert told(parlance, "snapshot", log)["version"] == TURNS + 2
    found = told(parlance, "show", log)
    assert (found["used"], found["paused"], [one["kind"] for one in found["changes"]]) == (
        False, [arms[0]], ["pause", "rollback"],
    )  # fmt: skip
    replayed = told(parlance, "replay", "--log", log)
    assert (replayed["version"], replayed["events"]) == (TURNS + 2, TURNS)
    told(parlance, "resume", arms[0], log)
    assert told(parlance, "show", log)["paused"] == []
    listed = parlance("policy", "list").stdout
    assert f"{log}: {TURNS + 3} entries in its log; with {', '.join(arms)}\n" in listed


@pytest.mark.parametrize(("log", "sentence"), [
    ("experiment:e:even", "no policy"), ("experiment:e:nobody", "no policy"), ("squarecb", "no policy 'squarecb'"),
])  # fmt: skip
def test_where_nothing_learns_there_is_nothing_to_take_back(
    parlance: Command, served: Served, log: str, sentence: str
) -> None:
    result = parlance("policy", "rollback", "0", log)
    assert result.exit_code == 1 and sentence in result.stderr
