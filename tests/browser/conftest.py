"""Chromium, driven by Playwright's synchronous API, and the real server behind the page.

The fixtures live as long as this package: Playwright's synchronous API keeps an event loop running in the thread, which
must be gone before asynchronous tests of other packages run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.support import CHROMIUM, CHROMIUM_FLAGS, PATIENCE_MS, ChatPage, context_of, module_page
from tests.support.server import ServerProcess


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that leave it alone."""
    with ServerProcess(tmp_path_factory.mktemp("shared") / "data") as process:
        yield process


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that a test may kill."""
    with ServerProcess(tmp_path_factory.mktemp("own") / "data") as process:
        yield process


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with context_of(browser) as fresh:
        yield fresh


@pytest.fixture
def modules(context: BrowserContext) -> Page:
    """An empty page that can import the chat's modules."""
    return module_page(context)


@pytest.fixture
def open_chat(server: ServerProcess) -> Iterator[Callable[[BrowserContext], ChatPage]]:
    """Opens tabs on the shared server; in the end none of them may have thrown or been refused anything."""
    opened: list[ChatPage] = []

    def open_one(context: BrowserContext) -> ChatPage:
        opened.append(ChatPage.open(context, server.http_url))
        return opened[-1]

    yield open_one
    assert [error for chat in opened for error in chat.errors] == []


@pytest.fixture
def chat(context: BrowserContext, open_chat: Callable[[BrowserContext], ChatPage]) -> ChatPage:
    return open_chat(context)
