"""Makes the documentation's pictures of the pages anew: ``python -m tests.browser.pictures [NAME …]`` (all of them).

A demo shop of its own is asked by a few customers, some of whom ask what no article answers or want a person, and then
looked at. Needs three minutes and Chromium.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.shop import Shop
from tests.browser.support import CHROMIUM, CHROMIUM_FLAGS, PATIENCE_MS, ChatPage, context_of, token_for
from tests.browser.test_agent import AgentPage, Customer, customer
from tests.browser.test_widget import Visit
from tests.support.server import ServerProcess

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
ASKED: Final = (
    ("where is my parcel?", "Thank you, that helped"),
    ("where is my parcel, it should be here by now", "thanks a lot!"),
    ("my parcel has not come yet, where is it?",),
    ("do you sharpen kitchen knives?", "I want to talk to a human"),
    ("can you sharpen my kitchen knives", "are you sure?"),
    ("is there a service that sharpens knives?",),
    ("do you take paypal?", "great, thanks"),
    ("can I pay with paypal",),
    ("how do I send something back?", "thank you!"),
    ("can I rent a carpet cleaner from you?",),
    ("do you rent out carpet cleaners?",),
)


def asked(server: ServerProcess, pause_s: float = 0.0) -> None:
    """Each tuple by a customer of their own, one message after the other."""
    for texts in ASKED:
        with customer(server) as person:
            for text in texts:
                person.says_and_hears(text)
                time.sleep(pause_s)


# ------------------------------------------------------------------ what each picture shows


def chat(context: BrowserContext, server: ServerProcess) -> Page:
    """Somebody furious is answered, and looks behind the answer."""
    page = ChatPage.open(context, server.http_url)
    page.say("hi there 😊")
    page.say("My parcel still has not come. This is ridiculous, I want my money back NOW!")
    page.button("Behind the answer").click()
    expect(page.panel).to_be_visible()
    return page.page


def widget(context: BrowserContext, server: ServerProcess) -> Page:
    """A shop's own page, with the chat opened by a customer."""
    with Shop(server.http_url) as shop:
        server.kill()
        server.env["PARLANCE_ALLOWED_ORIGINS"] = json.dumps([shop.origin])
        server.start()
        visit = Visit(context.new_page())
        visit.go(shop.url())
        visit.open()
        visit.say("My parcel #4711 is late and I am furious")
        visit.page.evaluate("document.activeElement.blur()")
        visit.page.wait_for_timeout(500)
        return visit.page


def agent(context: BrowserContext, server: ServerProcess) -> Page:
    """One conversation on the desk, another in the queue."""
    with ExitStack() as people:

        def waits(*texts: str) -> Customer:
            person = people.enter_context(customer(server))
            for text in texts:
                person.says_and_hears(text)
            person.wants_a_person()
            return person

        first = waits("my order #4711 is late, this is the third time I ask!!")
        desk = AgentPage(context, server)
        desk.take("#4711")
        desk.answer("Hello, I am Ann. I am sorry about that, let me look into it at once.")
        first.say("thank you, that is kind")
        first.say("how do I send something back?")
        waits("I have waited for an hour, this is ridiculous")
        expect(desk.waiting("ridiculous")).to_be_visible()
        desk.page.get_by_role("button", name="Suggest").click()
        expect(desk.page.get_by_text("Alt 2")).to_be_visible()
        desk.page.wait_for_timeout(500)
        return desk.page


def admin(context: BrowserContext, server: ServerProcess) -> Page:
    """Two minutes of the shop's life."""
    page = context.new_page()
    page.goto(f"{server.http_url}/admin#token={token_for(server, 'admin', 'ann')}")
    for pause_s in (4.0, 1.0, 2.0):
        asked(server, pause_s)
    with customer(server) as person:
        person.says_and_hears("my card was declined, please help")
        person.wants_a_person()
        expect(page.get_by_role("region", name="Waiting for a human")).to_contain_text("declined")
        page.wait_for_timeout(3_000)
    return page


def knowledge(context: BrowserContext, server: ServerProcess) -> Page:
    """Articles with their figures, gaps, and a question tried."""
    time.sleep(15)  # rounds in which questions are put together, named, and followed up
    page = context.new_page()
    page.goto(f"{server.http_url}/admin/knowledge#token={token_for(server, 'admin', 'ann')}")
    page.get_by_label("Order").select_option("shown")
    page.get_by_label("A customer's question").fill("I don't like it, can I send it back?")
    page.get_by_role("button", name="Search").click()
    for panel in ("Gaps", "What many ask", "What the bot would find"):
        expect(page.get_by_role("region", name=panel).locator(".entry").nth(1)).to_be_visible()
    return page


Scene = Callable[[BrowserContext, ServerProcess], Page]
SCENES: Final[dict[str, tuple[Scene, tuple[int, int]]]] = {
    "chat": (chat, (1280, 820)),
    "agent": (agent, (1440, 900)),
    "admin": (admin, (1300, 1280)),
    "knowledge": (knowledge, (1280, 1750)),
    "widget": (widget, (1280, 860)),  # the last, since it starts the server anew
}


def take(names: set[str], browser: Browser, server: ServerProcess) -> None:
    """Write the pictures named."""
    if "knowledge" in names and "admin" not in names:
        asked(server)
    for name, (scene, size) in SCENES.items():
        if name in names:
            with context_of(browser, size) as context:
                scene(context, server).screenshot(path=IMAGES / f"{name}.png")
            sys.stdout.write(f"{IMAGES / name}.png\n")


def main() -> None:
    """Write the pictures that the command line names, or all."""
    names = set(sys.argv[1:] or SCENES)
    if names - SCENES.keys():
        sys.exit(f"{', '.join(sorted(names - SCENES.keys()))}: the pictures are {', '.join(SCENES)}")
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        ServerProcess(Path(folder) / "data", env={"PARLANCE_DEMO": "true"}) as server,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        take(names, browser, server)
        browser.close()


if __name__ == "__main__":
    main()
