"""Servers die, links break, tabs multiply: nothing is lost and nothing comes twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, WebSocketRoute, expect

from tests.browser.support import ChatPage
from tests.support.server import ServerProcess

Open = Callable[[BrowserContext], ChatPage]


def once_each(chat: ChatPage, server: ServerProcess, texts: list[str]) -> None:
    """The page and the server agree, and each text stands there once, in the order written."""
    stored = chat.stored(server.ws_url)
    mine = [message for message in stored if message["from"]["kind"] == "customer"]
    assert [message["text"] for message in mine] == texts
    assert [message["offset"] for message in stored] == list(range(1, len(stored) + 1))
    answered = Counter(message.get("reply_to") for message in stored if message["from"]["kind"] == "bot")
    assert answered == Counter(message["message_id"] for message in mine)
    assert chat.texts() == [("own" if m["from"]["kind"] == "customer" else "other", m["text"]) for m in stored]


def test_a_killed_server_in_mid_chat(context: BrowserContext, own_server: ServerProcess) -> None:
    chat = ChatPage.open(context, own_server.http_url)
    chat.say("before the crash")
    own_server.kill()
    chat.is_offline()
    chat.write("written while away")
    chat.write("and another")
    expect(chat.page.locator(".message.own.pending")).to_have_count(2)
    expect(chat.page.locator("#trouble")).to_contain_text("What you write is kept")
    own_server.start()
    chat.settled(3)
    chat.is_online()
    chat.say("after the crash")
    texts = ["before the crash", "written while away", "and another", "after the crash"]
    once_each(chat, own_server, texts)
    chat.page.reload()
    chat.is_online()
    once_each(chat, own_server, texts)


def test_a_server_killed_right_after_the_send(context: BrowserContext, own_server: ServerProcess) -> None:
    chat = ChatPage.open(context, own_server.http_url)
    texts = ["hello"]
    chat.say("hello")
    for number in range(2):
        chat.write(f"shot {number}")
        own_server.kill()
        own_server.start()
        texts.append(f"shot {number}")
        chat.settled(len(texts))
    once_each(chat, own_server, texts)


def test_a_reload_while_the_server_is_away_keeps_what_was_written(
    context: BrowserContext, own_server: ServerProcess
) -> None:
    chat = ChatPage.open(context, own_server.http_url)
    chat.say("hello")
    # The page itself can't be loaded while its server is dead, so only the socket is.
    context.route_web_socket("**/ws", lambda route: route.close(code=1013))
    other = context.new_page()
    other.goto(own_server.http_url)
    apart = ChatPage(other, own_server.http_url)
    apart.is_offline()
    apart.write("kept over a reload")
    other.reload()
    expect(other.locator(".message.own.pending")).to_have_count(1)
    context.unroute_all()
    context.route_web_socket("**/ws", lambda route: route.connect_to_server() and None)
    other.reload()
    apart.settled(2)
    once_each(apart, own_server, ["hello", "kept over a reload"])
    once_each(chat, own_server, ["hello", "kept over a reload"])


def test_an_ack_lost_on_the_way(context: BrowserContext, open_chat: Open, server: ServerProcess) -> None:
    keys: list[str] = []
    context.route_web_socket("**/ws", lambda route: swallow_first_ack(route, keys))
    chat = open_chat(context)
    chat.write("is this stored?")
    chat.settled(1)
    assert len(keys) >= 1
    assert len(set(keys)) == 1
    once_each(chat, server, ["is this stored?"])


def swallow_first_ack(route: WebSocketRoute, keys: list[str]) -> None:
    """Relay all but what tells the page that its first message is stored; then break the link."""
    upstream = route.connect_to_server()
    deaf = False

    def to_server(payload: str | bytes) -> None:
        nonlocal deaf
        frame = json.loads(payload)
        if frame["type"] == "send":
            keys.append(frame["key"])
            deaf = len(keys) == 1
        upstream.send(payload)

    def to_page(payload: str | bytes) -> None:
        if not deaf:
            route.send(payload)
        elif any(frame["type"] == "ack" for frame in frames(payload)):
            route.close(code=4999)

    route.on_message(to_server)
    upstream.on_message(to_page)


def frames(payload: str | bytes) -> list[dict[str, Any]]:
    parsed = json.loads(payload)
    return parsed if isinstance(parsed, list) else [parsed]


def test_two_tabs_are_one_user_in_one_conversation(
    context: BrowserContext, open_chat: Open, server: ServerProcess
) -> None:
    one, two = open_chat(context), open_chat(context)
    one.say("from the first tab")
    two.settled(1)
    two.say("from the second tab")
    one.settled(2)
    assert one.texts() == two.texts()
    once_each(one, server, ["from the first tab", "from the second tab"])
    one.newest.get_by_role("button", name="Good answer").click()
    expect(two.newest.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    two.button("New conversation").click()
    expect(one.own).to_have_count(0)
    two.say("a new start")
    one.settled(1)


def test_tabs_opened_together_become_one_guest(context: BrowserContext, server: ServerProcess) -> None:
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(server.http_url, wait_until="commit")
    chats = [ChatPage(tab, server.http_url) for tab in tabs]
    for chat in chats:
        chat.is_online()
    chats[0].say("hello from one of three")
    for chat in chats:
        chat.settled(1)


def test_a_refused_token_becomes_a_new_guest(chat: ChatPage) -> None:
    chat.say("Hello")
    chat.page.evaluate("() => localStorage.setItem('parlance.token', JSON.stringify('not.a.token'))")
    chat.page.reload()
    chat.is_online()
    chat.say("Hello again")
    assert chat.page.evaluate("() => JSON.parse(localStorage.getItem('parlance.token'))") != "not.a.token"


def test_a_ban_is_said_and_not_answered_by_reconnecting(context: BrowserContext, server: ServerProcess) -> None:
    dialled: list[str] = []

    def ban(route: WebSocketRoute) -> None:
        dialled.append(route.url)
        route.close(code=4403)

    context.route_web_socket("**/ws", ban)
    page = context.new_page()
    page.goto(server.http_url)
    expect(page.locator("#status-text")).to_have_text("Disconnected")
    expect(page.locator("#trouble")).to_contain_text("This server has closed the chat for you.")
    assert len(dialled) == 1
    page.get_by_role("button", name="Connect again").click()
    expect(page.locator("#status-text")).to_have_text("Disconnected")
    assert len(dialled) == 2


def test_a_dead_link_is_told_with_a_countdown_and_tried_on_demand(chat: ChatPage, context: BrowserContext) -> None:
    chat.say("Hello")
    context.set_offline(True)
    chat.write("into the dark")
    chat.is_offline()
    expect(chat.page.locator("#trouble-countdown")).to_contain_text("Next try in")
    context.set_offline(False)
    chat.settled(2)
    chat.is_online()
    expect(chat.page.locator("#trouble")).to_be_hidden()
