"""Status, order of the queue, and offers on the agent's page, on a server that pushes."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.support import PHONE, context_of
from tests.browser.test_agent import AgentPage, customer
from tests.browser.test_looks import audit, overflow
from tests.support.server import ServerProcess


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    env = {"PARLANCE_ROUTING": "push", "PARLANCE_OFFER_TIMEOUT_MS": "600000"}
    with ServerProcess(tmp_path_factory.mktemp("pushing") / "data", env=env) as running:
        yield running


def test_an_offer_is_refused_here_and_taken_there(browser: Browser, pushing: ServerProcess) -> None:
    word = f"viola{uuid4().hex[:8]}"
    with context_of(browser) as one, context_of(browser, PHONE) as two, customer(pushing) as other:
        ann = AgentPage(one, pushing, "ann")
        ben = AgentPage(two, pushing, "ben")
        for agent in (ann, ben):
            agent.page.get_by_label("Your status").select_option("busy")
        ann.page.get_by_label("Your status").select_option("online")
        ann.page.get_by_label("Conversations at once").fill("2")
        ann.page.get_by_label("Conversations at once").blur()
        other.say(f"my {word} hums")
        other.wants_a_person()
        offered = ann.waiting(word)
        expect(offered).to_contain_text("Offered to you for")
        expect(ben.waiting(word)).to_contain_text("offered to ann")
        expect(ben.waiting(word).get_by_role("button", name="Refuse")).to_have_count(0)
        for agent in (ann, ben):
            assert audit(agent.page) == []
            assert overflow(agent.page) == []
        offered.get_by_role("button", name="Refuse").click()
        expect(offered).not_to_contain_text("Offered")
        ben.page.get_by_label("Your status").select_option("online")
        expect(ben.waiting(word)).to_contain_text("Offered to you for")
        ben.take(word)
        expect(ann.waiting(word)).to_have_count(0)
        ann.page.reload()
        ann.is_online("ann")
        expect(ann.page.get_by_label("Conversations at once")).to_have_value("2")
        assert ann.errors == ben.errors == []


def test_the_queue_stands_in_the_agents_order(browser: Browser, server: ServerProcess) -> None:
    calm, angry = (f"{name}{uuid4().hex[:8]}" for name in ("calm", "angry"))
    with context_of(browser) as context, customer(server) as one, customer(server) as two:
        one.say(f"hello, my {calm} is wonderful, thank you so much!")
        one.wants_a_person()
        two.say(f"this {angry} is the worst, I hate it, I am furious")
        two.wants_a_person()
        agent = AgentPage(context, server, "order")
        rows = (
            agent.page.locator("#waiting .row-text")
            .filter(has_text=calm)
            .or_(agent.page.locator("#waiting .row-text").filter(has_text=angry))
        )
        expect(rows).to_have_count(2)
        for order, first in (("Longest first", calm), ("Angriest first", angry), ("Longest first", calm)):
            agent.page.get_by_label("Order of those who wait").select_option(order)
            expect(rows.first).to_contain_text(first)
        agent.page.get_by_label("Order of those who wait").select_option("Angriest first")
        agent.page.reload()
        agent.is_online("order")
        expect(rows.first).to_contain_text(angry)
        assert agent.errors == []
