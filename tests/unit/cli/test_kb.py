"""``parlance kb``: check, import, export, search, stats, gaps, faq."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from server.cli.main import app
from server.clock import SystemClock
from server.knowledge.questions import QuestionTurn, Trouble
from server.store.migrate import migrate
from server.store.question_ports import ClusterRow, Filing
from server.store.sql import SqlStore
from server.store.sqlite import sqlite_url
from server.wire.parts import User
from tests.contract.store.harness import new_id
from tests.contract.store.people import answer, message, opened, resolution

PAY = "---\ntitle: Ways to pay\ncategory: Money Matters\n---\nWe take cards and cash.\n"
SEND = "---\ntitle: Sending things back\ncategory: returns\n---\nYou have thirty days to return what you bought.\n"


def parlance(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["kb", *map(str, arguments)], prog_name="parlance")
    assert result.exit_code == code, result.output
    return result


def told(*arguments: object) -> Any:
    return json.loads(parlance(*arguments, "--json").stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "articles"
    (made / "more").mkdir(parents=True)
    (made / "pay.md").write_text(PAY)
    (made / "more" / "send.md").write_text(SEND)
    return made


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """With a database as a server leaves it."""
    from sqlalchemy import create_engine

    made = tmp_path / "data"
    made.mkdir()
    engine = create_engine(sqlite_url(made / "parlance.db"))
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return made


def test_a_folder_without_articles_is_there_all_the_same(data_dir: Path, tmp_path: Path) -> None:
    """A script goes on with it."""
    assert told("export", tmp_path / "none", "--data-dir", data_dir) == {"written": 0}
    assert list((tmp_path / "none").iterdir()) == []


def test_articles_are_imported_once_and_exported_as_they_are(folder: Path, data_dir: Path, tmp_path: Path) -> None:
    assert told("import", folder, "--data-dir", data_dir) == {"changed": 2, "same": 0}
    assert told("import", folder, "--data-dir", data_dir) == {"changed": 0, "same": 2}
    (folder / "pay.md").write_text(PAY.replace("cash", "cheques"))
    assert told("import", folder, "--state", "draft", "--data-dir", data_dir) == {"changed": 1, "same": 1}
    stats = told("stats", "--data-dir", data_dir)
    assert stats["versions"] == {"active": 2, "draft": 1} and stats["rows"] == {"passage": 2, "ask": 2}
    out = tmp_path / "out"
    assert told("export", out, "--data-dir", data_dir) == {"written": 2}
    assert (out / "money-matters" / "pay.md").read_text() == PAY
    assert (out / "returns" / "send.md").read_text() == SEND


def test_a_question_is_tried(folder: Path, data_dir: Path) -> None:
    (folder / "pay.md").write_text(PAY.replace("---\nWe", 'asks: ["How can I pay?"]\n---\nWe'))
    parlance("import", folder, "--data-dir", data_dir)
    found = told("search", "may I return something I bought within thirty days", "--data-dir", data_dir)
    assert found["items"][0]["article"] == "send" and found["items"][0]["text"].startswith("You have thirty days")
    assert 0.0 < found["items"][0]["score"] < 1.0
    assert told("search", "how can I pay", "--data-dir", data_dir)["outcome"] == "answered"
    assert told("search", "tell me about the moon", "--data-dir", data_dir)["outcome"] == "nothing"
    assert "no answer" in parlance("search", "tell me about the moon", "--data-dir", data_dir).stdout
    assert "nlu" in parlance("stats", "--data-dir", data_dir).stdout


def test_what_is_wrong_is_said_with_file_and_line_and_nothing_is_saved(folder: Path, data_dir: Path) -> None:
    (folder / "more" / "pay.md").write_text(PAY)
    (folder / "bad.md").write_text("---\ntitle: A\n---\ntext")
    result = parlance("check", folder, code=1)
    assert "bad.md:1: category is missing" in result.stderr
    assert "the id 'pay' is another file's, too" in result.stderr
    assert "2 articles can be used, 2 can't." in result.stdout
    parlance("import", folder, "--data-dir", data_dir, code=1)
    assert told("stats", "--data-dir", data_dir)["versions"] == {}


def test_questions_are_measured(folder: Path, tmp_path: Path) -> None:
    questions = tmp_path / "q.tsv"
    questions.write_text("# asked\nwhich cards can I pay with\tpay\n\nhow tall is the moon\t-\n")
    found = told("check", folder, "--questions", questions)["questions"]
    assert (found["questions"], found["off_topic"], found["recall_at_1"], found["false_answers"]) == (1, 1, 1.0, 0.0)
    german = parlance("check", folder, "--questions", questions, "--language", "de").stdout
    assert "1 questions: the article is among the first three of 0.0%" in german  # there is no German article


@pytest.mark.parametrize(
    ("questions", "code", "said"),
    [("x\tno-such\n", 1, "no article 'no-such'"), ("no tab\n", 2, "q.tsv:1"), (None, 2, "can't be read")],
)
def test_wrong_questions_are_named(folder: Path, tmp_path: Path, questions: str | None, code: int, said: str) -> None:
    file = tmp_path / "q.tsv"
    if questions is not None:
        file.write_text(questions)
    assert said in parlance("check", folder, "--questions", file, code=code).stderr


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert "holds no articles" in parlance("check", tmp_path, code=2).stderr
    assert "There is no database" in parlance("stats", "--data-dir", tmp_path / "none", code=2).stderr


# ------------------------------------------------------------------ what customers asked


@pytest.fixture
def asked(data_dir: Path) -> Path:
    """Three customers asked the same; one was answered from an article and content."""

    async def ask() -> None:
        store = SqlStore(sqlite_url(data_dir / "parlance.db"), clock=SystemClock(), new_id=new_id)
        await store.start()
        now_ms = SystemClock().now_ms()
        for by, cites in (("ann", ()), ("ben", ()), ("cem", (("wrapping", 1),))):
            channel = await opened(store, User(by, "customer", by))
            text = f"do you gift wrap? {by}@example.org \x1b[2J"
            appended = await store.append(message(channel, text, sender=User(by, "customer", by), wants_turn=True))
            assert appended.turn is not None
            trouble: Trouble | None = None if cites else "uncited"
            question = QuestionTurn("answered" if cites else "unanswered", trouble, "nlu-1", b"\0" * 8, cites)
            await store.answer(answer(appended.turn, question=question, at_ms=now_ms))
            if cites:
                await store.resolve(resolution(channel))
        placed = [(one.turn_id, 1, 1.0) for one in await store.unplaced_questions(9)]
        await store.file_questions(0, Filing(placed, [ClusterRow(1, "nlu-1", b"\0" * 16, 3)], 1))
        await store.name_clusters([(1, "gift wrap", 3)])
        await store.follow_up(now_ms + 60_000, 9)
        await store.close()

    asyncio.run(ask())
    return data_dir


def test_gaps_are_listed_shown_drafted_and_closed(asked: Path, tmp_path: Path) -> None:
    where = ("--data-dir", asked)
    (gap,) = told("gaps", "list", *where)["items"]
    assert (gap["gap"], gap["name"], gap["troubled"], gap["people"]) == (1, "gift wrap", 2, 3)
    table = parlance("gaps", "list", *where).stdout
    assert "gift wrap" in table and "1 gap." in table and "\x1b" not in table
    shown = parlance("gaps", "show", 1, *where).stdout
    assert "[email]" in shown and "2 uncited" in shown and "example.org" not in shown and "\x1b" not in shown
    assert "category" in parlance("gaps", "draft", 1, *where, code=1).output
    assert "Begun: gift-wrap." in parlance("gaps", "draft", 1, "--category", "orders", *where).stdout
    assert told("gaps", "list", "--state", "draft_written", *where)["items"][0]["article"] == "gift-wrap"
    assert "nothing here" in parlance("gaps", "list", *where).stdout
    parlance("export", tmp_path / "out", *where)
    assert "has no text" in parlance("check", tmp_path / "out", code=1).output
    assert "resolved" in parlance("gaps", "resolve", 1, "--by", "ann", *where).stdout
    assert told("gaps", "list", "--state", "all", *where)["items"][0]["changed_by"] == "ann"
    assert told("gaps", "reopen", 1, *where)["state"] == "open"
    assert "no gap 7" in parlance("gaps", "resolve", 7, *where, code=1).output
    assert "no gap 7" in parlance("gaps", "show", 7, *where, code=1).output


def test_frequent_questions_and_figures_are_told(asked: Path) -> None:
    where = ("--data-dir", asked)
    (frequent,) = told("faq", *where)["items"]
    assert (frequent["people"], frequent["articles"]) == (3, [{"article": "wrapping", "answers": 1}])
    assert "wrapping" in parlance("faq", *where).stdout
    assert "nothing here" in parlance("faq", "--people", 4, *where).stdout
    stats = told("stats", *where)
    assert (stats["questions"]["questions"], stats["questions"]["coverage"]) == (3, 0.3333)
    (article,) = stats["articles"]
    assert (article["article"], article["shown"], article["solved"]) == ("wrapping", 1, 1)
    assert "coverage 33.3%" in parlance("stats", *where).stdout
