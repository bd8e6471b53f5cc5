"""The admins' page of knowledge on a real server: articles from draft to answer, gaps, and how it says no."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.support import context_of, token_for
from tests.browser.test_agent import customer
from tests.browser.test_looks import LOOKS, audit, overflow
from tests.support.server import ServerProcess

PAY = """---
title: Ways to pay
category: money
owner: Till
expires: 2031-03-31
asks:
  - Can I pay by card?
---
We take cards and cash.
"""
OLD = "---\ntitle: Summer hours\ncategory: shop\nexpires: 2020-08-31\n---\nWe open at ten."
KNIVES = (
    "do you sharpen kitchen knives?",
    "can you sharpen my kitchen knives?",
    "do you sharpen knives, kitchen ones?",
)
WRAPPING = """---
title: Gift wrapping
category: orders
asks:
  - Do you gift wrap?
---
We wrap gifts for three euros.

# Ribbons
Red or gold.
"""


def put(server: ServerProcess, token: str, path: str, body: dict[str, str]) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{server.http_url}/v1/knowledge/articles/{path}",
        orjson.dumps(body),
        {"authorization": f"Bearer {token}", "content-type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Two articles, and three people who asked what neither answers."""
    with ServerProcess(tmp_path_factory.mktemp("shop") / "data") as server:
        admin = token_for(server, "admin", "ann")
        for name, source in (("pay", PAY), ("hours", OLD)):
            put(server, admin, name, {"source": source})
            for state in ("approved", "active"):
                put(server, admin, f"{name}/versions/1/state", {"state": state})
        for text in KNIVES:
            with customer(server) as person:
                person.says_and_hears(text)
        yield server


