"""Outbox, recovery and thumbs on a scripted server: nothing lost, nothing doubled, nothing out of order."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.support import Run, bench


@pytest.fixture
def run(modules: Page) -> Run:
    """Runs the body of an async function that sees ``t``, the bench; returns what it returns."""
    return bench(modules, "chatBench")


def test_what_is_written_before_the_connection_waits_and_goes_in_order(run: Run) -> None:
    result = run("""
      await t.write('one'); await t.write('two');
      const before = t.shown();
      await t.up();
      const atOnce = t.sent('send').length;
      await t.ack(1); await t.ack(2);
      return { before, atOnce, sent: t.sent('send').map(({ text }) => text), shown: t.shown() };""")
    assert result["before"] == ["one (pending)", "two (pending)"]
    assert result["atOnce"] == 1
    assert result["sent"] == ["one", "two"]
    assert result["shown"] == ["one", "two"]


@pytest.mark.parametrize("steps", ["await t.ack(1); await pushed();", "await pushed(); await t.ack(1);"])
def test_ack_and_push_in_either_order_show_one_message(run: Run, steps: str) -> None:
    result = run(f"""
      await t.up(); await t.write('one');
      const pushed = () => t.push(t.message(1, {{ text: 'one', key: t.last('send').key }}));
      {steps}
      return [t.shown(), t.position()];""")
    assert result == [["one"], 1]


def test_an_ack_alone_does_not_move_the_position(run: Run) -> None:
    assert run("await t.up(); await t.write('one'); await t.ack(1); return [t.shown(), t.position()];") == [["one"], 0]


def test_a_lost_ack_is_repeated_with_the_same_key(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one');
      await t.resume(); await t.ack(1, true);
      return { keys: t.keys(), shown: t.shown() };""")
    assert len(result["keys"]) == 2
    assert len(set(result["keys"])) == 1
    assert result["shown"] == ["one"]


def test_a_recovered_own_message_is_not_sent_again(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one');
      await t.resume({ offset: 1, messages: [t.message(1, { key: t.last('send').key, text: 'one' })] });
      return [t.sent('send').length, t.shown()];""")
    assert result == [1, ["one"]]


def test_a_reload_keeps_the_outbox_and_its_keys(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one');
      t.tab();
      const after = t.shown();
      await t.up(); await t.ack(1, true);
      return { after, keys: new Set(t.keys()).size, shown: t.shown() };""")
    assert result == {"after": ["one (pending)"], "keys": 1, "shown": ["one"]}


def test_resume_asks_from_the_last_whole_offset_and_takes_what_it_missed(run: Run) -> None:
    result = run("""
      await t.up(t.messages(1, 2));
      await t.resume({ offset: 4, messages: t.messages(3, 4) });
      return { resume: t.last('connect').resume, asked: t.socket().sent.map(({ type }) => type), shown: t.shown() };""")
    assert result["resume"] == {"conv:1": {"epoch": "e", "offset": 2}}
    assert result["asked"] == ["connect"]
    assert result["shown"] == ["t1", "t2", "t3", "t4"]


def test_a_refused_recovery_reloads_by_history_and_keeps_pushes_that_come_meanwhile(run: Run) -> None:
    result = run("""
      const later = (offset) => t.message(offset, { epoch: 'f' });
      await t.up(t.messages(1));
      await t.resume({ recovered: false, epoch: 'f', offset: 3 });
      await t.push(later(4));
      await t.page([later(2), later(3)], { epoch: 'f', more: true });
      return { shown: t.shown(), more: t.chat.more, resume: t.chat.positions() };""")
    assert result == {"shown": ["t2", "t3", "t4"], "more": True, "resume": {"conv:1": {"epoch": "f", "offset": 4}}}


def test_a_gap_is_read_from_history(run: Run) -> None:
    result = run("""
      await t.up(t.messages(1)); await t.push(t.message(4));
      const { after } = t.last('history');
      await t.page(t.messages(2, 3, 4));
      return { after, shown: t.shown(), position: t.position() };""")
    assert result == {"after": 1, "shown": ["t1", "t2", "t3", "t4"], "position": 4}


