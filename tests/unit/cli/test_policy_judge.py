"""``parlance policy``: on the database of a server that has chatted, and on files."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.features import FEATURE_NAMES
from adapters.policies import Policy
from loadtest.ope_worlds import LoggedWorld, logged_world
from server.chat.fold import learn
from server.cli.policy_log import moment_ms
from server.clock import SystemClock
from server.contents import build_policy, read_personas
from server.errors import StartupError
from server.settings import Settings
from server.store.ports import DecisionRow, RewardParts
from server.store.sql import SqlStore, sqlite_url
from tests.contract.store.harness import new_id
from tests.contract.store.people import NOW_MS, answer, asked, opened
from tests.unit.cli.conftest import Command

DECISIONS = 150
BARRED = 71  # a decision for which a rule took the first persona away
HOUR_MS = 3_600_000


def served() -> Policy:
    """As a server makes it."""
    settings = Settings()
    return build_policy(settings, read_personas(settings.personas_path))


async def _chat(path: Path) -> list[DecisionRow]:
    """A server's life in short: choose, answer, be rewarded, learn; every tenth answer is not rewarded."""
    store, policy = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id), served()
    rng, made = np.random.default_rng(0), []
    version = 0
    await store.start()
    channel = await opened(store)
    for number in range(DECISIONS):
        x = rng.uniform(-1.0, 1.0, len(FEATURE_NAMES))
        chosen = policy.choose(x, policy.arms[1:] if number == BARRED else None)
        row = DecisionRow(
            new_id(), "linucb", version, chosen.arm, chosen.propensity, policy.arms,
            tuple(chosen.probabilities.tolist()), tuple(x.tolist()), NOW_MS + number * HOUR_MS,
        )  # fmt: skip
        made.append(row)
        await store.answer(answer(await asked(store, channel), chosen=row))
        if number % 10:
            found = RewardParts(row.decision_id, {"feedback": float(rng.random() < 0.5 + 0.4 * x[3])})
            event = await store.add_reward(found, lambda parts: parts["feedback"], row.at_ms + 60_000)
            assert event is not None
            assert learn(policy, event) is None
            version = event.log_offset
    await store.close()
    return made


@pytest.fixture(scope="module")
def chatted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DecisionRow]]:
    path = tmp_path_factory.mktemp("chatted") / "parlance.db"
    return path, asyncio.run(_chat(path))


@pytest.fixture
def made(chatted: tuple[Path, list[DecisionRow]], folder: Path) -> list[DecisionRow]:
    """What was decided, in the database where the settings look."""
    (folder / "data").mkdir()
    shutil.copy(chatted[0], folder / "data")
    return chatted[1]


@pytest.fixture
def policy(parlance: Command) -> Command:
    return lambda *arguments, **environ: parlance("policy", *arguments, **environ)


def told(policy: Command, *arguments: str, code: int = 0, **environ: str) -> Any:
    result = policy(*arguments, "--json", **environ)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


