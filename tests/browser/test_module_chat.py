"""Outbox, recovery and thumbs on a scripted server: nothing lost, nothing doubled, nothing out of order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

SETUP = """async () => {
  const { ManualClock, memory, scripted, settle, welcome } = await import('/scripted.js');
  const { Connection } = await import('/static/parlance/connection.js');
  const { Credentials } = await import('/static/parlance/credentials.js');
  const { Kept } = await import('/static/parlance/kept.js');
  const { Chat } = await import('/static/parlance/chat.js');
  const clock = new ManualClock();
  const { Socket, sockets } = scripted();
  const t = { clock, sockets, settle, notices: [], shared: memory(), own: memory() };
  t.me = { id: 'u1', kind: 'customer', name: 'Guest' };
  t.bot = { id: 'bot', kind: 'bot', name: 'Parlance' };
  t.tab = () => {
    const shared = new Kept(() => t.shared);
    t.connection = new Connection({
      url: 'ws://x/ws', client: {}, credentials: new Credentials(shared, null), resume: () => t.chat.positions(), Socket, clock, random: () => 0.5,
    });
    t.chat = new Chat({ connection: t.connection, shared, own: new Kept(() => t.own), clock, random: () => 0.5, wallMs: () => 1_000_000 + clock.now() });
    t.chat.on('notice', ({ text }) => t.notices.push(text));
    t.connection.start();
  };
  t.socket = () => sockets.at(-1);
  t.message = (offset, more = {}) => ({ type: 'message', channel: 'conv:1', epoch: 'e', offset, message_id: `m${offset}`,
    at_ms: 1_000_000, from: t.me, text: `t${offset}`, ...more });
  t.welcome = async (more = {}) => {
    await settle(); await t.socket().opens();
    await t.socket().says(welcome(t.socket().last('connect').id, { time_ms: 1_000_000 + clock.now(), user: t.me, ...more }));
  };
  t.answer = (type, more) => t.socket().says({ ...more, id: t.socket().last(type).id });
  t.opened = (offset = 0, channel = 'conv:1') => t.answer('open', { type: 'opened', channel, epoch: 'e', offset, duplicate: false,
    conversation: { state: 'bot' } });
  t.history = (messages = [], more = false) => t.answer('history', { type: 'history', channel: 'conv:1', epoch: 'e', messages, more });
  t.up = async (messages = []) => { await t.welcome(); await t.opened(messages.at(-1)?.offset ?? 0); await t.history(messages); };
  t.ack = (offset, duplicate = false) => { const { key } = t.socket().last('send');
    return t.answer('send', { type: 'ack', channel: 'conv:1', key, message_id: `m${offset}`, offset, at_ms: 1_000_000, duplicate }); };
  t.sends = () => sockets.flatMap(({ sent }) => sent.filter(({ type }) => type === 'send'));
  t.write = async (text) => { t.chat.send(text); await settle(); };
  t.shown = () => [...t.chat.messages.map(({ text }) => text), ...t.chat.unsent.map(({ text, state }) => `${text} (${state})`)];
  t.tab();
  window.t = t;
}"""

Run = Callable[[str], Any]


@pytest.fixture
def run(modules: Page) -> Run:
    """Runs the body of an async function that sees ``t``; returns what it returns."""
    modules.evaluate(SETUP)
    return lambda body: modules.evaluate(f"async () => {{ const t = window.t; {body} }}")


def test_what_is_written_before_the_connection_waits_and_goes_in_order(run: Run) -> None:
    result = run("""
      await t.write('one'); await t.write('two'); const before = t.shown();
      await t.up(); const atOnce = t.sends().length;
      await t.ack(1); await t.ack(2);
      return { before, atOnce, sent: t.sends().map(({ text }) => text), shown: t.shown() };""")
    assert result["before"] == ["one (pending)", "two (pending)"]
    assert result["atOnce"] == 1
    assert result["sent"] == ["one", "two"]
    assert result["shown"] == ["one", "two"]


@pytest.mark.parametrize("order", ["ack, push", "push, ack"])
def test_ack_and_push_in_either_order_show_one_message(run: Run, order: str) -> None:
    first, second = ("await t.ack(1);", "await push();") if order == "ack, push" else ("await push();", "await t.ack(1);")
    result = run(f"""
      await t.up(); await t.write('one');
      const push = () => t.socket().says(t.message(1, {{ text: 'one', key: t.socket().last('send').key }}));
      {first} {second} return [t.shown(), t.chat.positions()['conv:1'].offset];""")
    assert result == [["one"], 1]


def test_a_lost_ack_is_repeated_with_the_same_key(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one'); await t.socket().ends(1006); await t.clock.advance(15000);
      await t.welcome({ channels: { 'conv:1': { recovered: true, epoch: 'e', offset: 0, messages: [] } } });
      await t.ack(1, true);
      return { keys: t.sends().map(({ key }) => key), shown: t.shown() };""")
    assert len(result["keys"]) == 2
    assert len(set(result["keys"])) == 1
    assert result["shown"] == ["one"]