class KnowledgePage:
    """One tab with the page in it; ``refusals`` are what the browser noted of them, and nothing else may be wrong."""

    def __init__(self, context: BrowserContext, server: ServerProcess, kind: str | None = "admin") -> None:
        self.server = server
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)
        token = "" if kind is None else f"#token={token_for(server, kind, kind)}"
        self.page.goto(f"{server.http_url}/admin/knowledge{token}")

    def _console(self, message: Any) -> None:
        if message.type == "error" and "the server responded with a status of" not in message.text:
            self.errors.append(message.text)

    def panel(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.dialog.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog").last

    @property
    def drawer(self) -> Locator:
        return self.page.locator(".turns-dialog")

    def confirm(self, button: str) -> None:
        self.dialog.get_by_role("button", name=button, exact=True).click()


@pytest.fixture
def knowledge(context: BrowserContext, shop: ServerProcess) -> Iterator[KnowledgePage]:
    context.clock.install()
    found = KnowledgePage(context, shop)
    expect(found.page.locator("#link-text")).to_have_text("Signed in")
    yield found
    assert found.errors == []


@pytest.mark.parametrize("look", ["wide light", "phone dark"])
def test_it_tells_nothing_before_and_everything_after(look: str, browser: Browser, shop: ServerProcess) -> None:
    size, dark = LOOKS[look]
    with context_of(browser, size, dark=dark) as context:
        found = KnowledgePage(context, shop, kind=None)
        page, problem = found.page, found.page.locator("#sign-in-problem")
        for token, sentence in (
            ("nonsense", "The server does not accept this token: it is wrong, or has expired."),
            (token_for(shop, "customer", "carl"), "This token is not enough: "),
        ):
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Sign in").click()
            expect(problem).to_contain_text(sentence)
        expect(page.locator("#knowledge")).to_be_hidden()
        assert (audit(page), overflow(page)) == ([], [])
        page.get_by_label("Token").fill(token_for(shop, "admin", "ann"))
        page.get_by_role("button", name="Sign in").click()
        articles = found.panel("Articles")
        expect(articles.get_by_role("row", name="Ways to pay")).to_contain_text("active 1moneyEnglishTill31 Mar 2031")
        expect(articles.get_by_role("row", name="Summer hours")).to_contain_text("expired")
        expect(found.panel("Gaps").locator(".entry")).to_have_count(1)
        expect(found.panel("What many ask")).to_contain_text("3 people, 3 questions")
        assert (audit(page), overflow(page)) == ([], [])
        articles.get_by_label("Narrow by words").fill("nothing like it")
        expect(articles).to_contain_text("There is no such article.")
        articles.get_by_label("Narrow by words").fill("till")
        expect(articles.locator("tbody tr")).to_have_count(1)
        articles.get_by_role("button", name="Ways to pay").click()
        expect(found.drawer).to_contain_text("1 passage, found by 1 question")
        assert (audit(page), overflow(page)) == ([], [])
        page.keyboard.press("Escape")
        expect(articles.get_by_role("button", name="Ways to pay")).to_be_focused()
        page.get_by_role("link", name="Live figures").click()
        page.get_by_role("link", name="Knowledge").click()  # the same tab is signed in on both
        expect(page.locator("#link-text")).to_have_text("Signed in")
        assert found.errors == []


def test_an_article_from_the_first_word_to_the_answer(knowledge: KnowledgePage) -> None:
    page, drawer = knowledge.page, knowledge.drawer
    knowledge.panel("Articles").get_by_role("button", name="Write a new article").click()
    knowledge.dialog.get_by_label("Its id").fill("pay")
    knowledge.confirm("Begin")
    expect(knowledge.dialog.get_by_role("alert")).to_have_text("There is an article pay already.")
    knowledge.dialog.get_by_label("Its id").fill("wrapping")
    knowledge.confirm("Begin")
    text = drawer.get_by_label("Text", exact=True)
    text.fill(WRAPPING.replace("asks:", "ask:"))
    drawer.get_by_role("button", name="Check").click()
    expect(drawer.get_by_role("alert")).to_have_text("wrapping:4: unknown key 'ask'. Did you mean 'asks'?")
    page.keyboard.press("Escape")  # what was typed is not lost
    knowledge.confirm("Cancel")
    text.fill(WRAPPING)
    drawer.get_by_role("button", name="Save as a new draft").click()
    expect(drawer.get_by_role("status")).to_contain_text("Saved as version 1, a draft.")
    expect(drawer).to_contain_text("2 passages, found by 1 question")
    expect(drawer.locator(".entry", has_text="Ribbons")).to_contain_text("wrapping#ribbons, 3 words")
    for step in ("Approve", "Activate"):
        drawer.get_by_role("button", name=f"{step} version 1").click()
        knowledge.confirm(step)
    expect(drawer.get_by_role("status")).to_have_text("Version 1 is active.")
    drawer.get_by_label("Text of version 1").fill(WRAPPING.replace("three", "five"))
    drawer.get_by_role("button", name="Save as a new draft").click()
    expect(drawer.get_by_label("Text of version 2")).to_have_value(WRAPPING.replace("three", "five"))
    drawer.get_by_role("button", name="Approve version 2").click()
    knowledge.confirm("Approve")
    drawer.get_by_role("button", name="Activate version 2").click()
    expect(knowledge.dialog).to_contain_text("Version 1, which is active now, is retired.")
    knowledge.confirm("Activate")
    expect(drawer.get_by_role("button", name="Activate version 1")).to_be_visible()  # the way back
    drawer.locator("summary").click()
    expect(drawer.locator("details li")).to_have_count(7)
    assert (audit(page), overflow(page)) == ([], [])
    drawer.get_by_role("button", name="Close").click()
    finding = knowledge.panel("What the bot would find")
    finding.get_by_label("A customer's question").fill("do you gift wrap?")
    said = finding.get_by_role("status")
    for _ in range(100):  # found by its words at first, and by its meaning once it is embedded
        page.keyboard.press("Enter")
        expect(said).not_to_have_text("Searching.")
        if said.inner_text() == "The bot answers with the first.":
            break
        page.wait_for_timeout(200)
    expect(said).to_have_text("The bot answers with the first.")
    expect(finding.locator(".entry").first).to_contain_text("We wrap gifts for five euros.")


def test_a_gap_is_drafted_closed_and_opened_again(knowledge: KnowledgePage) -> None:
    gaps, drawer = knowledge.panel("Gaps"), knowledge.drawer
    gap = gaps.locator(".entry", has_text="sharpen")
    expect(gap).to_contain_text("3 questions by 3 people")
    expect(gap).to_contain_text("do you sharpen kitchen knives?")
    gap.get_by_role("button", name="Write a draft").click()
    knowledge.dialog.get_by_label("Its id").fill("knives")
    knowledge.confirm("Begin")
    expect(knowledge.dialog.get_by_role("alert")).to_contain_text("give the category")
    knowledge.dialog.get_by_label("Category").fill("service")
    knowledge.confirm("Begin")
    expect(drawer.get_by_label("Text of version 1")).to_have_value(re.compile(r"asks:\n  - '.*sharpen"))
    expect(drawer.get_by_role("alert")).to_contain_text("the article has no text")
    drawer.get_by_role("button", name="Close").click()
    expect(gap).to_have_count(0)
    gaps.get_by_label("Gaps shown").select_option("Draft written")
    expect(gap.get_by_role("button", name="Open knives")).to_be_visible()
    gap.get_by_role("button", name="as resolved").click()
    knowledge.confirm("Resolved")
    gaps.get_by_label("Gaps shown").select_option("Resolved")
    gap.get_by_role("button", name="again").click()
    knowledge.confirm("Open again")
    expect(gaps).to_contain_text("There is no such gap.")


def test_what_is_stale_or_refused_says_so(knowledge: KnowledgePage) -> None:
    page, gaps = knowledge.page, knowledge.panel("Gaps")
    expect(gaps).to_have_attribute("data-state", "live")
    page.route("**/v1/knowledge/gaps*", lambda route: route.fulfill(status=503, json={"detail": "The store is away."}))
    page.route("**/v1/knowledge/stats", lambda route: route.abort())
    page.route("**/search*", lambda route: route.fulfill(status=503, json={"detail": "The store is away."}))
    page.get_by_label("A customer's question").fill("cards?")
    page.get_by_role("button", name="Search").click()
    expect(knowledge.panel("What the bot would find")).to_have_attribute("data-state", "failed")
    page.clock.fast_forward("00:40")
    expect(gaps).to_contain_text("As it was when last heard: The store is away.")
    expect(page.locator("#tiles")).to_have_attribute("data-state", "stale")
    page.unroute("**/v1/knowledge/stats")
    page.route("**/v1/knowledge/stats", lambda route: route.fulfill(status=401, json={"detail": "expired"}))
    page.clock.fast_forward("00:40")
    expect(page.locator("#sign-in-problem")).to_contain_text("wrong, or has expired")
    knowledge.errors = [one for one in knowledge.errors if "ERR_FAILED" not in one]
