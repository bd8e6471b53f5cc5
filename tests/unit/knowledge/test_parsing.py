"""Articles from Markdown with front matter, and errors that name the line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.contents import article_of
from server.knowledge.errors import KnowledgeError
from server.knowledge.values import MAX_SOURCE_CODE_POINTS

WHOLE = """---
title: "Returning things"
category: returns
tags: [refund, 30 days]
language: "no"
owner: Returns desk
expires: 2027-03-31
asks:
  - How do I send it back?
variants:
  casual: "Send it back:  30 days."
---

# Returning things
Thirty days.
"""


def test_everything_is_read() -> None:
    found = article_of("shop/returning.md", WHOLE)
    assert (found.article_id, found.title, found.category) == ("returning", "Returning things", "returns")
    assert (found.tags, found.language, found.owner) == (("refund", "30 days"), "no", "Returns desk")
    assert (found.asks, found.variants) == (("How do I send it back?",), {"casual": "Send it back: 30 days."})
    assert found.expires_ms == int(datetime(2027, 4, 1, tzinfo=UTC).timestamp() * 1_000)
    assert found.source == WHOLE
    assert WHOLE.split("\n")[found.body_line - 1] == found.body.split("\n")[0]


def test_the_least_is_enough() -> None:
    found = article_of("a.md", "\ufeff---\r\ntitle: A\r\ncategory: b\r\n---\r\ntext")
    assert (found.language, found.tags, found.asks, found.expires_ms, found.body) == ("en", (), (), None, "text")


def test_the_front_matter_may_name_it() -> None:
    assert article_of("Some File.md", "---\nid: some-file\ntitle: A\ncategory: b\n---\ntext").article_id == "some-file"


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("text", 1, "no front matter"),
        ("---\ntitle: A\ncategory: b\ntext", 1, "has no end"),
        ("---\ntitle: A\n---\ntext", 1, "category is missing"),
        ("---\ntitle: [A]\ncategory: b\n---\ntext", 2, "title is no text"),
        ("---\ntitle: A\ncategory: b\ntegs: [a]\n---\ntext", 4, "Did you mean 'tags'?"),
        ("---\ntitle: A\ncategory: b\ntags: a\n---\ntext", 4, "tags is no list"),
        ("---\ntitle: A\ncategory: b\nlanguage: no\n---\ntext", 4, "in quotes"),
        ("---\ntitle: A\ncategory: b\nexpires: tomorrow\n---\ntext", 4, "no day"),
        ("---\ntitle: A\ncategory: b\nexpires: 2027-02-30\n---\ntext", 1, "out of range"),
        ("---\ntitle: A\ncategory: b\nvariants:\n  casul: x\n---\ntext", 5, "Did you mean 'casual'?"),
        ("---\ntitle: A\ncategory: b\nvariants:\n  casual: ''\n---\ntext", 5, "no text of that length"),
        ("---\ntitle: A\ncategory: b\nid: A B\n---\ntext", 4, "can't name an article"),
        ("---\ntitle: A: b\ncategory: b\n---\ntext", 2, "no valid YAML"),
        ("---\ntitle: A\ncategory: b\n---\n\n  \n", 5, "no text"),
        ("---\n- a\n---\ntext", 2, "key: value"),
        ("---\ntitle: " + "A" * 121 + "\ncategory: b\n---\ntext", 2, "121 characters"),
        ("a\0", 0, "no valid text"),
        ("a" * (MAX_SOURCE_CODE_POINTS + 1), 0, "too many"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(source: str, line: int, said: str) -> None:
    with pytest.raises(KnowledgeError) as raised:
        article_of("a.md", source)
    assert raised.value.line == line and said in str(raised.value) and raised.value.remedy
    assert str(raised.value).startswith(f"a.md:{line}: " if line else "a.md: ")


def test_the_files_name_must_be_able_to_name_it() -> None:
    with pytest.raises(KnowledgeError, match="the file's name 'Ünfit'"):
        article_of("Ünfit.md", "---\ntitle: A\ncategory: b\n---\ntext")
