"""The browser, the page as a person sees it, and an independent client to check what the server really holds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocket, expect
from typer.testing import CliRunner
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from server.cli.main import app
from tests.support.server import ServerProcess

WEB = Path(__file__).resolve().parents[2] / "server" / "web"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",  # the sandbox refuses to run as root, as which containers run tests
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = (1280, 860)
PHONE = (390, 844)
# The shared machine may be busy; no test asserts a time, this is only when it gives up.
PATIENCE_MS = 30_000

Run = Callable[[str], Any]
"""Runs the body of an async function in the page; returns what it returns."""

_PAGE_URL = "http://modules.test/"


def module_page(context: BrowserContext) -> Page:
    """An empty page that can import the chat's modules, served from the files, without any server."""

    def fulfil(route: Any) -> None:
        path = route.request.url.removeprefix(_PAGE_URL)
        if path == "":
            route.fulfill(body="<!doctype html><html lang=en>", content_type="text/html")
        else:
            file = (WEB if path.startswith("static/") else Path(__file__).parent) / path
            route.fulfill(path=file, content_type="text/javascript")

    context.route(f"{_PAGE_URL}**", fulfil)
    page = context.new_page()
    page.goto(_PAGE_URL)
    return page


def bench(page: Page, name: str) -> Run:
    """Sets up one of ``benches.js`` as ``t``; returns what runs a script on it."""
    page.evaluate("async (name) => { window.t = (await import('/benches.js'))[name]() }", name)
    return lambda body: page.evaluate(f"async () => {{ const t = window.t; {body} }}")


@contextmanager
def context_of(
    browser: Browser, size: tuple[int, int] = WIDE, *, dark: bool = False, still: bool = True
) -> Iterator[BrowserContext]:
    """A fresh person: own storage, so a guest of their own. ``still`` asks for reduced motion."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if still else "no-preference",
        has_touch=size == PHONE,
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()


@dataclass
class ChatPage:
    """One tab with the chat in it. ``errors`` holds what the page threw or the browser refused to load."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, context: BrowserContext, url: str) -> ChatPage:
        chat = cls(context.new_page(), url)
        chat.page.on("pageerror", lambda error: chat.errors.append(str(error)))
        chat.page.on("console", lambda message: chat._console(message.type, message.text))
        chat.page.on("websocket", chat._websocket)
        chat.page.goto(url)
        chat.is_online()
        return chat

    def _console(self, kind: str, text: str) -> None:
        # A refused or broken socket is news of the network, which some tests cut on purpose.
        if kind == "error" and "WebSocket" not in text:
            self.errors.append(text)

    def _websocket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self.sent.extend(_frames(payload)))
        socket.on("framereceived", lambda payload: self.received.extend(_frames(payload)))

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def own(self) -> Locator:
        return self.page.locator(".message.own")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".message.other")

    @property
    def newest(self) -> Locator:
        return self.answers.last

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("complementary", name="Behind the answer")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def is_online(self) -> None:
        expect(self.page.locator("#status-text")).to_have_text("Online", timeout=PATIENCE_MS)
        expect(self.page.get_by_role("log")).not_to_have_attribute("aria-busy", "true", timeout=PATIENCE_MS)

    def is_offline(self) -> None:
        expect(self.page.locator("#status-text")).to_have_text("Offline", timeout=PATIENCE_MS)

    def write(self, text: str) -> None:
        """Type and send; does not wait for anything."""
        self.box.fill(text)
        self.box.press("Enter")

    def say(self, text: str) -> str:
        """Send and wait for the one answer; returns its text."""
        before = self.answers.count()
        self.write(text)
        expect(self.answers).to_have_count(before + 1, timeout=PATIENCE_MS)
        return self.newest.locator(".bubble").inner_text()

    def until(self, holds: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait for something about the frames that went to and fro."""
        end_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < end_s, "the frames that were waited for did not come"
            self.page.wait_for_timeout(20)

    def texts(self) -> list[tuple[str, str]]:
        """What stands on the page, top to bottom, as ("own" | "other", text)."""
        script = """() => [...document.querySelectorAll('.message')].map((message) => [
            message.classList.contains('own') ? 'own' : 'other', message.querySelector('.bubble').textContent])"""
        return [(side, text) for side, text in self.page.evaluate(script)]

    def settled(self, count: int) -> None:
        """``count`` own messages, all acked, each with its one answer."""
        expect(self.page.locator(".message.own.sent")).to_have_count(count, timeout=PATIENCE_MS)
        expect(self.answers).to_have_count(count, timeout=PATIENCE_MS)

    def stored(self, ws_url: str) -> list[dict[str, Any]]:
        """The conversation as the server holds it, asked by another client as the same user."""
        script = "() => ['token', 'conversation'].map((name) => JSON.parse(localStorage.getItem(`parlance.${name}`)))"
        token, key = self.page.evaluate(script)
        return history(ws_url, token, key)


def token_for(server: ServerProcess, kind: str, name: str) -> str:
    """As ``parlance token`` prints it on the server's machine."""
    made = CliRunner().invoke(app, ["token", "--kind", kind, "--sub", name, "--data-dir", str(server.data_dir)])
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


def _frames(payload: str | bytes) -> list[dict[str, Any]]:
    parsed = json.loads(payload)
    return parsed if isinstance(parsed, list) else [parsed]


def history(ws_url: str, token: str, key: str) -> list[dict[str, Any]]:
    """All messages of the conversation that ``token``'s user opened with ``key``."""
    with connect(ws_url, subprotocols=[Subprotocol("parlance.v1.json")]) as socket:

        def ask(frame: dict[str, Any], answer_type: str) -> dict[str, Any]:
            socket.send(json.dumps(frame))
            while True:
                for answer in _frames(socket.recv(timeout=PATIENCE_MS / 1000)):
                    if answer["type"] in {answer_type, "error"} and answer.get("id") == frame["id"]:
                        assert answer["type"] == answer_type, answer
                        return answer

        ask({"type": "connect", "id": 1, "token": token}, "welcome")
        channel = ask({"type": "open", "id": 2, "key": key}, "opened")["channel"]
        messages: list[dict[str, Any]] = []
        more = True
        while more:
            after = messages[-1]["offset"] if messages else 0
            page = ask({"type": "history", "id": 3, "channel": channel, "after": after, "limit": 200}, "history")
            messages += page["messages"]
            more = page["more"]
    return messages
