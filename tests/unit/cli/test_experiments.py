"""``parlance experiment create|start|…|report``: on a real database, beside nobody and beside a server."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from server.chat.treatments import Treatment
from server.chat.trials import Trials
from server.clock import SystemClock
from server.contents import read_personas
from server.settings import Settings
from server.store.experiment_ports import Exposure, TrialTurn
from server.store.sql import SqlStore, sqlite_url
from server.telemetry import Metrics
from server.wire.parts import User
from server.wiring.trials import abilities
from tests.contract.store.harness import new_id
from tests.contract.store.people import NOW_MS, answer, asked, opened
from tests.unit.chat.loopback import loopback
from tests.unit.cli.conftest import Command

FILE = """
id: tone-1
hypothesis: "Customers rate a friendly tone higher."
variants:
  - {name: today}
  - name: friendly
    changes:
      - kind: writer_style
        values: {tone: friendly, verbosity: 0.4}
metrics: [satisfaction, engagement_rate]
guardrails: {handoff_rate: 0.05}
min_units: 2
planned_units: 4
"""
PNG = b"\x89PNG\r\n\x1a\n"


async def _empty(path: Path) -> None:
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    await store.close()


async def _shown(path: Path, variants: list[str]) -> None:
    """A user for each, with a turn."""
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    for number, variant in enumerate(variants):
        user = User(f"user-{number}", "customer", "U")
        turn = await asked(store, await opened(store, user))
        trial = TrialTurn(user.id, 10 + number, 0.5, None, (Exposure("tone-1", user.id, variant, NOW_MS),))
        await store.answer(answer(turn, trial=trial))
    await store.close()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, since a database takes longer than most tests."""
    path = tmp_path_factory.mktemp("made") / "parlance.db"
    asyncio.run(_empty(path))
    return path


@pytest.fixture
def own(database: Path, folder: Path) -> Path:
    """A copy where the settings look, and the file beside it."""
    (folder / "data").mkdir()
    (folder / "tone.yaml").write_text(FILE, encoding="utf-8")
    return Path(shutil.copy(database, folder / "data" / "parlance.db"))


@pytest.fixture
def do(parlance: Command, own: Path) -> Command:
    def run(*arguments: str, code: int = 0) -> Any:
        result = parlance("experiment", *arguments)
        assert result.exit_code == code, result.output
        return result

    return run


def test_a_life(do: Command, own: Path) -> None:
    assert "tone-1 is draft. Next: `parlance experiment start tone-1`." in do("create", "tone.yaml").stdout
    assert "tone-1 is running. Running servers follow within 2 seconds." in do("start", "tone-1").stdout
    do("pause", "tone-1")
    do("ramp", "tone-1", "0.5", code=1)
    do("start", "tone-1")
    assert "Nobody was shown it yet." in do("report", "tone-1").stdout
    asyncio.run(_shown(own, ["today", "friendly"] * 4))
    told = json.loads(do("report", "tone-1", "--json").stdout)
    assert (told["units"], told["blocked"]) == ({"today": 4, "friendly": 4}, [])
    assert told["metrics"]["engagement_rate"]["today"]["units"] == 4
    assert "Units: today 4, friendly 4." in do("report", "tone-1", "--plot", "forest.png").stdout
    assert Path("forest.png").read_bytes()[:8] == PNG
    assert "everybody gets friendly" in do("stop", "tone-1", "--winner", "friendly", "--note", "enough").stdout
    shown = do("show", "tone-1").stdout
    assert "winner: friendly" in shown and "complete  cli: enough" in shown
    listed = do("list").stdout
    assert "tone-1" in listed and "completed" in listed
    do("withdraw", "tone-1", "--by", "ada")
    history = json.loads(do("show", "tone-1", "--json").stdout)["history"]
    assert [row["by"] for row in history] == ["cli"] * 5 + ["ada"]


def test_a_template_and_what_differs(do: Command) -> None:
    Path("more.yaml").write_text("alpha: 0.01\n", encoding="utf-8")
    made = json.loads(do("create", "more.yaml", "--template", "response_style", "--id", "mine", "--json").stdout)
    assert (made["id"], made["alpha"], made["planned_units"], made["state"]) == ("mine", 0.01, 500, "draft")
    assert json.loads(do("list", "--json").stdout)["items"][0]["id"] == "mine"


async def _served(path: Path, experiment_id: str, users: int) -> dict[str, Treatment]:
    """What a server does of it: who gets what, and a turn of each. By variant how its users are treated."""
    settings = Settings()
    personas = read_personas(settings.personas_path)
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    can = abilities(settings, personas, tuple)
    made = Trials(
        store=store, signals=loopback()[0], clock=SystemClock(), metrics=Metrics(), can=can, relieve=cast(Any, None)
    )
    await made.look()
    treatments: dict[str, Treatment] = {}
    for number in range(users):
        user = User(f"{experiment_id}-user-{number}", "customer", "U")
        part = made.part(user.id, dict, await made.recall(user.id), NOW_MS)
        treatments[part.ref.variant if part.ref else "everybody"] = part.treatment
        if part.ref is not None:
            turn = await asked(store, await opened(store, user))
            await store.answer(answer(turn, trial=TrialTurn(user.id, 10, 0.5, None, part.exposures)))
    await store.close()
    return treatments