def test_busy_means_later_with_the_same_key(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one');
      await t.refuse('send', 503, 'busy', { temporary: true, retry_after_ms: 800 });
      await t.clock.advance(799);
      const early = t.sent('send').length;
      await t.clock.advance(1); await t.ack(1);
      return { early, keys: new Set(t.keys()).size, shown: t.shown() };""")
    assert result == {"early": 1, "keys": 1, "shown": ["one"]}


def test_a_refused_message_stays_until_the_person_decides(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('bad'); await t.write('good');
      await t.refuse('send', 422, 'text too long');
      await t.ack(1);
      const shown = t.shown();
      const [{ key, error }] = t.chat.unsent;
      t.chat.retry(key); await t.settle();
      const again = t.last('send').key === key;
      await t.ack(2);
      return { shown, error, again, after: t.shown() };""")
    assert result["shown"] == ["good", "bad (failed)"]
    assert result["error"] == "text too long"
    assert result["again"] is True
    assert result["after"] == ["good", "bad"]


def test_a_refused_message_can_be_discarded(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('bad'); await t.refuse('send', 422, 'no');
      t.chat.discard(t.chat.unsent[0].key); t.tab(); await t.up();
      return [t.shown(), t.sent('send').length];""")
    assert result == [[], 1]


def test_a_conversation_the_server_lost_is_opened_anew(run: Run) -> None:
    result = run("""
      await t.up(t.messages(1));
      await t.resume({ error: { code: 404, name: 'not_found' } });
      await t.opened(0, 'conv:2'); await t.write('still here');
      await t.page([], { channel: 'conv:2' });
      return [t.last('send').channel, t.shown()];""")
    assert result == ["conv:2", ["still here (pending)"]]


def test_another_user_starts_a_conversation_of_their_own_with_what_was_unsent(run: Run) -> None:
    result = run("""
      await t.up(t.messages(1));
      const key = t.shared.getItem('parlance.conversation');
      t.me = { id: 'u2', kind: 'customer', name: 'Guest' };
      await t.socket().ends(1006); await t.write('unsent'); await t.clock.advance(15000);
      await t.up();
      const other = t.shared.getItem('parlance.conversation') !== key;
      return { other, shown: t.shown(), sent: t.sent('send').length, notices: t.notices.length };""")
    assert result == {"other": True, "shown": ["unsent (pending)"], "sent": 1, "notices": 1}


def test_an_unsent_message_stays_with_the_conversation_it_was_written_in(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('old');
      const first = t.last('open').key;
      await t.refuse('send', 503, 'busy', { temporary: true, retry_after_ms: 50 });
      t.chat.startNew(); await t.settle();
      await t.opened(0, 'conv:2'); await t.page([], { channel: 'conv:2' });
      const shown = t.shown();
      await t.clock.advance(50);
      const asked = t.last('open').key === first;
      await t.opened(0, 'conv:1');
      return { shown, asked, channel: t.last('send').channel };""")
    assert result == {"shown": [], "asked": True, "channel": "conv:1"}


def test_a_thumb_given_offline_is_sent_later_and_a_refused_one_taken_back(run: Run) -> None:
    result = run("""
      await t.up([t.message(1, { from: t.bot })]);
      await t.socket().ends(1006); t.chat.rate('m1', 1); await t.clock.advance(15000);
      await t.hello({ channels: { 'conv:1': { recovered: true, epoch: 'e', offset: 1, messages: [] } } });
      const { message_id, rating } = t.last('feedback');
      await t.answer('feedback', { type: 'feedback', message_id, accepted: true });
      t.chat.rate('m1', 0); await t.settle();
      const changed = t.last('feedback').rating;
      await t.refuse('feedback', 422, 'no');
      return { message_id, rating, changed, kept: t.chat.ratingOf('m1'), notices: t.notices.length };""")
    assert result == {"message_id": "m1", "rating": 1, "changed": 0, "kept": None, "notices": 1}


def test_the_answer_is_awaited_until_it_comes_or_a_minute_has_passed(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one');
      const sending = t.chat.awaited;
      await t.ack(1);
      const waiting = t.chat.awaited?.message_id;
      await t.push(t.message(2, { from: t.bot, reply_to: 'm1' }));
      const answered = t.chat.awaited;
      await t.write('two'); await t.ack(3); await t.clock.advance(60001);
      return { sending, waiting, answered, late: t.chat.awaited };""")
    assert result == {"sending": None, "waiting": "m1", "answered": None, "late": None}


def test_nobody_waits_for_the_bot_while_a_person_has_taken_over(run: Run) -> None:
    result = run("""
      const from = { id: 's', kind: 'system', name: 'system' };
      await t.up(); await t.push(t.message(1, { from, data: { event: 'claimed' } }));
      await t.write('hello'); await t.ack(2);
      const claimed = t.chat.awaited;
      await t.push(t.message(2), t.message(3, { from, data: { event: 'released' } }));
      return [claimed, t.chat.awaited?.message_id];""")
    assert result == [None, "m2"]