def test_a_recovered_own_message_is_not_sent_again(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one'); const { key } = t.socket().last('send');
      await t.socket().ends(1006); await t.clock.advance(15000);
      await t.welcome({ channels: { 'conv:1': { recovered: true, epoch: 'e', offset: 1, messages: [t.message(1, { key, text: 'one' })] } } });
      return { sends: t.sends().length, shown: t.shown() };""")
    assert result == {"sends": 1, "shown": ["one"]}


def test_a_reload_keeps_the_outbox_and_its_keys(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one'); const { key } = t.socket().last('send');
      t.tab(); const after = t.shown(); await t.up(); await t.ack(1, true);
      return { after, same: t.socket().last('send').key === key, shown: t.shown() };""")
    assert result == {"after": ["one (pending)"], "same": True, "shown": ["one"]}


def test_resume_asks_from_the_last_whole_offset_and_takes_what_it_missed(run: Run) -> None:
    result = run("""
      await t.up([t.message(1), t.message(2, { from: t.bot })]); await t.socket().ends(4501); await t.clock.advance(15000);
      const missed = [t.message(3), t.message(4)];
      await t.welcome({ channels: { 'conv:1': { recovered: true, epoch: 'e', offset: 4, messages: missed } } });
      return { resume: t.socket().last('connect').resume, asked: t.socket().sent.map(({ type }) => type), shown: t.shown() };""")
    assert result["resume"] == {"conv:1": {"epoch": "e", "offset": 2}}
    assert result["asked"] == ["connect"]
    assert result["shown"] == ["t1", "t2", "t3", "t4"]


def test_a_refused_recovery_reloads_by_history_and_keeps_pushes_that_come_meanwhile(run: Run) -> None:
    result = run("""
      await t.up([t.message(1)]); await t.socket().ends(1006); await t.clock.advance(15000);
      await t.welcome({ channels: { 'conv:1': { recovered: false, epoch: 'f', offset: 3, messages: [] } } });
      await t.socket().says(t.message(4, { epoch: 'f' }));
      await t.answer('history', { type: 'history', channel: 'conv:1', epoch: 'f', messages: [2, 3].map((o) => t.message(o, { epoch: 'f' })), more: true });
      return { shown: t.shown(), more: t.chat.more, resume: t.chat.positions() };""")
    assert result == {"shown": ["t2", "t3", "t4"], "more": True, "resume": {"conv:1": {"epoch": "f", "offset": 4}}}


def test_a_gap_is_read_from_history(run: Run) -> None:
    result = run("""
      await t.up([t.message(1)]); await t.socket().says(t.message(4));
      const { after } = t.socket().last('history');
      await t.history([2, 3, 4].map((offset) => t.message(offset)));
      return { after, shown: t.shown(), offset: t.chat.positions()['conv:1'].offset };""")
    assert result == {"after": 1, "shown": ["t1", "t2", "t3", "t4"], "offset": 4}


def test_busy_means_later_with_the_same_key(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one');
      await t.answer('send', { type: 'error', code: 503, name: 'unavailable', message: 'busy', temporary: true, retry_after_ms: 800 });
      await t.clock.advance(799); const early = t.sends().length; await t.clock.advance(1); await t.ack(1);
      return { early, keys: new Set(t.sends().map(({ key }) => key)).size, shown: t.shown() };""")
    assert result == {"early": 1, "keys": 1, "shown": ["one"]}


def test_a_refused_message_stays_until_the_person_decides(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('bad'); await t.write('good');
      await t.answer('send', { type: 'error', code: 422, name: 'invalid', message: 'text too long', temporary: false });
      await t.ack(1); const shown = t.shown(); const [{ key, error }] = t.chat.unsent;
      t.chat.retry(key); await t.settle(); const again = t.socket().last('send').key === key; await t.ack(2);
      return { shown, error, again, after: t.shown() };""")
    assert result["shown"] == ["good", "bad (failed)"]
    assert result["error"] == "text too long"
    assert result["again"] is True
    assert result["after"] == ["good", "bad"]


