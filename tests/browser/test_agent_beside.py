"""What stands beside a conversation on the agent's page: notes, the customer, passing on, searching."""

from __future__ import annotations

import json
import re
from uuid import uuid4

from playwright.sync_api import Browser, Locator, expect
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.browser.support import PHONE, ChatPage, context_of, token_for
from tests.browser.test_agent import AgentPage, customer
from tests.browser.test_looks import audit, overflow
from tests.support.server import ServerProcess


def dialog(agent: AgentPage, name: str) -> Locator:
    return agent.page.get_by_role("dialog", name=name)


def test_notes_a_colleague_and_a_search(browser: Browser, server: ServerProcess) -> None:
    """One conversation goes from Ann to Ben, with a note, and is found again; the customer hears nothing of why."""
    word = f"zither{uuid4().hex[:8]}"
    people = [f"{name}-{uuid4().hex[:6]}" for name in ("ann", "ben")]
    with context_of(browser) as one, context_of(browser) as two, customer(server) as other:
        ann, ben = (AgentPage(context, server, name) for context, name in zip((one, two), people, strict=True))
        other.say(f"my {word} is out of tune")
        other.wants_a_person()
        ann.take(word)
        ann.page.keyboard.press("Alt+KeyT")
        note = ann.page.get_by_role("textbox", name="Note for agents")
        expect(note).to_be_focused()
        note.fill("has a <b>bad</b> ear")
        note.press("Enter")
        expect(ann.page.locator(".note-text")).to_have_text("has a <b>bad</b> ear")
        ann.page.get_by_role("tab", name="Customer").click()
        expect(ann.page.locator("#customer .facts")).to_contain_text("Conversations1")
        expect(ann.page.locator("#customer")).to_contain_text("This is their first conversation.")
        assert audit(ann.page) == []
        ann.page.keyboard.press("Alt+KeyP")
        passing = dialog(ann, "Pass on")
        passing.get_by_role("button", name="Pass on").click()
        expect(passing.get_by_role("alert")).to_have_text("Say why it goes back to the queue.")
        passing.get_by_role("radio", name=people[1]).check()
        passing.get_by_role("textbox", name="Why").fill("he is the musician")
        assert audit(ann.page) == []
        passing.get_by_role("button", name="Pass on").click()
        expect(passing).to_be_hidden()
        expect(ann.state).to_have_text(f"{people[1]} answers.")
        expect(ann.page.locator("#reply")).to_be_hidden()
        ben.page.get_by_role("button", name="Show", exact=True).click()
        expect(ben.state).to_have_text("You answer.")
        ben.page.get_by_role("tab", name="Notes").click()
        expect(ben.page.locator(".note-text")).to_have_text(
            ["has a <b>bad</b> ear", f"Passed on to {people[1]}: he is the musician"]
        )
        ann.page.keyboard.press("Alt+KeyS")
        search = dialog(ann, "Search conversations")
        search.get_by_role("searchbox").fill(word.upper()[:10])
        expect(search.locator("#search-found mark")).to_have_text(word[:10])
        expect(search.locator("#search-found .row-note")).to_contain_text(f"with {people[1]}")
        assert audit(ann.page) == []
        search.get_by_role("searchbox").fill(f"{word} never")
        expect(search.get_by_role("status")).to_have_text("Nothing was found.")
        search.get_by_role("button", name="Close").click()
        assert "bad" not in str(other.heard) and "musician" not in str(other.heard)
        assert ann.errors == ben.errors == []


def test_a_phone_has_room_for_all_of_it(browser: Browser, server: ServerProcess) -> None:
    word = f"drum{uuid4().hex[:8]}"
    with context_of(browser, PHONE, dark=True) as context, customer(server) as other:
        other.say(f"{word} " + "y" * 200)
        other.wants_a_person()
        agent = AgentPage(context, server)
        agent.page.get_by_role("button", name="Search").click()
        expect(dialog(agent, "Search conversations").locator("#search-found .row").first).to_be_visible()
        assert audit(agent.page) == []
        assert overflow(agent.page) == []
        agent.page.get_by_role("button", name="Close", exact=True).last.click()
        agent.take(word)
        agent.page.get_by_role("button", name="Details").click()
        for tab in ("Customer", "Notes"):
            agent.page.get_by_role("tab", name=tab).click()
            assert audit(agent.page) == []
            assert overflow(agent.page) == []
        assert agent.errors == []


def test_a_token_in_the_tab_is_the_agents_own(browser: Browser, server: ServerProcess) -> None:
    """Whoever has no token sees no search: the buttons are not there before the page knows who asks."""
    with context_of(browser) as context:
        page = context.new_page()
        page.goto(f"{server.http_url}/agent")
        expect(page.locator("#sign-in")).to_be_visible()
        expect(page.locator("#find")).to_be_hidden()
        page.locator("#token").fill(token_for(server, "agent", "late"))
        page.locator("#token").press("Enter")
        expect(page.locator("#find")).to_be_visible()


