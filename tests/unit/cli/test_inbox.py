"""``parlance intents inbox``: on a real database, beside nobody and beside a server."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from server.clock import SystemClock
from server.contents import read_intents
from server.store.inbox_ports import Doubt
from server.store.sql import SqlStore, sqlite_url
from tests.contract.store.harness import new_id
from tests.contract.store.people import answer, asked, opened
from tests.unit.cli.conftest import Command
from tests.unit.registry.support import write_pack

T = TypeVar("T")
DOUBT = Doubt("refund", 0.31, (("refund", 0.31), ("order_status", 0.3), ("timer", 0.01)), 0.12, "en", "nlu-1.2.0")
TEXTS = ("my tent came torn", "write to ann@example.org", "what a day")


async def _with(path: Path, work: Callable[[SqlStore], Awaitable[T]]) -> T:
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    try:
        return await work(store)
    finally:
        await store.close()


async def _doubted(store: SqlStore, *texts: str) -> list[str]:
    turns = [await asked(store, await opened(store), text) for text in texts]
    for turn in turns:
        await store.answer(answer(turn, doubt=DOUBT))
    return [turn.turn_id for turn in turns]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A database with three items, the oldest first; made once, since a database takes longer than most tests."""
    path = tmp_path_factory.mktemp("made") / "parlance.db"
    return path, asyncio.run(_with(path, lambda store: _doubted(store, *TEXTS)))


@pytest.fixture
def turns(made: tuple[Path, list[str]], folder: Path) -> list[str]:
    """Those items in the database where the settings look."""
    (folder / "data").mkdir()
    shutil.copy(made[0], folder / "data")
    return made[1]


@pytest.fixture
def inbox(parlance: Command) -> Command:
    return lambda *arguments, **environ: parlance("intents", "inbox", *arguments, **environ)


def told(inbox: Command, *arguments: str, **environ: str) -> Any:
    result = inbox(*arguments, "--json", **environ)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


class TestList:
    def test_the_newest_first_in_pages(self, inbox: Command, turns: list[str]) -> None:
        page = told(inbox, "list", "--limit", "2")
        assert ([item["message_id"] for item in page["items"]], page["more"]) == ([turns[2], turns[1]], True)
        assert page["items"][0]["guesses"][0] == {"intent": "refund", "probability": 0.31}
        page = told(inbox, "list", "--before", turns[1])
        assert ([item["text"] for item in page["items"]], page["more"]) == ([TEXTS[0]], False)

    def test_a_table_for_people(self, inbox: Command, turns: list[str]) -> None:
        shown = inbox("list", "--limit", "2").stdout
        assert all(word in shown for word in (turns[2], "what a day", "0.31", "order_status 0.30", "nlu-1.2.0"))
        assert f"2 turns; the next page: --before {turns[1]}" in shown
        assert "There is nothing here." in inbox("list", "--model", "nlu-9").stdout

    def test_a_customer_does_not_command_the_terminal(self, inbox: Command, turns: list[str], folder: Path) -> None:
        text = "red \x1b[31m alert \u202e 🙁"
        asyncio.run(_with(folder / "data" / "parlance.db", lambda store: _doubted(store, text)))
        shown = inbox("list").stdout
        assert not {"\x1b", "\u202e"} & set(shown) and "red" in shown and "🙁" in shown
        assert told(inbox, "list")["items"][0]["text"] == text

    def test_personal_data_is_redacted_unless_the_setting_says_otherwise(
        self, inbox: Command, turns: list[str]
    ) -> None:
        assert "write to [email]" in inbox("list").stdout
        shown = told(inbox, "list", PARLANCE_INBOX_REDACT="false")
        assert TEXTS[1] in {item["text"] for item in shown["items"]}

    def test_by_state(self, inbox: Command, turns: list[str]) -> None:
        inbox("dismiss", turns[2])
        inbox("label", turns[0], "refund_status", "--new")
        for state, found in (("open", [1]), ("labelled", [0]), ("dismissed", [2]), ("all", [2, 1, 0])):
            page = told(inbox, "list", "--state", state)
            assert [item["message_id"] for item in page["items"]] == [turns[place] for place in found]
        assert "dismissed" in inbox("list", "--state", "all").stdout


