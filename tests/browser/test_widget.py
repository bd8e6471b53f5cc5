"""The widget on a page of another origin with a strict content security policy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocket, expect
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.browser.accessibility import findings, unreadable
from tests.browser.shop import Shop
from tests.browser.support import PATIENCE_MS, PHONE, WIDE, context_of, token_for
from tests.support.server import ServerProcess


@dataclass
class Visit:
    """One tab of the shop. ``said``: its console's warnings and errors; ``sent``: frames of its sockets."""

    page: Page
    said: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("console", lambda line: self.said.append(line.text) if line.type != "log" else None)
        self.page.on("websocket", self._websocket)

    def _websocket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self.sent.append(json.loads(payload)))
        socket.on("framereceived", lambda payload: self.received.append(json.loads(payload)))

    def part(self, selector: str) -> Locator:
        return self.page.locator(f"parlance-chat {selector}")

    @property
    def launcher(self) -> Locator:
        return self.part(".launcher")

    @property
    def box(self) -> Locator:
        return self.part("textarea")

    @property
    def answers(self) -> Locator:
        return self.part(".message.other:not(.draft)")

    def go(self, url: str) -> None:
        self.page.goto(url)
        expect(self.part(".launcher")).to_be_attached(timeout=PATIENCE_MS)

    def open(self) -> None:
        self.launcher.click()
        expect(self.part(".log")).not_to_have_attribute("aria-busy", "true")

    def write(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def say(self, text: str) -> None:
        before = self.answers.count()
        self.write(text)
        expect(self.answers).to_have_count(before + 1, timeout=PATIENCE_MS)

    def frames(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.sent if frame["type"] == kind]

    def until_it_says(self, text: str) -> None:
        """Wait for a line of the console that has ``text``."""
        if not any(text in line for line in self.said):
            self.page.wait_for_event("console", lambda line: text in line.text, timeout=PATIENCE_MS)

    def heard(self, kind: str) -> list[Any]:
        """What the page's own listeners were told."""
        all_told: list[list[Any]] = self.page.evaluate("window.heard")
        return [detail for told, detail in all_told if told == kind]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Shop]]:
    """A chat server that knows the shop's origin, and knows about lamps."""
    server = ServerProcess(tmp_path_factory.mktemp("widget") / "data", "--demo")
    with Shop(server.http_url) as shop:
        server.env["PARLANCE_ALLOWED_ORIGINS"] = json.dumps([shop.origin])
        with server:
            yield server, shop


@pytest.fixture
def shop(house: tuple[ServerProcess, Shop]) -> Shop:
    return house[1]


@pytest.fixture
def visit(context: BrowserContext, shop: Shop) -> Callable[..., Visit]:
    def enter(*, page: Page | None = None, **asked: Any) -> Visit:
        one = Visit(page or context.new_page())
        one.go(shop.url(**asked))
        return one

    return enter


def told_by_staff(server: ServerProcess, channel: str, *frames: dict[str, Any]) -> None:
    """Frames of an agent, each answered before the next."""
    with connect(server.ws_url, subprotocols=[Subprotocol("parlance.v1.json")]) as socket:
        told = [{"type": "connect", "token": token_for(server, "agent", "ann")}, *frames]
        for number, frame in enumerate(told):
            socket.send(json.dumps({**frame, "channel": channel, "id": number}))
            while (answer := json.loads(socket.recv(timeout=PATIENCE_MS / 1000))).get("id") != number:
                pass
            assert answer["type"] != "error", answer


def channel_of(one: Visit) -> str:
    return next(str(frame["channel"]) for frame in one.received if frame["type"] == "opened")