@pytest.mark.parametrize(("template", "names", "trait"), [
    ("response_style", ("professional", "friendly"), "formality"),
    ("personality", ("helpful", "knowledgeable_detailed", "friendly_proactive"), "supportiveness"),
])  # fmt: skip
def test_a_template_from_the_draft_to_its_winner(
    do: Command, own: Path, template: str, names: tuple[str, ...], trait: str
) -> None:
    made = json.loads(do("create", "--template", template, "--id", "t", "--json").stdout)
    assert [variant["name"] for variant in made["variants"]] == list(names)
    assert made["planned_units"] == {"response_style": 500, "personality": 750}[template]
    do("start", "t")
    treatments = asyncio.run(_served(own, "t", 40))
    assert set(treatments) == set(names)
    plain = read_personas(Settings().personas_path)[0]
    voices = {name: treatments[name].voice(plain).traits for name in names}
    assert len({tuple(traits.values()) for traits in voices.values()}) == len(names), "each speaks in another way"
    assert voices[names[0]][trait] >= 0.85
    told = json.loads(do("report", "t", "--json").stdout)
    assert sum(told["units"].values()) == 40 and told["srm_p_value"] > 0.001
    assert set(told["metrics"]["engagement_rate" if template == "response_style" else "sentiment"]) == set(names)
    assert told["verdict"]["action"] == "continue"
    do("stop", "t", "--winner", names[1])
    assert asyncio.run(_served(own, "u", 3)) == {"everybody": treatments[names[1]]}


def test_two_factors_and_what_they_do(do: Command, own: Path) -> None:
    level = "levels: [{name: %s}, {name: %s, changes: [{kind: %s, values: {%s}}]}]"
    tone = level % ("today", "warm", "trait_overrides", "empathy: 0.9")
    policy = level % ("as it is", "square", "policy", "name: squarecb, gamma: 500")
    Path("two.yaml").write_text(
        f"id: two\nmetrics: [response_time]\nmin_units: 2\nplanned_units: 8\n"
        f"factors:\n  - {{name: tone, {tone}}}\n  - {{name: policy, {policy}}}\n",
        encoding="utf-8",
    )
    do("create", "two.yaml")
    do("start", "two")
    names = ("today×as it is", "today×square", "warm×as it is", "warm×square")
    assert set(asyncio.run(_served(own, "two", 40))) == set(names)
    effects = json.loads(do("report", "two", "--json").stdout)["effects"]["response_time"]
    assert [(one["effect"], one["level"]) for one in effects] == [
        ("tone", "warm"), ("policy", "square"), ("tone × policy", "warm×square"),
    ]  # fmt: skip
    assert "tone and policy: main effects and interaction" in do("report", "two").stdout
    assert "factors:" in do("show", "two").stdout
    assert "everybody gets warm×square" in do("stop", "two", "--winner", "warm×square").stdout


def test_parameters_of_a_language_model(parlance: Command, own: Path) -> None:
    Path("hot.yaml").write_text(
        "id: hot\nmetrics: [satisfaction]\nvariants:\n  - {name: a}\n  - name: b\n    changes:\n"
        "      - {kind: model_parameters, values: {temperature: 1.2, max_tokens: 200}}\n",
        encoding="utf-8",
    )
    refused = parlance("experiment", "create", "hot.yaml")
    assert refused.exit_code == 1 and "without a language model" in refused.stderr
    model = {"PARLANCE_LANGUAGE_WRITER": "openai", "PARLANCE_LANGUAGE_URL": "http://127.0.0.1:1/v1"}
    assert parlance("experiment", "create", "hot.yaml", PARLANCE_LANGUAGE_MODEL="m", **model).exit_code == 0


def test_the_report_of_a_broken_split_ends_with_1(do: Command, own: Path) -> None:
    do("create", "tone.yaml")
    do("start", "tone-1")
    asyncio.run(_shown(own, ["today"] * 24))
    assert "Blocked" in do("report", "tone-1", code=1).stdout


def test_templates_are_told(do: Command) -> None:
    assert "response_style" in do("templates").stdout
    assert [one["id"] for one in json.loads(do("templates", "--json").stdout)["items"]] == [
        "response_style",
        "personality",
    ]


def test_nothing_yet(do: Command) -> None:
    assert "There are no experiments." in do("list").stdout


@pytest.mark.parametrize(("arguments", "code", "sentence"), [
    (("create",), 2, "Which experiment?"),
    (("create", "none.yaml"), 2, "can't be read"),
    (("create", "--template", "tnoe"), 1, "there is no template 'tnoe'"),
    (("create", "bad.yaml"), 2, "holds no experiment"),
    (("create", "wrong.yaml"), 1, "there is no persona 'cold'"),
    (("create", "intent.yaml"), 1, "there is no kind of answer and no intent 'refnd'"),
    (("start", "none"), 1, "There is no experiment 'none'."),
    (("report", "none"), 1, "There is no experiment 'none'."),
    (("list", "--data-dir", "elsewhere"), 2, "There is no database"),
])  # fmt: skip
def test_what_is_refused(do: Command, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    Path("bad.yaml").write_text("- a\n", encoding="utf-8")
    change = "[{name: a}, {name: b, changes: [{kind: %s, values: {%s}}]}]"
    for file, kind, values in (("wrong", "persona", "name: cold"), ("intent", "reply_templates", "refnd: Yes.")):
        text = f"id: e\nmetrics: [satisfaction]\nvariants: {change % (kind, values)}\n"
        Path(f"{file}.yaml").write_text(text, encoding="utf-8")
    assert sentence in do(*arguments, code=code).stderr