class TestLabel:
    def test_a_known_intent_a_new_one_and_none(self, inbox: Command, turns: list[str]) -> None:
        now = told(inbox, "label", turns[0], "order_status", "--by", "ann")
        assert (now["state"], now["label"], now["judged_by"]) == ("labelled", "order_status", "ann")
        assert told(inbox, "label", turns[0], "torn", "--new")["label"] == "torn"
        assert told(inbox, "label", turns[1], "torn")["label"] == "torn"
        assert told(inbox, "label", turns[0], "--none")["label"] == "oos"
        assert inbox("dismiss", turns[0]).stdout == f"{turns[0]}: dismissed\n"
        assert inbox("label", turns[0], "torn", "--new").stdout == f"{turns[0]}: torn (said: refund)\n"

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (("label", "01NOSUCH", "order_status"), 1, "no turn '01NOSUCH' in the inbox"),
            (("dismiss", "01NOSUCH"), 1, "no turn '01NOSUCH' in the inbox"),
            (("label", "x", "oder_status"), 1, "Did you mean 'order_status'?"),
            (("label", "x", "Bad Name", "--new"), 1, "is no name of an intent"),
            (("label", "x"), 2, "either the name of an intent or --none"),
            (("label", "x", "order_status", "--none"), 2, "either the name of an intent or --none"),
        ],
    )
    def test_what_is_refused(
        self, inbox: Command, turns: list[str], arguments: tuple[str, ...], code: int, said: str
    ) -> None:
        result = inbox(*arguments)
        assert (result.exit_code, said in result.stderr) == (code, True), result.output


class TestExport:
    def test_what_has_a_label_becomes_examples(self, inbox: Command, turns: list[str], folder: Path) -> None:
        own = folder / "shop" / "own.yaml"
        own.parent.mkdir()
        own.write_text("intents:\n  torn: [my tent is torn, it is ripped]\n  hours: [when are you open, hours]\n")
        inbox("label", turns[0], "torn", "--new")
        inbox("label", turns[1], "contact", "--new")
        inbox("label", turns[2], "--none")
        first = told(inbox, "export", str(own.parent))
        assert first == {"file": str(own.parent / "inbox.yaml"), "added": 2, "removed": 0, "present": 0, "unfit": 0}
        written = (own.parent / "inbox.yaml").read_bytes()
        assert yaml.safe_load(written) == {"intents": {"torn": [TEXTS[0]], "contact": ["write to [email]"]}}
        assert read_intents(own.parent).names == ("contact", "hours", "torn")
        stamp = (own.parent / "inbox.yaml").stat().st_mtime_ns
        assert "0 added, 2 there already." in inbox("export", str(own.parent)).stdout
        assert ((own.parent / "inbox.yaml").read_bytes(), (own.parent / "inbox.yaml").stat().st_mtime_ns) == (
            written,
            stamp,
        )
        inbox("label", turns[0], "hours", "--new")
        inbox("dismiss", turns[1])
        assert "1 added, 0 there already, 2 removed" in inbox("export", str(own.parent)).stdout
        assert yaml.safe_load((own.parent / "inbox.yaml").read_text()) == {"intents": {"hours": [TEXTS[0]]}}
        inbox("dismiss", turns[0])
        assert told(inbox, "export", str(own.parent))["removed"] == 1
        assert sorted(path.name for path in own.parent.iterdir()) == ["own.yaml"]

    def test_a_label_outweighs_a_later_dismissal_of_the_same_text(
        self, inbox: Command, turns: list[str], folder: Path
    ) -> None:
        (again,) = asyncio.run(
            _with(folder / "data" / "parlance.db", lambda store: _doubted(store, "My tent came torn!"))
        )
        inbox("label", turns[0], "torn", "--new")
        inbox("dismiss", again)
        assert told(inbox, "export", "new")["added"] == 1
        assert yaml.safe_load((folder / "new" / "inbox.yaml").read_text()) == {"intents": {"torn": [TEXTS[0]]}}

    def test_a_folder_that_cannot_be_read_is_left_alone(self, inbox: Command, turns: list[str], folder: Path) -> None:
        (folder / "own.yaml").write_text("intents: [")
        inbox("label", turns[0], "torn", "--new")
        result = inbox("export", str(folder))
        assert (result.exit_code, "own.yaml is no valid YAML" in result.stderr) == (2, True)
        assert not (folder / "inbox.yaml").exists()

    def test_a_folder_that_cannot_be_made(self, inbox: Command, turns: list[str], folder: Path) -> None:
        (folder / "file").write_text("")
        inbox("label", turns[0], "torn", "--new")
        result = inbox("export", str(folder / "file" / "x"))
        assert (result.exit_code, "can't be written" in result.stderr) == (2, True), result.output

    def test_nothing_to_write(self, inbox: Command, turns: list[str], folder: Path) -> None:
        assert inbox("export", str(folder / "none")).stdout.endswith("0 added, 0 there already.\n")
        assert not (folder / "none").exists()


