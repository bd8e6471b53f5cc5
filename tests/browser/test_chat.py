"""A person chats: writes, is answered, gives a thumb, looks behind the answer, comes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import BrowserContext, expect

import adapters
from adapters.personas import parse_personas
from tests.browser.support import ChatPage
from tests.support.server import ServerProcess

Open = Callable[[BrowserContext], ChatPage]


def test_a_message_is_sent_acked_and_answered_by_a_persona(chat: ChatPage, server: ServerProcess) -> None:
    expect(chat.page.get_by_role("heading", name="Say it your way.")).to_be_visible()
    chat.box.press_sequentially("Hello there, how are you?")
    chat.box.press("Enter")
    expect(chat.box).to_have_value("")
    chat.settled(1)
    expect(chat.own.locator(".state")).to_have_attribute("title", "Sent")
    expect(chat.page.get_by_role("heading", name="Say it your way.")).to_be_hidden()
    shipped = yaml.safe_load((Path(adapters.__file__).parent / "personas.yaml").read_text())
    titles = {persona.title for persona in parse_personas(shipped)}
    assert chat.newest.locator(".speaker").inner_text() in titles
    assert chat.newest.locator(".bubble").inner_text().strip() != ""
    assert [message["text"] for message in chat.stored(server.ws_url)] == [text for _, text in chat.texts()]


def test_enter_sends_and_shift_enter_starts_a_new_line(chat: ChatPage) -> None:
    low = chat.box.bounding_box()
    chat.box.fill("one")
    chat.box.press("Shift+Enter")
    chat.box.type("two")
    expect(chat.own).to_have_count(0)
    high = chat.box.bounding_box()
    assert low and high and high["height"] > low["height"]
    chat.box.press("Enter")
    chat.settled(1)
    assert chat.texts()[0] == ("own", "one\ntwo")
    after = chat.box.bounding_box()
    assert after and after["height"] == low["height"]


def test_blank_text_is_not_sent(chat: ChatPage) -> None:
    expect(chat.button("Send")).to_be_disabled()
    chat.write("  \n ")
    chat.say("real")
    assert [frame["text"] for frame in chat.sent if frame["type"] == "send"] == ["real"]


def test_the_counter_shows_near_the_limit_and_stops_beyond_it(chat: ChatPage) -> None:
    counter = chat.page.locator("#counter")
    chat.box.fill("😀" * 7_199)
    expect(counter).to_be_hidden()
    chat.box.fill("😀" * 7_999)
    expect(counter).to_have_text("7,999 of 8,000")
    chat.box.fill("😀" * 8_001)
    expect(counter).to_have_text("1 character too many")
    expect(chat.button("Send")).to_be_disabled()
    chat.box.press("Enter")
    expect(chat.own).to_have_count(0)
    chat.box.fill("😀" * 8_000)
    chat.box.press("Enter")
    chat.settled(1)
    assert chat.texts()[0] == ("own", "😀" * 8_000)


def test_a_thumb_is_accepted_kept_and_changeable(chat: ChatPage) -> None:
    chat.say("My card was declined and I am furious!!")
    up = chat.newest.get_by_role("button", name="Good answer")
    down = chat.newest.get_by_role("button", name="Bad answer")

    def accepted() -> list[float]:
        ids = {frame["id"] for frame in chat.received if frame["type"] == "feedback" and frame["accepted"]}
        return [frame["rating"] for frame in chat.sent if frame["type"] == "feedback" and frame["id"] in ids]

    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(down).to_have_attribute("aria-pressed", "false")
    down.click()
    expect(up).to_have_attribute("aria-pressed", "false")
    expect(down).to_have_attribute("aria-pressed", "true")
    chat.until(lambda: accepted() == [1, 0])  # a page that goes before it heard so sends again
    chat.page.reload()
    chat.is_online()
    expect(chat.answers.first.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    assert accepted() == [1, 0]


def test_a_suggestion_is_said_by_a_click(chat: ChatPage) -> None:
    chat.say("Hello")
    chips = chat.newest.get_by_role("group", name="Suggested answers").get_by_role("button")
    suggestion = chips.first.inner_text()
    chips.first.click()
    chat.settled(2)
    assert chat.texts()[2] == ("own", suggestion)
    expect(chat.answers.first.locator(".chip")).to_have_count(0)


def test_the_empty_page_offers_ways_to_begin(chat: ChatPage) -> None:
    chip = chat.page.get_by_role("group", name="Ways to begin").get_by_role("button").first
    text = chip.inner_text()
    chip.click()
    chat.settled(1)
    assert chat.texts()[0] == ("own", text)


def test_the_panel_shows_the_analysis_and_the_decision(chat: ChatPage) -> None:
    expect(chat.panel).to_be_hidden()
    toggle = chat.button("Behind the answer")
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(chat.panel).to_contain_text("Send a message")
    chat.say("My card was declined, this is terrible!!")
    persona = chat.newest.locator(".speaker").inner_text()
    expect(chat.panel.locator(".chosen-name")).to_have_text(persona)
    expect(chat.panel.locator(".quote")).to_have_text("My card was declined, this is terrible!!")
    for name in [
        "Intent",
        "Out of scope",
        "Sentiment",
        "Politeness",
        "Urgency",
        "Toxicity",
        "Anger",
        "Joy",
        "Probability of this voice",
    ]:
        meter = chat.panel.get_by_role("meter", name=name, exact=True)
        least = -1 if name in {"Sentiment", "Politeness"} else 0
        assert least <= float(meter.get_attribute("aria-valuenow") or "nan") <= 1, name
    for name in [
        "Speech act",
        "Language",
        "Model",
        "Policy",
        "Version",
        "Decision",
        "Bent by",
        "Traits",
        "Understanding",
        "Deciding",
        "Whole turn",
    ]:
        value = chat.panel.locator("dt", has_text=re.compile(f"^{name}$")).locator("xpath=following-sibling::dd[1]")
        assert value.inner_text().strip() != "", name
    toggle.click()
    expect(chat.panel).to_be_hidden()
    expect(toggle).to_have_attribute("aria-expanded", "false")


def test_an_earlier_answer_explains_itself(chat: ChatPage) -> None:
    chat.say("Hello")
    chat.say("Where is my order #4711?")
    why = chat.answers.first.get_by_role("button", name="Why this voice?")
    why.click()
    expect(chat.panel.locator(".quote")).to_have_text("Hello")
    expect(why).to_have_attribute("aria-expanded", "true")
    chat.page.keyboard.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(why).to_be_focused()


def test_where_explain_is_off_the_panel_says_so(
    context: BrowserContext, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("quiet") / "data"
    with ServerProcess(data, env={"PARLANCE_EXPLAIN": "false"}) as quiet:
        chat = ChatPage.open(context, quiet.http_url)
        chat.say("Hello")
        chat.button("Behind the answer").click()
        expect(chat.panel).to_contain_text("This server keeps the analysis to itself")
        expect(chat.panel.locator(".chosen-name")).to_have_text(chat.newest.locator(".speaker").inner_text())
        assert chat.errors == []


def test_reload_keeps_the_conversation_and_the_draft(chat: ChatPage) -> None:
    chat.say("Hello")
    chat.say("And thanks")
    before = chat.texts()
    chat.box.fill("half a thou")
    chat.page.reload()
    chat.is_online()
    assert chat.texts() == before
    expect(chat.box).to_have_value("half a thou")
    chat.button("Behind the answer").click()
    expect(chat.panel.get_by_role("meter", name="Intent")).to_be_visible()


def test_new_conversation_starts_empty_and_can_be_left_again(chat: ChatPage) -> None:
    chat.say("Hello")
    before = chat.texts()
    chat.button("New conversation").click()
    expect(chat.page.get_by_role("heading", name="Say it your way.")).to_be_visible()
    expect(chat.own).to_have_count(0)
    chat.button("Go back").click()
    expect(chat.own).to_have_count(1)
    assert chat.texts() == before
    chat.say("Still here")


def test_html_in_texts_is_inert_and_links_are_safe(chat: ChatPage) -> None:
    text = (
        '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> <b>bold</b> '
        "https://example.com/a?b=<c> javascript:window.hacked=1"
    )
    chat.say(text)
    bubble = chat.own.locator(".bubble")
    assert bubble.text_content() == text
    assert bubble.locator("img, script, b").count() == 0
    link = bubble.get_by_role("link")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("href", "https://example.com/a?b=")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    assert chat.page.evaluate("() => window.hacked") is None


def test_earlier_messages_come_on_demand_without_losing_the_place(chat: ChatPage) -> None:
    for number in range(30):
        chat.say(f"Message number {number}")
    everything = chat.texts()
    chat.page.reload()
    chat.is_online()
    assert chat.texts() == everything[-50:]
    earlier = chat.button("Show earlier messages")
    earlier.click()
    expect(chat.own).to_have_count(30)
    assert chat.texts() == everything
    expect(earlier).to_be_hidden()


def test_everything_comes_from_this_server_under_a_strict_policy(
    context: BrowserContext, open_chat: Open, server: ServerProcess
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    chat = open_chat(context)
    chat.say("Hello")
    chat.button("Behind the answer").click()
    assert asked
    assert [url for url in asked if not url.startswith(server.http_url)] == []
    answer = context.request.get(server.http_url)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
