"""Phone and wide, light and dark, by eye-independent measures: nothing overflows, everything can be read and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import AT_REST, findings
from tests.browser.support import PHONE, WIDE, ChatPage, context_of

Open = Callable[[BrowserContext], ChatPage]

# An audit looks at the colours of the other scheme, too.
LOOKS = {"wide light": (WIDE, False), "phone dark": (PHONE, True)}


@pytest.fixture(params=LOOKS)
def looked_at(request: pytest.FixtureRequest, browser: Browser, open_chat: Open) -> Iterator[ChatPage]:
    size, dark = LOOKS[request.param]
    with context_of(browser, size, dark=dark) as context:
        yield open_chat(context)


def test_every_state_passes_the_audit(looked_at: ChatPage) -> None:
    chat = looked_at
    assert audit(chat.page) == []
    chat.say("My card was declined and I am furious!! It is order #4711.")
    chat.say("Thank you, that helped")
    chat.newest.get_by_role("button", name="Good answer").click()
    assert audit(chat.page) == []
    chat.button("Behind the answer").click()
    expect(chat.panel.locator(".chosen-name")).to_be_visible()
    assert audit(chat.page) == []


def test_the_audit_finds_what_is_wrong(chat: ChatPage) -> None:
    chat.page.evaluate("""() => {
      const main = document.querySelector('main');
      const make = (tag, more) => Object.assign(document.createElement(tag), more);
      const wrong = (tag, id, textContent) => main.append(make(tag, { id, textContent }));
      wrong('button', 'tiny', '');
      wrong('textarea', 'field', '');
      wrong('img', 'mute', '');
      wrong('h6', 'deep', 'deep');
      wrong('p', 'pale', 'pale');
      document.querySelector('#pale').style.setProperty('color', 'oklch(55% 0.01 215 / 60%)');
    }""")
    found = "\n".join(audit(chat.page))
    rules = "button-name, label, image-alt, heading-order, target-size, color-contrast, dark: color-contrast"
    for rule in rules.split(", "):
        assert f"{rule}: " in found


def test_trouble_passes_the_audit(looked_at: ChatPage) -> None:
    chat = looked_at
    chat.say("Hello")
    chat.page.context.set_offline(True)
    chat.write("into the dark")
    chat.is_offline()
    assert audit(chat.page) == []


def audit(page: Page) -> list[str]:
    return findings(page)


def overflow(page: Page) -> list[str]:
    """Elements that reach beyond the window's sides, where nothing would scroll to them."""
    script = """() => {
      const wide = document.documentElement.clientWidth;
      const beyond = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility()
        && !element.closest('.visually-hidden, .skip, svg, .panel-body, .button-text')
        && (element.getBoundingClientRect().right > wide + 0.5 || element.getBoundingClientRect().left < -0.5));
      const scrolls = [document.scrollingElement, ...document.querySelectorAll('.log, .panel-body')]
        .filter((element) => element.scrollWidth > element.clientWidth);
      return [...beyond, ...scrolls].map((element) => `${element.localName}.${element.className}`);
    }"""
    page.evaluate(AT_REST)
    found: list[str] = page.evaluate(script)
    return found


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_nothing_scrolls_sideways(browser: Browser, open_chat: Open, width: int) -> None:
    with context_of(browser, (width, 800)) as context:
        chat = open_chat(context)
        assert overflow(chat.page) == []
        chat.say("x" * 300 + " https://example.com/" + "y" * 200)
        chat.say("A short one")
        assert overflow(chat.page) == []
        chat.button("Behind the answer").click()
        expect(chat.panel).to_be_visible()
        assert overflow(chat.page) == []


def test_dark_is_dark_and_light_is_light(browser: Browser, open_chat: Open) -> None:
    lightness = """() => {
      const canvas = document.createElement('canvas').getContext('2d');
      canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
      return Math.max(...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3));
    }"""
    seen = {}
    for dark in (False, True):
        with context_of(browser, dark=dark) as context:
            seen[dark] = open_chat(context).page.evaluate(lightness)
    assert seen[False] > 230
    assert seen[True] < 40


def test_the_newest_message_is_in_view_and_reading_back_is_not_disturbed(
    chat: ChatPage, context: BrowserContext, open_chat: Open
) -> None:
    for number in range(8):
        chat.say(f"A line to fill the page, number {number}")
    expect(chat.newest).to_be_in_viewport()
    log = chat.page.get_by_role("log")
    log.evaluate("(log) => { log.scrollTop = 0 }")
    expect(chat.own.first).to_be_in_viewport()
    other = open_chat(context)
    other.say("from elsewhere")
    jump = chat.page.locator("#jump")
    expect(jump).to_contain_text("2 new messages")
    assert log.evaluate("(log) => log.scrollTop") == 0
    jump.click()
    expect(chat.newest).to_be_in_viewport()
    expect(jump).to_be_hidden()


def test_motion_is_reduced_where_asked(browser: Browser, open_chat: Open) -> None:
    moving = """() => document.getAnimations().filter((one) => one.effect.getComputedTiming().duration > 1
      || one.effect.getComputedTiming().iterations === Infinity).length"""
    for still in (True, False):
        with context_of(browser, still=still) as context:
            chat = open_chat(context)
            chat.page.locator("#answering").evaluate("(element) => { element.hidden = false }")
            assert (chat.page.evaluate(moving) == 0) is still


def test_the_phone_drawer_holds_the_focus_and_gives_it_back(browser: Browser, open_chat: Open) -> None:
    with context_of(browser, PHONE) as context:
        chat = open_chat(context)
        chat.say("Hello")
        chat.button("Behind the answer").click()
        expect(chat.page.get_by_role("heading", name="Behind the answer")).to_be_focused()
        for _ in range(6):
            chat.page.keyboard.press("Tab")
            inside = "() => document.activeElement.matches('body, .panel *, .toasts *')"
            assert chat.page.evaluate(inside)
        chat.page.keyboard.press("Escape")
        expect(chat.button("Behind the answer")).to_be_focused()
