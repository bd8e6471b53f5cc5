"""The reference page for client authors: whole, readable, and its requests can be tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.support import ChatPage, context_of
from tests.browser.test_looks import LOOKS, audit
from tests.support.server import ServerProcess


def open_docs(context: BrowserContext, server: ServerProcess, errors: list[str], anchor: str = "") -> Page:
    """The page when it is whole; ``errors`` gets what it threw or was refused."""
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.http_url}/docs{anchor}")
    expect(page.locator("#content")).not_to_have_attribute("aria-busy", "true")
    return page


# Of the hundred closed entries that are all alike, an audit looks at two in each group.
FEWER = """() => { for (const group of document.querySelectorAll(".group"))
  for (const entry of [...group.querySelectorAll(".entry:not([open])")].slice(2)) entry.remove(); }"""


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    size, dark = LOOKS[request.param]
    with context_of(browser, size, dark=dark) as context:
        yield context


def test_it_passes_the_audit_and_loads_nothing_from_elsewhere(look: BrowserContext, server: ServerProcess) -> None:
    errors: list[str] = []
    hosts: set[str] = set()
    look.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page = open_docs(look, server, errors)
    for anchor in ("#op-send_message", "#frame-Welcome"):
        page.evaluate("(hash) => { location.hash = hash }", anchor)
        expect(page.locator(f"{anchor} .entry-body")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(FEWER)
    assert audit(page) == []
    assert errors == []
    assert hosts == {server.http_url.removeprefix("http://")}


def test_every_request_and_every_frame_opens(context: BrowserContext, server: ServerProcess) -> None:
    errors: list[str] = []
    page = open_docs(context, server, errors)
    counts = page.evaluate("""async () => {
      const [openapi, asyncapi] = await Promise.all(
        ["openapi.json", "asyncapi.json"].map((name) => fetch(name).then((answer) => answer.json())));
      for (const entry of document.querySelectorAll(".entry")) entry.open = true;
      await new Promise((done) => setTimeout(done));
      const operations = Object.values(openapi.paths).flatMap((methods) => Object.keys(methods));
      return {
        told: operations.length + Object.keys(asyncapi.components.messages).length,
        shown: document.querySelectorAll(".entry > .entry-body").length,
        samples: document.querySelectorAll(".sample").length,
        empty: [...document.querySelectorAll(".sample, .field-type, .field-note")].filter(
          (one) => ["", "null", "undefined"].includes(one.textContent.trim())).length,
      };
    }""")
    assert counts["shown"] == counts["told"] > 70
    assert counts["samples"] > counts["told"]
    assert counts["empty"] == 0
    assert errors == []


def test_a_link_to_an_error_leads_to_its_row(context: BrowserContext, server: ServerProcess) -> None:
    page = open_docs(context, server, [], "#error-409")
    expect(page.locator("#error-409")).to_contain_text("conflict")
    expect(page.locator("#error-409")).to_be_in_viewport()


def test_the_filter_leaves_what_has_all_the_words(context: BrowserContext, server: ServerProcess) -> None:
    page = open_docs(context, server, [])
    page.get_by_label("Filter").fill("/claim post")
    expect(page.locator(".entry:visible")).to_have_count(1)
    expect(page.locator("#op-claim_conversation")).to_be_visible()
    expect(page.get_by_text("1 of", exact=False)).to_be_visible()
    page.get_by_label("Filter").fill("nothing is called so")
    expect(page.locator(".entry:visible")).to_have_count(0)
    page.get_by_label("Filter").fill("")
    assert page.locator(".entry:visible").count() > 70


def test_a_request_can_be_tried_with_the_chats_token(
    context: BrowserContext, server: ServerProcess, open_chat: Callable[[BrowserContext], ChatPage]
) -> None:
    open_chat(context).say("Hello")
    errors: list[str] = []
    page = open_docs(context, server, errors, "#op-list_conversations")
    page.get_by_role("button", name="Use this browser's chat token").click()
    entry = page.locator("#op-list_conversations")
    expect(entry.locator(".try > .sample").first).to_contain_text("curl -X GET")
    entry.get_by_label("limit (query, optional)").fill("5")
    expect(entry.locator(".try > .sample").first).to_contain_text("limit=5")
    expect(entry.locator(".try > .sample").first).to_contain_text("Bearer $TOKEN")
    entry.get_by_role("button", name="Send").click()
    expect(entry.get_by_role("status")).to_contain_text("200")
    expect(entry.get_by_role("status")).to_contain_text('"last"')
    assert errors == []
    frame = open_docs(context, server, errors, "#frame-Open").locator("#frame-Open")
    frame.get_by_label("Frame, without its id").fill('{"type": "open", "key": "tried"}')
    frame.get_by_role("button", name="Send").click()  # as a guest
    expect(frame.get_by_role("status")).to_contain_text('"type": "opened"')
    channel = re.search(r"conv:\w+", frame.get_by_role("status").inner_text())
    assert channel is not None
    said = f'{{"type": "send", "key": "1", "text": "Hello", "channel": "{channel[0]}"}}'
    frame.get_by_label("Frame, without its id").fill(said)
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_role("status")).to_contain_text('"type": "ack"')
    expect(frame.get_by_role("status")).to_contain_text('"kind": "bot"')
    frame.get_by_label("Frame, without its id").fill('{"type": "claim", "channel": "conv:none"}')
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_role("status")).to_contain_text(re.compile("40[34]"))
    assert errors == []
    page.get_by_label("Token, for trying requests").fill("")
    entry.get_by_role("button", name="Send").click()
    expect(entry.get_by_role("status")).to_contain_text("unauthenticated")