def test_suggestions_become_part_of_the_draft(browser: Browser, server: ServerProcess) -> None:
    """By click and by shortcut, never sent by themselves; a saved reply that has the customer's words is among them."""
    word = f"oboe{uuid4().hex[:8]}"
    with context_of(browser) as context, customer(server) as other:
        other.say(f"my order of a {word} has not come, where is it?")
        other.wants_a_person()
        agent = AgentPage(context, server, f"ann-{uuid4().hex[:6]}")
        agent.take(word)
        agent.page.keyboard.press("Alt+KeyA")
        rows = agent.page.locator("#suggest-list .suggestion")
        expect(rows.first).to_contain_text("Written")
        saved = rows.filter(has_text="Could you tell me your order number, please?")
        expect(saved).to_contain_text("Saved reply /order")
        assert audit(agent.page) == []
        agent.box.fill("One moment.")
        saved.click()
        expect(agent.box).to_have_value("One moment. Could you tell me your order number, please?")
        agent.box.fill("")
        written = rows.first.locator(".suggestion-text").inner_text()
        agent.page.keyboard.press("Alt+Digit1")
        expect(agent.box).to_have_value(re.compile(re.escape(written.removesuffix("…"))))
        manner = agent.page.get_by_label("Manner")
        expect(manner.locator("option")).not_to_have_count(1)
        manner.select_option(index=1)
        expect(rows.first).to_contain_text(f"Written, {manner.input_value()}")
        assert not [frame for frame in other.heard if (frame.get("from") or {}).get("kind") == "agent"]
        agent.page.keyboard.press("Alt+KeyA")
        expect(agent.page.locator("#suggest")).to_be_hidden()
        agent.page.get_by_role("button", name="Shortcuts").click()
        expect(agent.page.locator("#keys")).to_contain_text("suggested answers")
        assert audit(agent.page) == []
        assert agent.errors == []


def test_a_customer_is_asked_once(browser: Browser, server: ServerProcess) -> None:
    """The chat page asks after an agent has resolved, takes stars and a word, and asks no more; nor after a reload."""
    word = f"lute{uuid4().hex[:8]}"
    with context_of(browser) as one, context_of(browser, PHONE) as two:
        chat = ChatPage.open(two, server.http_url)
        chat.say(f"my {word} is flat, I want a human")
        agent = AgentPage(one, server, name := f"ann-{uuid4().hex[:6]}")
        if agent.waiting(word).count() == 0:
            key = chat.page.evaluate("() => JSON.parse(localStorage.getItem('parlance.conversation'))")
            token = chat.page.evaluate("() => JSON.parse(localStorage.getItem('parlance.token'))")
            ask_for_a_person(server.ws_url, token, key)
        agent.take(word)
        survey = chat.page.locator("#survey")
        expect(survey).to_be_hidden()
        agent.page.get_by_role("button", name="Resolve").click()
        expect(survey).to_contain_text(f"How was the conversation with {name}?")
        assert audit(chat.page) == []
        assert overflow(chat.page) == []
        survey.get_by_role("radio", name="4, Good").check(force=True)
        expect(survey.get_by_role("status")).to_have_text("Good")
        survey.get_by_role("textbox", name="Anything to add?").fill("quick & kind")
        assert audit(chat.page) == []
        survey.get_by_role("button", name="Send").click()
        expect(survey).to_be_hidden()
        rated = next(frame for frame in chat.sent if frame["type"] == "rate")
        assert (rated["rating"], rated["comment"]) == (0.75, "quick & kind")
        chat.page.reload()
        chat.is_online()
        expect(survey).to_be_hidden()
        agent.page.get_by_role("tab", name="Customer").click()
        expect(agent.page.locator("#customer .facts")).to_contain_text("4.0 of 5, once")
        assert agent.errors == chat.errors == []


def ask_for_a_person(url: str, token: str, key: str) -> None:
    """As the customer who chats on the page."""
    with connect(url, subprotocols=[Subprotocol("parlance.v1.json")]) as socket:
        for frame in ({"type": "connect", "token": token}, {"type": "open", "key": key}):
            socket.send(json.dumps({**frame, "id": 1}))
            answer = json.loads(socket.recv(timeout=30))
            while "id" not in answer:
                answer = json.loads(socket.recv(timeout=30))
        socket.send(json.dumps({"type": "handoff", "id": 2, "channel": answer["channel"]}))
        while json.loads(socket.recv(timeout=30)).get("id") != 2:
            pass
