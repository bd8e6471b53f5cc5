"""The agent's page on the real server: taking over, answering, what was understood, and coming back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.browser.support import PHONE, WIDE, context_of, token_for
from tests.browser.test_looks import LOOKS, audit, overflow
from tests.support.server import ServerProcess


class Customer:
    """A guest on a socket of their own, with one conversation."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._asked = 0
        self.heard: list[dict[str, Any]] = []
        self.ask(type="connect")
        self.channel: str = self.ask(type="open", key=uuid4().hex)["channel"]

    def ask(self, **frame: Any) -> dict[str, Any]:
        self._asked += 1
        self._socket.send(json.dumps({**frame, "id": self._asked}))
        while True:
            for answer in self._receive():
                if answer.get("id") == self._asked:
                    assert answer["type"] != "error", answer
                    return answer

    def say(self, text: str) -> None:
        self.ask(type="send", channel=self.channel, key=uuid4().hex, text=text)

    def says_and_hears(self, text: str) -> None:
        """Send, and wait for what the bot says to it; both are heard here."""
        count = sum(frame["type"] == "message" for frame in self.heard) + 2
        self.say(text)
        while sum(frame["type"] == "message" for frame in self.heard) < count:
            self._receive()

    def wants_a_person(self) -> None:
        self.ask(type="handoff", channel=self.channel, reason="asked")

    def hears(self, text: str) -> dict[str, Any]:
        """Wait for a message with that text."""
        while True:
            for frame in self.heard:
                if frame["type"] == "message" and frame["text"] == text:
                    return frame
            self._receive()

    def _receive(self) -> list[dict[str, Any]]:
        parsed = json.loads(self._socket.recv(timeout=30))
        frames: list[dict[str, Any]] = parsed if isinstance(parsed, list) else [parsed]
        self.heard += frames
        return frames


@contextmanager
def customer(server: ServerProcess) -> Iterator[Customer]:
    with connect(server.ws_url, subprotocols=[Subprotocol("parlance.v1.json")]) as socket:
        yield Customer(socket)