class TestExplain:
    def test_the_policy_of_then_is_asked(self, policy: Command, made: list[DecisionRow]) -> None:
        for row in (made[0], made[70], made[-1]):
            found = told(policy, "explain", row.decision_id)
            assert found["replayed_exactly"], found["largest_difference"]
            assert (found["arm"], found["version"], found["propensity"]) == (row.arm, row.version, row.propensity)
            assert f"{row.arm} was drawn with" in found["words"]
            replayed = {arm["arm"]: arm["replayed_probability"] for arm in found["arms"]}
            assert replayed == pytest.approx(dict(zip(row.arms, row.probabilities, strict=True)), abs=1e-9)
        assert {*found["arms"][0]["features"]} <= set(FEATURE_NAMES)

    def test_a_rule_is_named_where_it_took_somebody_away(
        self, policy: Command, made: list[DecisionRow], folder: Path
    ) -> None:
        gone = made[BARRED].arms[0]
        file = folder / "rules.yaml"
        file.write_text(f"rules:\n  - name: not for the angry\n    never: {gone}\n", encoding="utf-8")
        rules = str(file)
        found = told(policy, "explain", made[BARRED].decision_id, PARLANCE_POLICY_RULES_FILE=rules)
        assert found["replayed_exactly"] and "not for the angry" in found["words"]
        before = told(policy, "explain", made[70].decision_id, PARLANCE_POLICY_RULES_FILE=rules)
        assert "not for the angry" not in before["words"]

    def test_people_get_words_and_a_table(self, policy: Command, made: list[DecisionRow]) -> None:
        shown = policy("explain", made[70].decision_id).stdout
        assert "was drawn with" in shown and "Features that weigh most" in shown and made[70].arm in shown

    def test_a_policy_set_up_anew_says_so(self, policy: Command, made: list[DecisionRow]) -> None:
        found = told(policy, "explain", made[70].decision_id, PARLANCE_POLICY_FLOOR="0.05")
        assert not found["replayed_exactly"]
        assert "today's reasons" in found["words"]

    def test_nothing_of_that_id(self, policy: Command, made: list[DecisionRow], folder: Path) -> None:
        result = policy("explain", "01NOSUCH")
        assert (result.exit_code, "no decision '01NOSUCH'" in result.stderr) == (1, True)
        (folder / "data" / "parlance.db").unlink()
        result = policy("explain", made[0].decision_id)
        assert result.exit_code == 2 and "There is no database" in result.stderr

    def test_a_persona_that_is_gone(self, policy: Command, made: list[DecisionRow], folder: Path) -> None:
        import yaml

        shipped = yaml.safe_load(Settings().personas_path.read_text(encoding="utf-8"))
        shipped["personas"] = [one for one in shipped["personas"] if one["name"] != made[5].arm]
        (folder / "personas.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
        mine = str(folder / "personas.yaml")
        result = policy("explain", made[5].decision_id, PARLANCE_PERSONAS_FILE=mine)
        assert result.exit_code == 1 and "no persona any more" in result.stderr
        other = next(row for row in made if row.arm != made[5].arm)
        assert not told(policy, "explain", other.decision_id, PARLANCE_PERSONAS_FILE=mine)["replayed_exactly"]
        assert told(policy, "replay", PARLANCE_PERSONAS_FILE=mine)["events_of_arms_gone"] > 0


class TestReplay:
    def test_the_same_state_as_the_servers(self, policy: Command, made: list[DecisionRow]) -> None:
        found = told(policy, "replay")
        rewarded = DECISIONS - DECISIONS // 10
        assert (found["version"], found["events"], found["events_of_arms_gone"]) == (rewarded, rewarded, 0)
        assert found == told(policy, "replay")
        assert sum(arm["decisions"] for arm in found["arms"].values()) == rewarded
        for arm in found["arms"].values():
            assert sum(cell["decisions"] for cell in arm["periods"]) == arm["decisions"]

    def test_prefixes_and_other_algorithms_have_other_states(self, policy: Command, made: list[DecisionRow]) -> None:
        whole = told(policy, "replay")
        half = told(policy, "replay", "--version", "60")
        other = told(policy, "replay", "--policy", "squarecb", "--set", "ridge=2")
        same = told(policy, "replay", "--set", "ridge=1")
        digests = {found["state_sha256"] for found in (whole, half, other)}
        assert len(digests) == 3 and same["state_sha256"] == whole["state_sha256"]
        assert (half["version"], other["policy"]) == (60, "squarecb")
        until = told(policy, "replay", "--until", "2025-10-10T00:00")
        assert 0 < until["version"] < whole["version"]
        assert told(policy, "replay", "--until", "2025-01-01")["version"] == 0

    def test_a_table_for_people(self, policy: Command, made: list[DecisionRow]) -> None:
        shown = policy("replay").stdout
        assert "state SHA-256" in shown and made[0].arm in shown
        assert "no rewards yet" in policy("replay", "--log", "uniform").stdout

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--policy", "linucbb"), "Did you mean 'linucb'?"),
            (("--set", "alpha"), "no NAME=VALUE"),
            (("--set", "alfa=1"), "Did you mean 'alpha'?"),
            (("--until", "yesterday"), "--until 'yesterday' is no time"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, policy: Command, made: list[DecisionRow], arguments: Sequence[str], said: str
    ) -> None:
        result = policy("replay", *arguments)
        assert result.exit_code == 2 and said in result.stderr


class TestEvaluate:
    def test_on_the_servers_log(self, policy: Command, made: list[DecisionRow]) -> None:
        found = told(policy, "evaluate", "--policy", "linucb", "--estimator", "snips")
        assert (found["decisions"], found["unknown_rewards"], found["rows"]) == (150, 15, 135)
        assert found["verdict"] == "unclear" and found["estimator"] == "snips"
        estimates = found["estimates"]
        low, high = estimates["target"]["interval"]
        assert low <= estimates["target"]["value"] <= high
        assert estimates["difference"]["value"] == pytest.approx(
            estimates["target"]["value"] - estimates["logged"]["value"]
        )
        # The log was made by this very policy as it learned, so every weight is 1.
        assert found["largest_weight"] == pytest.approx(1.0) and found["effective_rows"] == pytest.approx(135.0)

    def test_refusals(self, policy: Command, made: list[DecisionRow]) -> None:
        few = told(policy, "evaluate", "--since", "2025-10-14", code=1)
        assert (few["verdict"], few["refusal"]) == ("refused", "too_few_rows")
        alone = told(policy, "evaluate", "--policy", "squarecb", "--learning", "rejection", code=1)
        assert alone["refusal"] == "too_few_effective_rows"
        shown = policy("evaluate", "--since", "2025-10-14")
        assert shown.exit_code == 1 and "Refused:" in shown.stdout

    def test_a_log_that_is_not_there(self, policy: Command, made: list[DecisionRow]) -> None:
        result = policy("evaluate", "--log", "lints")
        assert result.exit_code == 2 and "Logged are: linucb" in result.stderr


def write_csv(path: Path, world: LoggedWorld, *, target: bool = True, propensity_only: bool = False) -> Path:
    arms = [f"arm{arm}" for arm in world.arms]
    with path.open("w", newline="", encoding="utf-8") as file:
        names = ["at_ms", "arm", "reward"]
        names += ["propensity"] if propensity_only else [f"p_{arm}" for arm in arms]
        names += [f"target_{arm}" for arm in arms] if target else []
        names += [f"x_{place}" for place in range(world.contexts.shape[1])]
        writer = csv.writer(file)
        writer.writerow(names)
        for row, (arm, reward) in enumerate(zip(world.actions.tolist(), world.rewards.tolist(), strict=True)):
            own = [world.probabilities[row, arm]] if propensity_only else world.probabilities[row].tolist()
            aim = world.target[row].tolist() if target else []
            known = "" if row % 50 == 49 else reward
            writer.writerow([row * HOUR_MS, arms[arm], known, *own, *aim, *world.contexts[row].tolist()])
    return path


@pytest.fixture(scope="module")
def world() -> LoggedWorld:
    return logged_world(2, 4_000, arms=3, dim=3, floor=0.2)


class TestFiles:
    @pytest.mark.parametrize("estimator", ["ips", "snips", "dm", "dr", "switch-dr"])
    def test_the_files_own_target(self, policy: Command, folder: Path, world: LoggedWorld, estimator: str) -> None:
        file = str(write_csv(folder / "log.csv", world))
        found = told(policy, "evaluate", file, "--estimator", estimator, "--require", "better")
        low, high = found["estimates"]["target"]["sequence"]
        assert low <= world.value <= high
        assert (found["decisions"], found["unknown_rewards"], found["verdict"]) == (4_000, 80, "better")

    def test_a_policy_that_learns_on_its_features(self, policy: Command, folder: Path, world: LoggedWorld) -> None:
        file = str(write_csv(folder / "log.csv", world, target=False))
        for how in ("progressive", "frozen", "rejection"):
            found = told(policy, "evaluate", file, "--policy", "linucb", "--set", "floor=0.02", "--learning", how)
            assert found["estimates"]["difference"]["value"] > 0.0, how
            assert how in ("rejection",) or found["verdict"] == "better"
        found = told(policy, "evaluate", file, "--policy", "fixed", "--require", "better", code=3)
        assert found["verdict"] != "better"

    def test_json_lines(self, policy: Command, folder: Path) -> None:
        rng, path = np.random.default_rng(0), folder / "log.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for _ in range(1_000):
                arm = "ab"[rng.integers(2)]
                reward = float(rng.random() < (0.9 if arm == "b" else 0.1)) * 10.0
                row = {"arm": arm, "reward": reward, "probabilities": {"a": 0.5, "b": 0.5}, "target": "b"}
                file.write(json.dumps({**row, "features": [1.0, 0.5]}) + "\n")
        arguments = ("evaluate", str(path), "--reward-high", "10")
        found = told(policy, *arguments)
        assert found["verdict"] == "better" and found["estimates"]["target"]["value"] == pytest.approx(9.0, abs=0.5)
        shown = policy(*arguments).stdout
        assert "Better, at a chance of 0.05 to be wrong" in shown and "difference" in shown

    def test_the_drawn_arms_propensity_alone(self, policy: Command, folder: Path, world: LoggedWorld) -> None:
        file = str(write_csv(folder / "log.csv", world, propensity_only=True))
        assert told(policy, "evaluate", file, "--estimator", "ips")["verdict"] == "better"
        assert told(policy, "evaluate", file, code=1)["refusal"] == "unknown_probabilities"

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ("arm,reward,p_a,p_b\na,1,.5,.5\nb,,.5,.5\nb,2,.5,.5\n", "line 4: the reward is not from 0 to 1"),
            ("arm,reward,p_a,p_b\na,1,.5,.5\nb,1,,.5\n", "line 3: the probabilities do not sum to 1"),
            ("arm,reward,p_a,p_b\na,1,.5,.5\n,1,.5,.5\n", "line 3: there is no arm"),
            ("arm,reward,propensity\na,1,x\n", "line 2: propensity 'x' is no number"),
            ("arm,reward,propensity,x_1\na,1,.5,tall\n", "line 2: features 1 'tall' is no number"),
            ("arm,reward,propensity,x_1\na,1,.5,inf\n", "line 2: features 1 'inf' is no number"),
            ("arm,reward,propensity,x_1\na,1,.5,NA\n", "line 2: features 1 is not known"),
            ("arm,reward\na,1\n", "line 2: neither a propensity nor probabilities"),
            ("arm,reward,propensity\na,1,1,1\n", "line 2: more fields than columns"),
            ("arm,reward,propensity,target\na,1,.5,a\na,1,.5,\n", "line 3: no target"),
            ("arm,reward,propensity\na,1,.5\nb,1,.5\n", "Whom shall the log judge?"),
        ],
    )
    def test_what_is_wrong_is_named(self, policy: Command, folder: Path, lines: str, said: str) -> None:
        (folder / "log.csv").write_text(lines, encoding="utf-8")
        result = policy("evaluate", "log.csv")
        assert result.exit_code == 2 and said in result.stderr, result.output

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("nowhere.csv",), "nowhere.csv can't be read"),
            (("nowhere.csv", "--since", "7d"), "--since chooses from the server's log"),
            (("--estimator", "dm2"), "There is no estimator 'dm2'"),
        ],
    )
    def test_options_that_do_not_fit(self, policy: Command, folder: Path, arguments: Sequence[str], said: str) -> None:
        result = policy("evaluate", *arguments)
        assert result.exit_code == 2 and said in result.stderr

    def test_json_that_is_none(self, policy: Command, folder: Path) -> None:
        for line, said in (("[1]", "line 1: no JSON object"), ("{", "line 1: no JSON"), ('{"arm": 3}', "no arm")):
            (folder / "log.jsonl").write_text(line, encoding="utf-8")
            result = policy("evaluate", "log.jsonl")
            assert result.exit_code == 2 and said in result.stderr


def test_times() -> None:
    assert moment_ms(None, "--since", 5) is None
    assert moment_ms("1970-01-02", "--since", 5) == 86_400_000
    assert moment_ms("1970-01-01T01:00+01:00", "--since", 5) == 0
    assert moment_ms("1.5h", "--since", 10_000_000) == 10_000_000 - 5_400_000
    with pytest.raises(StartupError, match="no time"):
        moment_ms("7 days", "--since", 5)


def test_snapshots_and_rollbacks_are_followed(policy: Command, made: list[DecisionRow]) -> None:
    assert policy("snapshot").exit_code == 0
    other = told(policy, "replay", "--policy", "squarecb")
    whole, early = told(policy, "replay"), told(policy, "replay", "--version", "40")
    assert other["version"] == whole["version"] and other["state_sha256"] != whole["state_sha256"]
    assert policy("rollback", "40").exit_code == 0
    back = told(policy, "replay")
    assert back["version"] == whole["version"] + 1
    assert back["state_sha256"] == early["state_sha256"]
    for row in (made[70], made[-1]):
        assert told(policy, "explain", row.decision_id)["replayed_exactly"]
