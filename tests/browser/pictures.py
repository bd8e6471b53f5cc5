"""Makes ``docs/images/knowledge.png`` anew: ``python -m tests.browser.pictures [FILE]``.

A demo shop of its own is asked by a few customers, some of whom ask what no article answers, and then looked at.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.support import CHROMIUM, CHROMIUM_FLAGS, PATIENCE_MS, context_of, token_for
from tests.browser.test_agent import customer
from tests.support.server import ServerProcess

PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "images" / "knowledge.png"
SIZE: Final = (1280, 1750)
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


def asked(server: ServerProcess) -> None:
    """Each tuple by a customer of their own, one message after the other."""
    for texts in ASKED:
        with customer(server) as person:
            for text in texts:
                person.says_and_hears(text)


def opened(page: Page, server: ServerProcess) -> None:
    """Signed in, everything there, a question tried."""
    page.goto(f"{server.http_url}/admin/knowledge#token={token_for(server, 'admin', 'ann')}")
    page.get_by_label("Order").select_option("shown")
    page.get_by_label("A customer's question").fill("I don't like it, can I send it back?")
    page.get_by_role("button", name="Search").click()
    for panel in ("Gaps", "What many ask", "What the bot would find"):
        expect(page.get_by_role("region", name=panel).locator(".entry").nth(1)).to_be_visible()


def main() -> None:
    """Write the picture."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        ServerProcess(Path(folder) / "data", env={"PARLANCE_DEMO": "true"}) as server,
    ):
        asked(server)
        time.sleep(15)  # rounds in which questions are put together, named, and followed up
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        with context_of(browser, SIZE) as context:
            page = context.new_page()
            opened(page, server)
            page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main()