def test_a_conversation_the_server_lost_is_opened_anew(run: Run) -> None:
    result = run("""
      await t.up([t.message(1)]); await t.socket().ends(1006); await t.clock.advance(15000);
      await t.welcome({ channels: { 'conv:1': { error: { code: 404, name: 'not_found' } } } });
      await t.opened(0, 'conv:2'); await t.write('still here');
      await t.answer('history', { type: 'history', channel: 'conv:2', epoch: 'g', messages: [], more: false });
      return { channel: t.socket().last('send').channel, shown: t.shown() };""")
    assert result == {"channel": "conv:2", "shown": ["still here (pending)"]}


def test_another_user_starts_a_conversation_of_their_own_with_what_was_unsent(run: Run) -> None:
    result = run("""
      await t.up([t.message(1)]); const key = t.shared.getItem('parlance.conversation');
      await t.socket().ends(1006); await t.write('unsent'); await t.clock.advance(15000);
      t.me = { id: 'u2', kind: 'customer', name: 'Guest' }; await t.up();
      return { other: t.shared.getItem('parlance.conversation') !== key, shown: t.shown(), sent: t.sends().length, notices: t.notices.length };""")
    assert result == {"other": True, "shown": ["unsent (pending)"], "sent": 1, "notices": 1}


def test_an_unsent_message_stays_with_the_conversation_it_was_written_in(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('old'); const first = t.socket().last('open').key;
      await t.answer('send', { type: 'error', code: 503, name: 'unavailable', message: 'busy', temporary: true, retry_after_ms: 50 });
      t.chat.startNew(); await t.settle(); await t.opened(0, 'conv:2'); await t.answer('history', { type: 'history', channel: 'conv:2', epoch: 'e', messages: [], more: false });
      const shown = t.shown(); await t.clock.advance(50);
      const asked = t.socket().last('open').key === first; await t.opened(0, 'conv:1');
      return { shown, asked, channel: t.socket().last('send').channel };""")
    assert result == {"shown": [], "asked": True, "channel": "conv:1"}


def test_a_thumb_given_offline_is_sent_later_and_a_refused_one_taken_back(run: Run) -> None:
    result = run("""
      const answer = t.message(1, { from: t.bot }); await t.up([answer]); await t.socket().ends(1006);
      t.chat.rate('m1', 1); await t.clock.advance(15000);
      await t.welcome({ channels: { 'conv:1': { recovered: true, epoch: 'e', offset: 1, messages: [] } } });
      const { message_id, rating } = t.socket().last('feedback');
      await t.answer('feedback', { type: 'feedback', message_id, accepted: true });
      t.chat.rate('m1', 0); await t.settle(); const changed = t.socket().last('feedback').rating;
      await t.answer('feedback', { type: 'error', code: 422, name: 'invalid', message: 'no', temporary: false });
      return { message_id, rating, changed, kept: t.chat.ratingOf('m1'), notices: t.notices.length };""")
    assert result == {"message_id": "m1", "rating": 1, "changed": 0, "kept": None, "notices": 1}


def test_the_answer_is_awaited_until_it_comes_or_a_minute_has_passed(run: Run) -> None:
    result = run("""
      await t.up(); await t.write('one'); const sending = t.chat.awaited; await t.ack(1);
      const waiting = t.chat.awaited?.message_id;
      await t.socket().says(t.message(2, { from: t.bot, reply_to: 'm1' })); const answered = t.chat.awaited;
      await t.write('two'); await t.ack(3); await t.clock.advance(60001);
      return { sending, waiting, answered, late: t.chat.awaited };""")
    assert result == {"sending": None, "waiting": "m1", "answered": None, "late": None}


def test_nobody_waits_for_the_bot_while_a_person_has_taken_over(run: Run) -> None:
    result = run("""
      await t.up(); await t.socket().says(t.message(1, { from: { id: 's', kind: 'system', name: 'system' }, data: { event: 'claimed' } }));
      await t.write('hello'); await t.ack(2); return t.chat.awaited;""")
    assert result is None
