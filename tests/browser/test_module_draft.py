"""An answer in the making: its deltas, what discards them, and what ends it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.support import Run, bench


@pytest.fixture
def run(modules: Page) -> Run:
    """As in the chat's tests, with ``delta`` for a frame and ``drafts`` for what is shown after each."""
    run = bench(modules, "chatBench")
    run("""t.delta = (seq, text, more = {}) => t.push(
        { type: 'delta', channel: 'conv:1', message_id: 'a', attempt: 0, seq, text, ...more });
      t.draft = () => t.chat.draft?.text ?? null;""")
    return run


def test_deltas_add_up_until_the_message_comes(run: Run) -> None:
    assert run("""
      await t.up([t.message(1)]);
      const seen = [t.draft()];
      for (const [seq, text] of ['It ', 'is ', 'late.'].entries()) { await t.delta(seq, text); seen.push(t.draft()); }
      await t.push(t.message(2, { message_id: 'a', from: t.bot, reply_to: 'm1', text: 'It is late.' }));
      return [...seen, t.draft(), t.shown().at(-1)];""") == [
        None, "It ", "It is ", "It is late.", None, "It is late.",
    ]  # fmt: skip


def test_a_higher_attempt_discards_the_earlier_text(run: Run) -> None:
    assert (
        run("""
      await t.up(); await t.delta(0, 'Wrong '); await t.delta(0, 'Right', { attempt: 1 });
      await t.delta(1, ' of old'); return t.draft();""")
        == "Right"
    )


@pytest.mark.parametrize(
    "ends",
    [
        "await t.delta(1, '', { aborted: true });",
        "await t.push(t.message(1, { from: { id: 's', kind: 'system' }, data: { event: 'claimed' } }));",
        "await t.clock.advance(60_000);",
        "await t.resume();",
        "t.chat.startNew();",
    ],
)
def test_what_ends_it(run: Run, ends: str) -> None:
    assert run(
        f"await t.up(); await t.delta(0, 'It '); const before = t.draft(); {ends} return [before, t.draft()];"
    ) == [
        "It ",
        None,
    ]


def test_another_answers_end_does_not(run: Run) -> None:
    assert (
        run("""
      await t.up(); await t.delta(0, 'It '); await t.delta(0, '', { message_id: 'b', aborted: true });
      return t.draft();""")
        == "It "
    )


def test_a_lost_delta_leaves_what_was_there(run: Run) -> None:
    assert run("await t.up(); await t.delta(0, 'It '); await t.delta(2, 'late'); return t.draft();") == "It "


def test_one_that_is_met_in_the_middle_is_not_shown(run: Run) -> None:
    assert run("await t.up(); await t.delta(3, 'late'); await t.delta(4, 'r'); return t.draft();") is None


def test_another_conversations_deltas_are_not_ours(run: Run) -> None:
    assert run("await t.up(); await t.delta(0, 'It ', { channel: 'conv:2' }); return t.draft();") is None