class TestAgreement:
    def test_it_counts_by_model(self, inbox: Command, turns: list[str]) -> None:
        assert inbox("agreement").stdout == "Nothing has a label yet.\n"
        inbox("label", turns[0], "refund", "--new")
        inbox("label", turns[1], "order_status")
        assert told(inbox, "agreement") == {"items": [{"model": "nlu-1.2.0", "labelled": 2, "agreed": 1, "share": 0.5}]}
        assert inbox("agreement").stdout == "nlu-1.2.0: 1 of 2 labels are what it had said, 50.0%\n"

    def test_a_version_shows_its_own(self, inbox: Command, turns: list[str], parlance: Command, folder: Path) -> None:
        environ = {"PARLANCE_MODEL_DIR": str(write_pack(folder / "own", "1.2.0"))}
        assert "unsure turns" not in parlance("model", "show", "nlu-1.2.0", **environ).stdout
        inbox("label", turns[0], "refund", "--new")
        inbox("label", turns[1], "order_status")
        shown = parlance("model", "show", "nlu-1.2.0", **environ).stdout
        assert "of 2 that people labelled, it had said 1 so" in shown


class TestDatabases:
    def test_there_is_none_and_none_is_made(self, inbox: Command, folder: Path) -> None:
        result = inbox("list")
        assert (result.exit_code, "There is no database" in result.stderr) == (2, True)
        assert list(folder.iterdir()) == []

    def test_one_of_another_schema(self, inbox: Command, turns: list[str], folder: Path) -> None:
        async def older(store: SqlStore) -> None:
            await store._database.write(
                lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
            )

        asyncio.run(_with(folder / "data" / "parlance.db", older))
        result = inbox("list")
        assert (result.exit_code, "The database has schema 0002" in result.stderr) == (2, True)

    def test_a_store_that_is_open_meanwhile_sees_what_was_said(
        self, inbox: Command, turns: list[str], folder: Path
    ) -> None:
        async def beside(store: SqlStore) -> list[str | None]:
            await asyncio.to_thread(inbox, "label", turns[0], "refund", "--new")
            await _doubted(store, "and on it goes")
            return [item.label for item in await store.inbox(limit=10)]

        assert asyncio.run(_with(folder / "data" / "parlance.db", beside)) == [None, None, None, "refund"]

    def test_the_names_of_ones_own_intents_are_known(self, inbox: Command, parlance: Command, turns: list[str]) -> None:
        example = Path(__file__).resolve().parents[3] / "docs" / "intents-example"
        assert parlance("intents", "train", str(example), "--out", "own.npz").exit_code == 0
        assert told(inbox, "label", turns[0], "damaged", PARLANCE_INTENTS="own.npz")["label"] == "damaged"
        assert inbox("label", turns[0], "card_declined", PARLANCE_INTENTS="own.npz").exit_code == 1
        assert inbox("label", turns[0], "damaged", PARLANCE_INTENTS="none.npz").exit_code == 2
