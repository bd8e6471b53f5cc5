"""Without a mouse, and by what assistive technology is told."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.support import ChatPage


def focused(chat: ChatPage) -> str:
    script = "() => document.activeElement.ariaLabel || document.activeElement.title || document.activeElement.id"
    name: str = chat.page.evaluate(script)
    return name


def tab_to(chat: ChatPage, name: str, key: str = "Tab") -> None:
    for _ in range(40):
        chat.page.keyboard.press(key)
        if focused(chat).startswith(name):
            return
    raise AssertionError(f"{name} can't be reached by {key}")


def test_a_whole_chat_by_keyboard(chat: ChatPage) -> None:
    keyboard = chat.page.keyboard
    expect(chat.box).to_be_focused()
    keyboard.type("My card was declined!!")
    keyboard.press("Enter")
    chat.settled(1)
    expect(chat.box).to_be_focused()
    tab_to(chat, "Good answer", "Shift+Tab")
    keyboard.press("Space")
    expect(chat.newest.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    tab_to(chat, "Why this voice?")
    keyboard.press("Enter")
    expect(chat.panel).to_be_visible()
    expect(chat.page.get_by_role("heading", name="Behind the answer")).to_be_focused()
    keyboard.press("Escape")
    expect(chat.newest.get_by_role("button", name="Why this voice?")).to_be_focused()


def test_the_skip_link_comes_first_and_leads_to_the_message_box(chat: ChatPage) -> None:
    chat.say("Hello")
    first = "() => [...document.querySelectorAll('a[href], button, textarea, [tabindex]')][0].id"
    assert chat.page.evaluate(first) == "skip"
    tab_to(chat, "skip", "Shift+Tab")
    skip = chat.page.get_by_role("link", name="Skip to the message box")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    chat.page.keyboard.press("Enter")
    expect(chat.box).to_be_focused()


def test_focus_is_visible_on_everything_that_takes_it(chat: ChatPage) -> None:
    chat.say("Hello")
    for _ in range(25):
        chat.page.keyboard.press("Tab")
        outlined = chat.page.evaluate("""() => {
          const at = document.activeElement;
          if (at === document.body) return true;
          const outlined = (element) => element && getComputedStyle(element).outlineStyle !== 'none';
          return outlined(at) || outlined(at.closest('.composer-box'));
        }""")
        assert outlined, focused(chat)


def test_the_log_is_polite_and_quiet_while_the_past_is_loaded(chat: ChatPage) -> None:
    log = chat.page.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "polite")
    chat.say("Hello")
    seen = chat.page.evaluate_handle("""() => {
      const log = document.querySelector('[role=log]');
      const busy = [];
      const note = () => busy.push(log.getAttribute('aria-busy') === 'true');
      new MutationObserver(note).observe(document.querySelector('#messages'), { childList: true });
      return busy;
    }""")
    chat.button("New conversation").click()
    chat.button("Go back").click()
    expect(chat.own).to_have_count(1)
    busy = seen.json_value()
    assert busy
    assert all(busy)
    expect(log).not_to_have_attribute("aria-busy", "true")


def test_the_state_of_the_connection_is_announced_once(chat: ChatPage) -> None:
    seen = chat.page.evaluate_handle("""() => {
      const said = [];
      const status = document.querySelector('#status-text');
      const note = () => said.push(status.textContent);
      new MutationObserver(note).observe(status, { childList: true, characterData: true, subtree: true });
      return said;
    }""")
    chat.page.context.set_offline(True)
    chat.page.evaluate("() => dispatchEvent(new Event('offline'))")
    chat.is_offline()
    expect(chat.page.locator("#trouble-countdown")).to_contain_text("Next try in")
    chat.page.context.set_offline(False)
    chat.is_online()
    assert seen.json_value() == ["Offline", "Online"]
