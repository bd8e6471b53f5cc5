"""``parlance doctor``: each trouble is found, named, and comes with what to do; looking changes nothing."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from adapters.policies import POLICY_NAMES
from server.cli import checks
from server.cli.checks import Check, Finding, diagnose
from server.errors import StartupError
from server.settings import Settings, load_settings
from server.settings.model import PACKAGES
from server.store.migrate import HEAD, migrate
from tests.unit.cli.conftest import Command


@pytest.fixture(autouse=True)
def _free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.serving.bind", lambda _settings: contextlib.nullcontext())


def findings(cwd: Path, check: Check, **flags: object) -> list[Finding]:
    return list(diagnose(load_settings(flags, {}, cwd, check=False, make=False), [check]))


def only(cwd: Path, check: Check, **flags: object) -> Finding:
    [finding] = findings(cwd, check, **flags)
    assert (finding.status == "ok") == (not finding.remedy), finding
    return finding


def database(path: Path, *statements: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return path


class TestCommand:
    def test_a_healthy_installation(self, parlance: Command, folder: Path) -> None:
        result = parlance("doctor")
        assert result.exit_code == 0, result.output
        assert "fail" not in result.stdout
        assert list(folder.iterdir()) == []

    def test_for_programs(self, parlance: Command) -> None:
        found = json.loads(parlance("doctor", "--json").stdout)
        assert found["ok"] is True, found
        listed: list[dict[str, Any]] = found["checks"]
        assert {check["check"] for check in listed} >= {
            "settings", "data directory", "secret", "database", "Redis", "model", "personas", "policy", "rewards",
            "phrases", "port", "open files",
        }  # fmt: skip
        assert all(check["status"] in ("ok", "warn", "fail") and check["text"] for check in listed)

    def test_trouble_exits_with_1_and_says_what_to_do(self, parlance: Command) -> None:
        result = parlance("doctor", "--redis-url", "redis://:pa55@127.0.0.1:1")
        assert result.exit_code == 1
        assert "fail  Redis" in result.stdout
        assert "127.0.0.1:1" in result.stdout
        assert "pa55" not in result.stdout

    def test_unreadable_settings_are_a_finding(self, parlance: Command, folder: Path) -> None:
        (folder / "parlance.toml").write_text("prot = 1")
        result = parlance("doctor", "--json")
        assert result.exit_code == 1
        [check] = json.loads(result.stdout)["checks"]
        assert (check["status"], check["remedy"]) == ("fail", "Did you mean port?")


class TestSettings:
    def test_a_broken_rule_does_not_stop_the_rest(self, tmp_path: Path) -> None:
        loaded = load_settings({"host": "0.0.0.0"}, {}, tmp_path, check=False, make=False)  # noqa: S104
        found = list(diagnose(loaded))
        assert (found[0].status, found[0].check) == ("fail", "settings")
        assert "no secret was given" in found[0].text
        assert len(found) > 8


class TestDataDirectory:
    def test_one_to_be_made(self, tmp_path: Path) -> None:
        assert "will be made" in only(tmp_path, checks.check_data_directory, data_dir="a/b/c").text
        assert not (tmp_path / "a").exists()

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("")
        assert only(tmp_path, checks.check_data_directory).status == "fail"

    def test_hardly_any_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        full = shutil._ntuple_diskusage(10**12, 10**12 - 10**8, 10**8)
        monkeypatch.setattr("shutil.disk_usage", lambda _path: full)
        finding = only(tmp_path, checks.check_data_directory)
        assert (finding.status, "only 100 MB" in finding.text) == ("warn", True)


class TestSecret:
    def test_one_to_be_made(self, tmp_path: Path) -> None:
        assert only(tmp_path, checks.check_secret).text == f"made at the first start, in {tmp_path}/data/secret"

    def test_a_short_one(self, tmp_path: Path) -> None:
        assert only(tmp_path, checks.check_secret, secret="short").status == "warn"

    def test_one_that_others_can_read(self, tmp_path: Path) -> None:
        load_settings({}, {}, tmp_path)
        assert only(tmp_path, checks.check_secret).status == "ok"
        (tmp_path / "data" / "secret").chmod(0o644)
        assert only(tmp_path, checks.check_secret).remedy == f"chmod 600 {tmp_path}/data/secret"

    def test_a_public_key_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_text("?")
        finding = only(tmp_path, checks.check_secret, token_algorithm="RS256", token_public_key_file="key.pem")
        assert "does not fit" in finding.text


class TestDatabase:
    def test_one_to_be_made(self, tmp_path: Path) -> None:
        assert "will be made" in only(tmp_path, checks.check_database).text
        assert not (tmp_path / "data").exists()

    def test_this_versions_own(self, tmp_path: Path) -> None:
        path = database(tmp_path / "data" / "parlance.db")
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            migrate(connection)
        engine.dispose()
        assert f"schema {HEAD}" in only(tmp_path, checks.check_database).text

    def test_a_newer_one(self, tmp_path: Path) -> None:
        database(
            tmp_path / "data" / "parlance.db",
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('9999')",
        )
        finding = only(tmp_path, checks.check_database)
        assert "newer than this Parlance: schema 9999" in finding.text
        assert "Start the Parlance that made it" in finding.remedy

    def test_an_empty_one(self, tmp_path: Path) -> None:
        database(tmp_path / "data" / "parlance.db", "PRAGMA user_version = 1")
        assert f"the next start brings it to {HEAD}" in only(tmp_path, checks.check_database).text

    def test_no_database_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_bytes(b"this is a letter to my grandmother " * 40)
        finding = only(tmp_path, checks.check_database, database_url=f"sqlite:///{tmp_path}/x.db")
        assert (finding.status, "not a database" in finding.text) == ("fail", True)

    def test_another_kind(self, tmp_path: Path) -> None:
        finding = only(tmp_path, checks.check_database, database_url="postgresql://u:pw@127.0.0.1:1/d")
        assert finding.status == "fail" and "PostgreSQL at 127.0.0.1:1 can't be reached" in finding.text
        assert "pw" not in finding.text and "Start it" in finding.remedy


class TestModel:
    def test_a_folder_that_is_missing(self, tmp_path: Path) -> None:
        assert "is not a folder" in only(tmp_path, checks.check_model, model_dir="nowhere").text

    def test_a_file_that_was_altered(self, tmp_path: Path) -> None:
        copy = tmp_path / "model"
        shutil.copytree(PACKAGES / "models_onnx" / "nlu", copy)
        with (copy / "tokenizer.json").open("r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(bytes([first[0] ^ 1]))
        finding = only(tmp_path, checks.check_model, model_dir=str(copy))
        assert "tokenizer.json has the wrong digest" in finding.text

    def test_the_shipped_one(self, tmp_path: Path) -> None:
        assert "digests match, runs" in only(tmp_path, checks.check_model).text


class TestWords:
    def test_the_shipped_ones(self, tmp_path: Path) -> None:
        for check in (checks.check_personas, checks.check_rewards, checks.check_phrases, checks.check_products):
            assert {finding.status for finding in findings(tmp_path, check)} == {"ok"}

    def test_a_persona_file_with_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_text("personas:\n  - name: Loud\n")
        finding = findings(tmp_path, checks.check_personas, personas_file="mine.yaml")[0]
        assert finding.status == "fail"
        assert "mine.yaml: persona number 1 has the name 'Loud'" in finding.text

    def test_a_file_of_mood_rules(self, tmp_path: Path) -> None:
        assert only(tmp_path, checks.check_mood).text.startswith("12 rules in ")
        (tmp_path / "mine.yaml").write_text("rules:\n  - {name: bad, when: sentiment < 0, traits: {empathi: 0.1}}\n")
        finding = findings(tmp_path, checks.check_mood, mood_file="mine.yaml")[0]
        assert finding.status == "fail"
        assert "mine.yaml: rule 'bad': there is no trait 'empathi'. Did you mean 'empathy'?" in finding.text

    def test_a_persona_file_that_is_no_yaml(self, tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_text("personas: [")
        assert findings(tmp_path, checks.check_personas, personas_file="mine.yaml")[0].status == "fail"

    def test_rules_on_who_may_answer(self, tmp_path: Path) -> None:
        assert findings(tmp_path, checks.check_rules)[0].text.startswith("none")
        rule = "rules:\n  - {name: cards, when: {intent: %s}, never: playful}\n"
        for intent, status in (("card_declined", "ok"), ("card_decline", "fail")):
            (tmp_path / "rules.yaml").write_text(rule % intent)
            finding = findings(tmp_path, checks.check_rules, policy_rules_file="rules.yaml")[0]
            assert finding.status == status
        assert (
            "rules.yaml: rule 'cards': intent: there is no 'card_decline'. Did you mean 'card_declined'" in finding.text
        )

    def test_a_floor_that_the_arms_do_not_leave_room_for(self, tmp_path: Path) -> None:
        assert findings(tmp_path, checks.check_personas, policy_floor=0.5)[-1].status == "fail"

    def test_a_language_model_is_not_asked(self, tmp_path: Path) -> None:
        assert only(tmp_path, checks.check_language).text == "the built-in writer alone"
        (tmp_path / "key").write_text("sk-123\n")
        given = {"language_writer": "openai", "language_url": "http://127.0.0.1:9/v1", "language_model": "tiny"}
        found = only(tmp_path, checks.check_language, **given, language_key_file="key")
        assert (found.status, found.text) == ("ok", "openai tiny, with a key; nobody was asked")

    @pytest.mark.parametrize(("text", "said"), [(None, "can't be read"), ("two words", "blanks or odd characters")])
    def test_a_key_that_is_none(self, tmp_path: Path, text: str | None, said: str) -> None:
        if text is not None:
            (tmp_path / "key").write_text(text)
        found = findings(tmp_path, checks.check_language, language_writer="openai", language_key_file="key")[0]
        assert found.status == "fail" and said in found.text and "two words" not in found.text

    def test_a_prompt_file_with_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_text("system:\n  - text: Hi {nmae}\n")
        found = findings(tmp_path, checks.check_language, language_prompt_file="mine.yaml")[0]
        assert found.status == "fail"
        assert "mine.yaml: system[1].text: there is no slot 'nmae'" in found.text

    def test_an_unknown_policy(self, tmp_path: Path) -> None:
        assert findings(tmp_path, checks.check_personas, policy="linucp")[-1].status == "fail"

    @pytest.mark.parametrize("name", POLICY_NAMES)
    def test_every_policy_can_be_chosen_by_name(self, tmp_path: Path, name: str) -> None:
        chosen = findings(tmp_path, checks.check_personas, policy=name, policy_half_life_days=30.0)
        assert (chosen[-1].status, chosen[-1].text) == ("ok", f"{name} over 8 personas")

    def test_a_policys_own_parameters(self, tmp_path: Path) -> None:
        def of(parameters: dict[str, float]) -> checks.Finding:
            return findings(tmp_path, checks.check_personas, policy="hybrid", policy_parameters=parameters)[-1]

        assert of({"sharing": 0.3, "ridge": 2.0}).status == "ok"
        assert "no parameter 'shareing'. Did you mean 'sharing'" in of({"shareing": 0.3}).text
        assert "sharing is 2.0: give a number from 0 to 0.99" in of({"sharing": 2.0}).text

    def test_an_unknown_reward(self, tmp_path: Path) -> None:
        assert "no reward part 'thank'" in only(tmp_path, checks.check_rewards, reward_weights={"thank": 1.0}).text

    def test_a_folder_without_phrases(self, tmp_path: Path) -> None:
        finding = findings(tmp_path, checks.check_phrases, phrases_dir=str(tmp_path))[0]
        assert (finding.status, "holds no phrases" in finding.text) == ("fail", True)

    def test_a_phrase_that_stands_there_twice(self, tmp_path: Path) -> None:
        phrases = tmp_path / "phrases"
        shutil.copytree(load_settings({}, {}, tmp_path, make=False).settings.phrases_path, phrases)
        general = phrases / "de" / "general.yaml"
        lines = general.read_text().splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if line.lstrip().startswith("- ") and ":" not in line)
        general.write_text("".join([*lines[: at + 1], lines[at], *lines[at + 1 :]]))
        found = findings(tmp_path, checks.check_phrases, phrases_dir=str(phrases))
        assert any(finding.status != "ok" for finding in found)

    def test_products(self, tmp_path: Path) -> None:
        (tmp_path / "names.txt").write_text("iPhone 15\n")
        assert "names.txt names 1" in only(tmp_path, checks.check_products, products_file="names.txt").text
        (tmp_path / "names.txt").write_bytes(b"\xff")
        finding = findings(tmp_path, checks.check_products, products_file="names.txt")[0]
        assert (finding.status, "is not UTF-8" in finding.text) == ("fail", True)


class TestMachine:
    @pytest.fixture
    def _taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def bind(settings: Settings) -> None:
            raise StartupError(f"port {settings.port} is taken.", "Choose another with --port.")

        monkeypatch.setattr("server.serving.bind", bind)

    @pytest.mark.usefixtures("_taken")
    def test_a_taken_port(self, tmp_path: Path) -> None:
        finding = only(tmp_path, checks.check_port, port=8_123)
        assert (finding.status, finding.text, finding.remedy) == (
            "fail", "port 8123 is taken.", "Choose another with --port.",
        )  # fmt: skip

    @pytest.mark.usefixtures("_taken")
    def test_a_port_taken_by_this_data_directorys_server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def hold(path: Path) -> Iterator[None]:
            raise StartupError(f"another Parlance server is using {path}.", "Stop it.")

        (tmp_path / "data").mkdir()
        assert only(tmp_path, checks.check_port).status == "fail"
        monkeypatch.setattr("server.data_dir.hold_data_dir", hold)
        assert "by the server of this data directory" in only(tmp_path, checks.check_port).text

    @pytest.mark.parametrize(
        ("soft", "status"),
        [(1_024, "warn"), (4_096, "ok"), (65_536, "ok"), (resource.RLIM_INFINITY, "ok")],
    )
    def test_open_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soft: int, status: str) -> None:
        monkeypatch.setattr("resource.getrlimit", lambda _which: (soft, 1_048_576))
        assert only(tmp_path, checks.check_open_files).status == status

    def test_a_check_that_breaks_down_is_a_finding(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(_which: int) -> None:
            raise MemoryError("out of ideas")

        monkeypatch.setattr("resource.getrlimit", broken)
        finding = only(tmp_path, checks.check_open_files)
        assert (finding.status, finding.text) == ("fail", "MemoryError: out of ideas")