class AgentPage:
    """One agent's tab."""

    def __init__(self, context: BrowserContext, server: ServerProcess, name: str = "ann") -> None:
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)
        self.page.goto(f"{server.http_url}/agent#token={token_for(server, 'agent', name)}")
        self.is_online(name)

    def _console(self, message: Any) -> None:
        if message.type == "error" and "WebSocket" not in message.text and "ERR_CONNECTION" not in message.text:
            self.errors.append(message.text)

    def is_online(self, name: str = "ann") -> None:
        expect(self.page.locator("#link-text")).to_have_text(f"{name}, online")

    def waiting(self, text: str) -> Locator:
        return self.page.locator("#waiting .row", has_text=text)

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Answer")

    @property
    def state(self) -> Locator:
        return self.page.locator("#thread-state")

    def take(self, text: str) -> None:
        self.waiting(text).get_by_role("button", name="Take over").click()
        expect(self.state).to_have_text("You answer.")

    def answer(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")


Open = Callable[[], AgentPage]


@pytest.fixture
def agent(context: BrowserContext, server: ServerProcess) -> Iterator[AgentPage]:
    found = AgentPage(context, server)
    yield found
    assert found.errors == []


def test_a_customers_token_opens_nothing(context: BrowserContext, server: ServerProcess) -> None:
    page = context.new_page()
    page.goto(f"{server.http_url}/agent#token={token_for(server, 'customer', 'carl')}")
    expect(page.locator("#sign-in-problem")).to_have_text(
        "This is a token of kind customer. The page needs one of kind agent."
    )
    expect(page.locator("#lists")).to_be_hidden()


def test_from_waiting_to_resolved_and_back_to_the_bot(agent: AgentPage, server: ServerProcess) -> None:
    name = f"parcel {uuid4().hex[:8]}"
    with customer(server) as other:
        other.say(f"my {name} is broken and I am angry")
        other.wants_a_person()
        expect(agent.waiting(name)).to_contain_text("urgency")
        agent.take(name)
        expect(agent.waiting(name)).to_have_count(0)
        agent.answer("Hello, I am Ann <b>really</b>")
        answer = other.hears("Hello, I am Ann <b>really</b>")
        assert answer["from"] == {"id": "ann", "kind": "agent", "name": "ann"}
        expect(agent.page.locator(".message.own.sent")).to_have_count(1)
        expect(agent.box).to_have_value("")
        other.say("Thank you so much, that is wonderful!")
        panel = agent.page.get_by_role("complementary", name="About the conversation")
        expect(panel.locator(".quote")).to_have_text("Thank you so much, that is wonderful!")
        expect(panel.locator(".trend-text")).to_contain_text("Mood of the last 2 messages: better")
        agent.page.get_by_role("button", name="Resolve", exact=True).click()
        expect(agent.state).to_have_text("You answer. Resolved.")
        agent.page.get_by_role("button", name="Back to the bot").click()
        expect(agent.state).to_contain_text("The bot answers.")
        expect(agent.box).to_be_hidden()


def test_whoever_is_quicker_holds_it(agent: AgentPage, browser: Browser, server: ServerProcess) -> None:
    name = f"invoice {uuid4().hex[:8]}"
    with customer(server) as other, context_of(browser) as elsewhere:
        second = AgentPage(elsewhere, server, "ben")
        other.say(f"my {name} is wrong")
        other.wants_a_person()
        second.waiting(name).locator(".row-open").click()
        expect(second.state).to_contain_text("Waits for a human")
        agent.take(name)
        expect(second.state).to_have_text("ann answers.")
        expect(second.page.locator("#claim")).to_be_hidden()
        expect(second.box).to_be_hidden()


def test_the_desk_survives_a_reload_and_a_restart(context: BrowserContext, own_server: ServerProcess) -> None:
    agent = AgentPage(context, own_server)
    with customer(own_server) as other:
        other.say("where is my hat")
        other.wants_a_person()
        agent.take("where is my hat")
        agent.answer("I am looking")
        other.hears("I am looking")
    agent.page.reload()
    agent.is_online()
    agent.page.locator("#mine .row").click()
    expect(agent.state).to_have_text("You answer.")
    expect(agent.page.locator(".message.own")).to_have_count(1)
    own_server.kill()
    expect(agent.page.locator("#link")).to_have_attribute("data-state", "waiting")
    agent.answer("It is on its way")
    expect(agent.page.locator(".message.own.pending")).to_have_count(1)
    own_server.start()
    agent.is_online()
    expect(agent.page.locator(".message.own.sent")).to_have_count(2)
    expect(agent.page.locator(".message")).to_have_count(4)


def test_saved_replies(agent: AgentPage, server: ServerProcess) -> None:
    name = f"ticket {uuid4().hex[:8]}"
    with customer(server) as other:
        other.say(f"about my {name}")
        other.wants_a_person()
        agent.take(name)
        agent.page.get_by_role("button", name="Saved replies").click()
        dialog = agent.page.get_by_role("dialog", name="Saved replies")
        lines = dialog.get_by_role("textbox")
        lines.fill("one")
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(dialog).to_contain_text("Line 1 needs a short name, a space and a text.")
        lines.fill("van The van comes tomorrow, {name}.\nvat VAT is included.")
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(dialog).to_be_hidden()
        agent.box.fill("/va")
        expect(agent.page.locator("#canned").get_by_role("option")).to_have_count(2)
        agent.box.fill("/van")
        agent.box.press("Enter")
        expect(agent.box).to_have_value("The van comes tomorrow, Guest.")
        agent.box.press("Enter")
        other.hears("The van comes tomorrow, Guest.")


def test_shortcuts_and_drafts(agent: AgentPage, server: ServerProcess) -> None:
    names = [f"case {uuid4().hex[:8]}" for _ in range(2)]
    with customer(server) as one, customer(server) as two:
        for other, name in zip((one, two), names, strict=True):
            other.say(name)
            other.wants_a_person()
            agent.take(name)
        agent.box.fill("half a thou")
        agent.page.keyboard.press("Alt+ArrowUp")
        expect(agent.page.locator(".message.other").first).to_contain_text(names[0])
        expect(agent.box).to_have_value("")
        agent.page.keyboard.press("Alt+ArrowDown")
        expect(agent.box).to_have_value("half a thou")
        agent.page.keyboard.press("Alt+KeyB")
        expect(agent.state).to_contain_text("The bot answers.")
        agent.page.keyboard.press("Alt+KeyW")
        expect(agent.page.locator("#mine .row")).to_have_count(1)


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_passes_the_audit(look: str, browser: Browser, server: ServerProcess) -> None:
    size, dark = LOOKS[look]
    name = f"lamp {uuid4().hex[:8]}"
    with context_of(browser, size, dark=dark) as context, customer(server) as other:
        other.say(f"{name} " + "x" * 300)
        other.wants_a_person()
        agent = AgentPage(context, server)
        expect(agent.waiting(name)).to_be_visible()
        assert audit(agent.page) == []
        assert overflow(agent.page) == []
        agent.take(name)
        agent.answer("y" * 300)
        expect(agent.page.locator(".message.own.sent")).to_have_count(1)
        assert audit(agent.page) == []
        assert overflow(agent.page) == []
        if size == PHONE:
            agent.page.get_by_role("button", name="Details").click()
            assert audit(agent.page) == []
            agent.page.get_by_role("button", name="Details").click()
            agent.page.get_by_role("button", name="Back", exact=True).click()
            expect(agent.page.locator("#lists")).to_be_visible()
        agent.page.reload()
        assert agent.errors == []


@pytest.mark.parametrize("width", [320, 1024, 1920])
def test_nothing_scrolls_sideways(browser: Browser, server: ServerProcess, width: int) -> None:
    with context_of(browser, (width, WIDE[1])) as context:
        assert overflow(AgentPage(context, server).page) == []
