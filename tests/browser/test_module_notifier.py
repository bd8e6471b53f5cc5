"""Notifications of agents and of the widget's visitors: asked for, tested, shown, switched off."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

# A browser that asks the person, who answers `answer`; what it was made to show and play.
BROWSER = """(answer) => {
  window.shown = []; window.played = 0; window.focused = 0; window.pressed = 0;
  class Fake extends EventTarget {
    static permission = 'default';
    static async requestPermission() { return (Fake.permission = answer); }
    constructor(title, options) { super(); this.title = title; window.shown.push([title, options.body]); window.last = this; }
    close() { window.away = true; }
  }
  window.Notification = Fake;
  window.focus = () => { window.focused += 1; };
  Object.defineProperty(window, 'isSecureContext', { value: true });
  const node = () => ({ frequency: {}, gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} },
    connect: (next) => next, start() { window.played += 1; }, stop() {} });
  window.AudioContext = class { currentTime = 0; createOscillator = node; createGain = node; };
}"""  # noqa: E501
HIDE = "(hidden) => Object.defineProperty(document, 'hidden', { configurable: true, value: hidden })"
AGENT = """async () => {
  const { Notifier } = await import('/static/agent/notifier.js');
  const { Kept } = await import('/static/parlance/kept.js');
  window.button = document.createElement('button');
  window.kept = new Kept(() => null);
  window.notifier = new Notifier(window.kept, window.button);
}"""
STATE = "() => [button.textContent, button.getAttribute('aria-pressed'), shown, played]"


def start(page: Page, answer: str) -> None:
    page.evaluate(BROWSER, answer)
    page.evaluate(AGENT)


def press(page: Page) -> list[Any]:
    page.evaluate("() => { button.click(); return new Promise((done) => setTimeout(done)); }")
    found: list[Any] = page.evaluate(STATE)
    return found


class TestAgents:
    def test_switched_on_it_shows_how_it_will_be_and_off_it_is_silent(self, modules: Page) -> None:
        start(modules, "granted")
        modules.evaluate("notifier.tell('nobody hears')")
        assert modules.evaluate(STATE) == ["Notify me", "false", [], 0]
        tried = ["Notifications are on", "This is how you hear that somebody waits."]
        assert press(modules) == ["Notifying", "true", [tried], 2]
        modules.evaluate("notifier.tell('looked at')")
        assert modules.evaluate(STATE)[2:] == [[tried], 4], "who looks at the page hears, and sees it there"
        modules.evaluate(HIDE, True)
        modules.evaluate("notifier.tell('I want a person')")
        assert modules.evaluate(STATE)[2:] == [[tried, ["Somebody waits", "I want a person"]], 6]
        assert press(modules)[:2] == ["Notify me", "false"]
        modules.evaluate("notifier.tell('after that')")
        assert modules.evaluate("[shown.length, played]") == [2, 6]

    def test_a_refusal_leaves_the_sound(self, modules: Page) -> None:
        start(modules, "denied")
        modules.evaluate(HIDE, True)
        assert press(modules) == ["Notifying", "true", [], 2]
        modules.evaluate("notifier.tell('waits')")
        assert modules.evaluate("[shown.length, played]") == [0, 4]


WIDGET = """async (wanted) => {
  const { Notifier } = await import('/static/widget/notifier.js');
  const { Kept } = await import('/static/parlance/kept.js');
  window.notifier = new Notifier(new Kept(() => null), wanted);
  window.tell = () => notifier.tell('Ann', 'x'.repeat(300), () => { window.pressed += 1; });
}"""


class TestVisitors:
    def test_shown_only_once_wanted_and_pressed_it_opens_the_chat(self, modules: Page) -> None:
        modules.evaluate(BROWSER, "granted")
        modules.evaluate(WIDGET, True)
        modules.evaluate("tell()")
        assert modules.evaluate("[notifier.possible, notifier.on, shown.length]") == [True, False, 0]
        assert modules.evaluate("notifier.toggle()") is True
        modules.evaluate("tell()")
        ((title, body),) = modules.evaluate("shown")
        assert (title, len(body)) == ("Ann", 200)
        modules.evaluate("last.dispatchEvent(new Event('click'))")
        assert modules.evaluate("[focused, pressed, away]") == [1, 1, True]
        assert modules.evaluate("notifier.toggle()") is True
        modules.evaluate("tell()")
        assert modules.evaluate("[notifier.on, shown.length]") == [False, 1]

    @pytest.mark.parametrize(("wanted", "answer"), [(True, "denied"), (False, "granted")])
    def test_neither_against_the_visitor_nor_against_the_page(self, modules: Page, wanted: bool, answer: str) -> None:
        modules.evaluate(BROWSER, answer)
        modules.evaluate(WIDGET, wanted)
        if wanted:
            assert modules.evaluate("notifier.toggle()") is False
        modules.evaluate("tell()")
        assert modules.evaluate("[notifier.possible, notifier.on, shown.length]") == [wanted, False, 0]
