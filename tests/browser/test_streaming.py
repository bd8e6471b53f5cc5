"""A language model's words on the page as they come, on a real server with a model server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.support import ChatPage, context_of
from tests.browser.test_looks import LOOKS, audit
from tests.support.model_server import Behaviour, ThreadedModelServer
from tests.support.server import ServerProcess

QUESTION = "where is my parcel, it should have been here on monday"
WORDS = ("Your ", "parcel ", "left ", "our ", "warehouse ", "this ", "morning, ", "so ", "it ", "should ", "be ",
         "with ", "you ", "tomorrow.")  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Iterator[ThreadedModelServer]:
    with ThreadedModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def speaking(model: ThreadedModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    env = {
        "PARLANCE_LANGUAGE_WRITER": "openai",
        "PARLANCE_LANGUAGE_URL": model.server.url,
        "PARLANCE_LANGUAGE_MODEL": "tiny",
        "PARLANCE_LANGUAGE_SILENCE_MS": "60000",
    }
    with ServerProcess(tmp_path_factory.mktemp("speaking") / "data", env=env) as process:
        yield process


@pytest.mark.parametrize("look", LOOKS)
def test_words_are_shown_as_they_come(
    browser: Browser,
    speaking: ServerProcess,
    model: ThreadedModelServer,
    look: str,
    tmp_path: Path,
) -> None:
    pulse, (size, dark) = asyncio.Event(), LOOKS[look]
    model.server.behaviour = Behaviour(words=("".join(WORDS[:7]), "".join(WORDS[7:])), pulse=pulse)
    with context_of(browser, size, dark=dark) as context:
        chat = ChatPage.open(context, speaking.http_url)
        chat.write(QUESTION)
        draft = chat.page.locator(".message.draft")
        expect(draft.locator(".bubble")).to_have_text("Your parcel left our warehouse this morning,")
        expect(chat.page.locator("#answering")).to_be_hidden()
        assert audit(chat.page) == []
        chat.page.screenshot(path=tmp_path / f"{look}.png")
        model.go_on(pulse)
        expect(draft).to_have_count(0)
        expect(chat.newest.locator(".bubble")).to_have_text("".join(WORDS))
        expect(chat.newest).not_to_have_class("fresh")
        assert chat.newest.locator(".speaker").inner_text() != "Writing"
        assert chat.errors == []


def test_what_is_withdrawn_is_replaced(browser: Browser, speaking: ServerProcess, model: ThreadedModelServer) -> None:
    model.server.behaviour = Behaviour(words=("Nonsense ", "in ", "the ", "making"), cut_after=3)
    with context_of(browser) as context:
        chat = ChatPage.open(context, speaking.http_url)
        said = chat.say(QUESTION)
        expect(chat.page.locator(".message.draft")).to_have_count(0)
        assert "Nonsense" not in chat.newest.locator(".bubble").inner_text()
        assert said
