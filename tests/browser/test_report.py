"""The report of a load test, read on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.accessibility import findings
from tests.browser.support import context_of
from tests.browser.test_looks import LOOKS
from tests.unit.loadtest.test_report_page import made


@pytest.mark.parametrize("look", LOOKS)
def test_it_passes_the_audit_and_fits(look: str, browser: Browser) -> None:
    size, dark = LOOKS[look]
    with context_of(browser, size, dark=dark) as context:
        page = context.new_page()
        page.set_content(made(["7 × connect: refused"]))
        # What stands in a chart is said by its name; of text in a picture axe can't tell the ground.
        assert [one for one in findings(page) if "<text " not in one] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
