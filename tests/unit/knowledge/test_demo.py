"""The demo shop's articles, and how well the shipped model finds them: the half of the questions that nothing was tuned
on. Whole turns are tried in tests/integration/test_knowledge.py."""

from __future__ import annotations

import json
import re
from collections import Counter

from typer.testing import CliRunner

from server.cli.main import app
from server.contents import read_articles, read_questions
from server.knowledge.passages import cut
from server.wiring.knowledge import DEMO

TUNING, TEST = DEMO / "questions" / "tuning.tsv", DEMO / "questions" / "test.tsv"


def test_sixty_articles_of_a_readable_length() -> None:
    articles = read_articles(DEMO)
    assert len(articles) == 60
    assert Counter(article.category for article in articles) == {
        "account": 12, "delivery": 12, "orders": 12, "payments": 12, "returns": 12,
    }  # fmt: skip
    for article in articles:
        words = sum(passage.words for passage in cut(article))
        assert 70 <= words <= 200, (article.article_id, words)
        assert article.owner and article.tags and 8 <= len(article.asks) <= 10


def test_questions_are_labelled_apart_and_copy_no_article() -> None:
    known = {article.article_id for article in read_articles(DEMO)}
    tuning, test = read_questions(TUNING), read_questions(TEST)
    other = read_questions(TUNING.with_name("other-languages.tsv"))
    assert {article for _, article in other} < {*known, None} and sum(article is None for _, article in other) == 40
    assert len(tuning) >= 200 and sum(article is None for _, article in test) == 100
    assert {article for _, article in (*tuning, *test)} == {*known, None}
    plain = [re.sub(r"\W+", " ", question.casefold()).strip() for question, _ in (*tuning, *test)]
    assert len(set(plain)) == len(plain)
    asks = {re.sub(r"\W+", " ", ask.casefold()).strip() for article in read_articles(DEMO) for ask in article.asks}
    assert not asks & set(plain)


def test_questions_find_their_articles_and_others_no_answer() -> None:
    command = ["kb", "check", str(DEMO), "--questions", str(TEST), "--json"]
    found = CliRunner().invoke(app, command, prog_name="parlance")
    assert found.exit_code == 0, found.output
    measured = json.loads(found.stdout)["questions"]
    assert measured["questions"] == 120 and measured["off_topic"] == 100
    assert measured["recall_at_3"] >= 0.9
    assert measured["false_answers"] <= 0.05
    assert measured["answered"] >= 0.5 and measured["right"] >= 0.8