def test_a_visitor_is_answered_under_a_strict_policy(visit: Callable[..., Visit], context: BrowserContext) -> None:
    one = visit(attributes={"starters": "Where is my parcel?|Returns", "meta-plan": "gold"})
    assert one.sent == []  # nobody has asked for a chat yet
    one.open()
    expect(one.part(".greeting")).to_have_text("Hello! How can we help?")
    one.part(".welcome").get_by_role("button", name="Where is my parcel?").click()
    expect(one.answers).to_have_count(1, timeout=PATIENCE_MS)
    expect(one.part(".welcome .chips")).to_be_hidden()
    assert one.frames("open")[0]["metadata"] == {"plan": "gold", "page": f"{one.page.url.split('?')[0]}"}
    one.answers.last.get_by_role("button", name="Good answer").click()
    expect(one.answers.last.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    one.say("How long do I have to return a lamp?")
    chip = one.answers.last.locator(".chip").first
    text = chip.inner_text()
    chip.click()
    expect(one.part(".message.own").last.locator(".bubble")).to_have_text(text)
    expect(one.answers).to_have_count(3, timeout=PATIENCE_MS)
    assert one.frames("typing") != []
    assert {"ready", "open", "message", "state"} <= {kind for kind, _ in one.page.evaluate("window.heard")}
    # the page's rules stay outside, and nothing of the server's stays in the browser but the chat's own keys
    assert one.box.evaluate("(box) => getComputedStyle(box).letterSpacing") == "normal"
    assert one.part(".bubble").first.evaluate("(one) => getComputedStyle(one).fontFamily").startswith("system-ui")
    assert context.cookies() == []
    names = one.page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert names != []
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+/parlance\.\w+", name) for name in names)
    assert one.said == []


def test_it_comes_back_on_the_next_page_with_what_was_missed(
    visit: Callable[..., Visit], house: tuple[ServerProcess, Shop]
) -> None:
    server, _ = house
    one = visit()
    one.open()
    one.say("Hello")
    one.launcher.click()
    expect(one.part(".panel")).to_be_hidden()
    channel = channel_of(one)
    sources = [
        {"title": "Returns", "url": "https://shop.example/returns"},
        {"title": "<i>", "url": "javascript:alert(1)"},
    ]
    said = {"type": "send", "key": "1", "text": "<b>Ann</b> here", "data": {"citations": [*sources, sources[0], 7]}}
    told_by_staff(server, channel, {"type": "claim"}, said)
    expect(one.part(".badge")).to_have_text("1")
    expect(one.launcher).to_have_accessible_name("Open the chat, 1 unread message")
    expect(one.part("[role=status]").last).to_have_text("1 unread message")
    assert one.heard("unread")[-1] == {"count": 1}
    again = visit(page=one.page)
    expect(again.part(".badge")).to_have_text("1")
    again.open()
    expect(again.part(".about")).to_have_text("You are talking with ann.")
    expect(again.answers.last.locator(".bubble")).to_have_text("<b>Ann</b> here")
    again.answers.last.get_by_text("Sources (2)").click()
    expect(again.part(".sources li")).to_have_text(["Returns", "<i>"])
    expect(again.part(".sources a")).to_have_count(1)
    expect(again.part(".sources a")).to_have_attribute("href", "https://shop.example/returns")
    expect(again.part(".system").last).to_have_text("You are talking with ann.")
    expect(again.part(".badge")).to_be_hidden()
    other = visit()
    expect(other.part(".message")).to_have_count(3)
    expect(other.part(".badge")).to_be_hidden()
    told_by_staff(server, channel, {"type": "release"})
    expect(again.part(".about")).to_be_empty()
    again.part(".human").click()
    expect(again.part(".about")).to_have_text("A person will be with you soon.")
    assert one.said == other.said == []


def test_what_is_written_offline_is_sent_later_and_once(visit: Callable[..., Visit], context: BrowserContext) -> None:
    one = visit()
    one.open()
    one.say("Hello")
    context.set_offline(True)
    one.write("into the dark")
    expect(one.part(".trouble")).to_contain_text("No connection. What you write is sent as soon as it is back.")
    expect(one.part(".own[data-state=pending]")).to_have_count(1)
    context.set_offline(False)
    expect(one.answers).to_have_count(2, timeout=PATIENCE_MS)
    expect(one.part(".own[data-state=sent]")).to_have_count(2)
    expect(one.part(".trouble")).to_be_hidden()


def test_the_form_before_asks_once_and_says_what_is_wrong(visit: Callable[..., Visit]) -> None:
    one = visit(attributes={"pre-chat": "name,email*", "privacy": "https://shop.example/privacy"})
    one.launcher.click()
    start = one.part(".pre-chat").get_by_role("button", name="Start the chat")
    expect(one.part("input[name=name]")).to_be_focused()
    start.click()
    expect(one.part("#email-problem")).to_have_text("Please fill this in.")
    one.part("input[name=email]").fill("mia")
    start.click()
    expect(one.part("#email-problem")).to_have_text("This is no e-mail address.")
    expect(one.part("input[name=email]")).to_be_focused()
    assert one.sent == []
    one.part("input[name=name]").fill(" Mia ")
    one.part("input[name=email]").fill("mia@example.com")
    start.click()
    expect(one.box).to_be_focused()
    one.say("Hello")
    known = one.frames("open")[0]["metadata"]
    assert (known["name"], known["email"]) == ("Mia", "mia@example.com")
    again = visit(page=one.page, attributes={"pre-chat": "name,email*"})
    expect(again.part(".panel")).to_be_visible()  # as it was left
    expect(again.part(".message")).to_have_count(2)
    assert again.frames("open")[-1]["metadata"] == known  # whoever opens by a key again says the same


def test_identity_is_required_asked_for_and_changed(
    visit: Callable[..., Visit], house: tuple[ServerProcess, Shop]
) -> None:
    mia, ben = (token_for(house[0], "customer", name) for name in ("mia", "ben"))
    one = visit(attributes={"identity": "required", "token-function": "shop.chatToken"}, tokens=["", "spoilt", mia])
    one.launcher.click()
    expect(one.part(".trouble")).to_contain_text("Please sign in to chat.")
    assert one.sent == []
    one.part(".trouble").get_by_role("button").click()  # the first token is refused, and another is asked for
    expect(one.part(".trouble")).to_be_hidden(timeout=PATIENCE_MS)
    one.say("Hello, it is Mia")
    assert [frame["token"] for frame in one.frames("connect")] == ["spoilt", mia]
    assert one.page.evaluate("shop.asked") == 3
    assert mia not in one.page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
    one.page.evaluate("(token) => parlance.identify(token)", ben)
    expect(one.part(".message")).to_have_count(0, timeout=PATIENCE_MS)
    one.say("Hello, it is Ben")
    users = [frame["user"]["id"] for frame in one.received if frame["type"] == "welcome"]
    assert users == ["mia", "ben"]
    one.page.evaluate("parlance.forget()")
    assert one.page.evaluate("[...Object.keys(localStorage)]") == []
    expect(one.part(".panel")).to_be_hidden()


def test_a_page_opens_it_and_the_focus_goes_there_and_back(visit: Callable[..., Visit]) -> None:
    one = visit(attributes={"launcher": "off"})
    expect(one.launcher).to_be_hidden()
    opener = one.page.locator("#help")
    opener.click()
    expect(one.box).to_be_focused()
    dialog = one.page.get_by_role("dialog", name="Chat")
    expect(dialog).to_be_visible()
    one.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert [kind for kind, _ in one.page.evaluate("heard") if kind in {"open", "close"}] == ["open", "close"]
    one.page.evaluate("parlance.send('Hello from the page')")
    expect(one.answers).to_have_count(1, timeout=PATIENCE_MS)


def test_on_a_phone_it_is_the_whole_screen(browser: Browser, shop: Shop) -> None:
    with context_of(browser, PHONE) as context:
        one = Visit(context.new_page())
        one.go(shop.url())
        one.open()
        panel = one.part(".panel")
        assert panel.bounding_box() == {"x": 0, "y": 0, "width": PHONE[0], "height": PHONE[1]}
        expect(panel).to_have_attribute("aria-modal", "true")
        expect(one.launcher).to_be_hidden()
        for key in ["Tab"] * 7 + ["Shift+Tab"] * 7:
            one.page.keyboard.press(key)
            assert one.page.evaluate("document.activeElement.localName") == "parlance-chat"
        assert one.page.evaluate("document.documentElement.style.overflow") == "hidden"
        one.page.keyboard.press("Escape")
        expect(one.launcher).to_be_focused()
        assert one.page.evaluate("document.documentElement.style.overflow") == ""


def test_a_refused_origin_is_told_by_the_name_of_the_setting(context: BrowserContext, server: ServerProcess) -> None:
    with Shop(server.http_url) as stranger:
        one = Visit(context.new_page())
        one.go(stranger.url())
        one.launcher.click()
        expect(one.part(".trouble")).to_contain_text("No connection")
        told = f"does not let pages of {stranger.origin} connect"
        one.until_it_says(told)
        assert any("allowed_origins" in line for line in one.said)


def test_a_policy_that_forbids_the_connection_is_told_with_the_line_to_add(
    context: BrowserContext, server: ServerProcess
) -> None:
    with Shop(server.http_url, connect=False) as strict:
        one = Visit(context.new_page())
        one.go(strict.url(lang="fr"))  # its words can't be had either
        one.launcher.click()
        expect(one.launcher).to_have_accessible_name("Close the chat")
        line = f"connect-src {server.http_url} {server.ws_url.removesuffix('/ws')}"
        one.until_it_says(line)


@pytest.mark.parametrize("language", ["ar", "ja"])
def test_it_speaks_the_pages_language(visit: Callable[..., Visit], language: str) -> None:
    one = visit(lang=language)
    one.open()
    send = {"ar": "إرسال", "ja": "送信"}[language]
    expect(one.part(".send")).to_have_accessible_name(send)
    host = one.page.locator("parlance-chat")
    expect(host).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    expect(host).to_have_attribute("lang", language)
    launcher = one.launcher.bounding_box()
    assert launcher is not None
    assert (launcher["x"] < WIDE[0] / 2) is (language == "ar")
    assert one.said == []


def test_right_to_left_is_the_mirror_image_and_motion_is_reduced(visit: Callable[..., Visit]) -> None:
    parts = (".launcher", ".panel", ".send", ".tool:last-of-type", ".own .bubble")
    seen: dict[str, list[dict[str, float]]] = {}
    for language in ("en", "ar"):
        one = visit(lang=language)
        one.open()
        one.say("42")
        boxes = [one.part(part).first.bounding_box() for part in parts]
        seen[language] = [{"left": box["x"], "right": WIDE[0] - box["x"] - box["width"]} for box in boxes if box]
        assert one.part(".log").evaluate("(log) => log.scrollWidth - log.clientWidth") == 0
        assert findings(one.page, ["parlance-chat"]) == []
    for name, left, right in zip(parts, seen["en"], seen["ar"], strict=True):
        # The outer edge is the mirror image; how wide something is depends on its words.
        near = "left" if left["left"] < left["right"] else "right"
        assert right["right" if near == "left" else "left"] == pytest.approx(left[near], abs=1), name
    lasts = "(button) => getComputedStyle(button).transitionDuration"
    assert one.launcher.evaluate(lasts) == "0s"
    one.page.emulate_media(reduced_motion="no-preference")
    assert one.launcher.evaluate(lasts) == "0.14s"


def test_wrong_attributes_are_named_and_replaced(visit: Callable[..., Visit]) -> None:
    one = visit(attributes={"theme": "neon", "pre-chat": "phone", "position": "bottom-left", "language": "xx"})
    assert any('data-theme="neon": it is auto, light, dark' in line for line in one.said)
    assert any('data-pre-chat: "phone" is no field' in line for line in one.said)
    launcher = one.launcher.bounding_box()
    assert launcher is not None
    assert launcher["x"] < WIDE[0] / 2


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (PHONE, True)], ids=["wide light", "phone dark"])
def test_it_can_be_read_in_any_colour(browser: Browser, shop: Shop, size: tuple[int, int], dark: bool) -> None:
    with context_of(browser, size, dark=dark) as context:
        one = Visit(context.new_page())
        one.go(shop.url({"pre-chat": "name", "privacy": "https://shop.example"}))
        one.launcher.click()
        assert audited(one.page) == []
        one.part(".primary").click()
        one.say("My parcel is late, see https://example.com/tracking")
        one.part(".thumb").first.click()
        assert audited(one.page) == []
        context.set_offline(True)
        one.write("x" * 200)
        expect(one.part(".trouble")).to_be_visible()
        assert findings(one.page, ["parlance-chat"]) == []
        assert one.part(".log").evaluate("(log) => log.scrollWidth - log.clientWidth") == 0


ACCENTS = ("gold", "#c2410c", "#1d4ed8", "#e11d48", "black", "white", "#888")


def audited(page: Page) -> list[str]:
    """What axe finds in the widget, and with each accent that a page may choose on what wears it."""
    host = "parlance-chat"
    found = findings(page, [host])
    wear = f"(colour) => document.querySelector('{host}').style.setProperty('--parlance-accent', colour)"
    for accent in ACCENTS:
        page.evaluate(wear, accent)
        found += [f"{accent}: {one}" for one in unreadable(page, [host])]
    page.evaluate(wear, "")
    return found
