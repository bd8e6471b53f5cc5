"""The connection's behaviour, moment by moment, on a scripted socket and a clock moved by hand."""

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
  const clock = new ManualClock();
  const { Socket, sockets } = scripted();
  const storage = memory();
  const credentials = new Credentials(new Kept(() => storage), null);
  const states = [], pushes = [], welcomes = [];
  const t = { clock, sockets, storage, credentials, states, pushes, welcomes, settle, resume: {}, random: 0.5 };
  t.connection = new Connection({
    url: 'ws://x/ws', client: { name: 'web', version: '1' }, credentials, resume: () => t.resume, Socket, clock, random: () => t.random,
  });
  t.connection.on('state', (state) => states.push(state));
  t.connection.on('push', (frame) => pushes.push(frame));
  t.connection.on('welcome', (frame) => welcomes.push(frame));
  t.socket = () => sockets.at(-1);
  t.start = async () => { t.connection.start(); await settle(); };
  t.up = async (more) => {
    await settle();
    await t.socket().opens();
    await t.socket().says(welcome(t.socket().last('connect').id, more));
  };
  window.t = t;
}"""

Run = Callable[[str], Any]


@pytest.fixture
def run(modules: Page) -> Run:
    """Runs the body of an async function that sees ``t``; returns what it returns."""
    modules.evaluate(SETUP)
    return lambda body: modules.evaluate(f"async () => {{ const t = window.t; {body} }}")


def test_it_introduces_itself_and_keeps_the_guest_token(run: Run) -> None:
    result = run("""
      await t.start(); await t.up({ token: 'T1' });
      const first = t.socket().last('connect');
      t.resume = { 'conv:1': { epoch: 'e', offset: 7 } };
      await t.socket().ends(1006); await t.clock.advance(15000); await t.up();
      return { protocols: t.sockets[0].protocols, first, second: t.socket().last('connect') };""")
    assert result["protocols"] == ["parlance.v1.json"]
    assert "token" not in result["first"]
    assert result["first"]["client"] == {"name": "web", "version": "1"}
    assert result["second"]["token"] == "T1"
    assert result["second"]["resume"] == {"conv:1": {"epoch": "e", "offset": 7}}


def test_a_batch_is_handled_in_order_and_the_welcome_first(run: Run) -> None:
    result = run("""
      await t.start(); await t.socket().opens();
      const order = [];
      t.connection.on('welcome', () => order.push('welcome'));
      t.connection.on('push', ({ type }) => order.push(type));
      const { welcome } = await import('/scripted.js');
      await t.socket().says(welcome(t.socket().last('connect').id), { type: 'message', offset: 1 }, { type: 'unheard-of' });
      return order;""")
    assert result == ["welcome", "message", "unheard-of"]


def test_answers_find_their_requests_in_any_order(run: Run) -> None:
    result = run("""
      await t.start(); await t.up();
      const one = t.connection.request({ type: 'open', key: 'a' });
      const two = t.connection.request({ type: 'open', key: 'b' });
      const failed = t.connection.request({ type: 'open', key: 'c' }).catch((error) => [error.code, error.temporary, error.retryAfterMs]);
      const [a, b, c] = t.socket().sent.slice(-3).map(({ id }) => id);
      await t.socket().says({ type: 'error', id: c, code: 429, name: 'rate_limited', message: 'slow', temporary: true, retry_after_ms: 9 },
        { type: 'opened', id: b, channel: 'B' }, { type: 'opened', id: a, channel: 'A' });
      return [(await one).channel, (await two).channel, await failed, t.pushes.length];""")
    assert result == ["A", "B", [429, True, 9], 0]


def test_back_off_doubles_to_fifteen_seconds_with_full_jitter(run: Run) -> None:
    result = run("""
      t.random = 0.999999; const full = [];
      await t.start();
      for (let i = 0; i < 8; i += 1) {
        await t.socket().ends(1006);
        const { state, retryAt } = t.states.at(-1);
        full.push([state, retryAt - t.clock.now()]);
        await t.clock.advance(retryAt - t.clock.now());
      }
      t.random = 0; await t.socket().ends(1006);
      return { full, least: t.states.at(-1).retryAt - t.clock.now() };""")
    assert [state for state, _ in result["full"]] == ["waiting"] * 8
    assert [delay for _, delay in result["full"]] == [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]
    assert result["least"] == 0


def test_back_off_starts_over_only_after_a_stable_while(run: Run) -> None:
    result = run("""
      t.random = 0.999999; const delays = [];
      const lose = async () => { await t.socket().ends(1006); delays.push(t.states.at(-1).retryAt - t.clock.now()); await t.clock.advance(delays.at(-1)); };
      await t.start(); await lose(); await t.up(); await lose(); await t.up(); await t.clock.advance(6000); await lose();
      return delays;""")
    assert result == [500, 1000, 500]


@pytest.mark.parametrize("code", [4500, 4429])
def test_goodbye_names_the_delay_and_nothing_shortens_it(run: Run, code: int) -> None:
    result = run(f"""
      await t.start(); await t.up();
      await t.socket().says({{ type: 'goodbye', code: {code}, after_ms: 7300 }}); await t.socket().ends({code});
      const waiting = t.states.at(-1);
      t.connection.probe(); await t.clock.advance(7299);
      const early = t.sockets.length;
      await t.clock.advance(1);
      return {{ waiting, early, late: t.sockets.length }};""")
    assert result["waiting"]["forced"] is True
    assert result["waiting"]["retryAt"] == 7300
    assert (result["early"], result["late"]) == (1, 2)


@pytest.mark.parametrize("code", [1007, 1009, 4400, 4403, 4404, 4499])
def test_it_stays_away_where_the_protocol_says_so(run: Run, code: int) -> None:
    result = run(f"""
      await t.start(); await t.up(); await t.socket().ends({code}); await t.clock.advance(600000);
      return {{ state: t.states.at(-1), sockets: t.sockets.length }};""")
    assert result["state"]["state"] == "stopped"
    assert result["state"]["sentence"] != ""
    assert result["sockets"] == 1


@pytest.mark.parametrize("code", [1001, 1006, 1012, 4408, 4429, 4500, 4501, 4503, 4999])
def test_it_comes_back_where_the_protocol_says_so(run: Run, code: int) -> None:
    tries = run(f"""
      await t.start(); await t.up(); await t.socket().ends({code});
      await t.clock.advance(t.states.at(-1).retryAt - t.clock.now()); return t.sockets.length;""")
    assert tries == 2


def test_4401_drops_the_token_and_comes_back_as_a_guest(run: Run) -> None:
    result = run("""
      t.credentials.store('OLD'); await t.start(); await t.socket().opens();
      const sent = t.socket().last('connect').token;
      await t.socket().says({ type: 'error', id: t.socket().last('connect').id, code: 401, name: 'unauthenticated', message: 'no', temporary: false });
      await t.up({ token: 'NEW' });
      return { sent, kept: t.credentials.token, second: t.socket().last('connect').token ?? null, state: t.connection.state.state };""")
    assert result == {"sent": "OLD", "kept": "NEW", "second": None, "state": "online"}


def test_4401_without_a_token_is_the_end(run: Run) -> None:
    result = run("""
      await t.start(); await t.socket().opens(); await t.socket().ends(4401); await t.clock.advance(600000);
      return { state: t.connection.state.state, sockets: t.sockets.length };""")
    assert result == {"state": "stopped", "sockets": 1}


def test_4401_keeps_the_newer_token_of_another_tab(run: Run) -> None:
    result = run("""
      t.credentials.store('OLD'); await t.start(); await t.socket().opens();
      t.credentials.store('OTHER'); await t.socket().ends(4401); await t.up();
      return t.socket().last('connect').token;""")
    assert result == "OTHER"


def test_silence_is_tested_and_a_half_open_link_left(run: Run) -> None:
    result = run("""
      await t.start(); await t.up(); await t.clock.advance(25000);
      const asked = t.socket().last('ping');
      await t.socket().says({ type: 'pong', id: asked.id, time_ms: 1 });
      await t.clock.advance(24999);
      const quiet = t.socket().sent.filter(({ type }) => type === 'ping').length;
      await t.clock.advance(1 + 8000);
      return { quiet, state: t.connection.state.state, closed: t.sockets[0].closed };""")
    assert result == {"quiet": 1, "state": "waiting", "closed": True}


def test_traffic_spares_the_ping(run: Run) -> None:
    result = run("""
      await t.start(); await t.up();
      for (let i = 0; i < 10; i += 1) { await t.clock.advance(20000); await t.socket().says({ type: 'message' }); }
      return t.socket().sent.filter(({ type }) => type === 'ping').length;""")
    assert result == 0


def test_what_was_asked_of_a_lost_connection_is_told(run: Run) -> None:
    result = run("""
      await t.start(); await t.up();
      const asked = t.connection.request({ type: 'send' }).catch(({ reason, temporary }) => [reason, temporary]);
      await t.socket().ends(1006);
      return [await asked, await t.connection.request({ type: 'send' }).catch(({ reason }) => reason)];""")
    assert result == [["disconnected", True], "disconnected"]


def test_probe_tries_at_once_when_the_network_is_back(run: Run) -> None:
    assert run("""
      t.random = 0.999999; await t.start();
      for (let i = 0; i < 6; i += 1) { await t.socket().ends(1006); await t.clock.advance(15000); }
      await t.socket().ends(1006); const before = t.sockets.length;
      t.connection.probe(); await t.settle(); return t.sockets.length - before;""") == 1


def test_a_message_beyond_the_servers_limit_is_not_sent(run: Run) -> None:
    assert run("""
      await t.start(); await t.up({ max_message_bytes: 200 });
      return t.connection.request({ type: 'send', text: 'é'.repeat(100) }).catch(({ code, temporary }) => [code, temporary]);""") == [413, False]


def test_another_tabs_token_brings_this_tab_back_as_that_user(run: Run) -> None:
    result = run("""
      await t.start(); await t.up({ token: 'MINE' });
      t.connection.tokenChanged(); const same = t.sockets.length;
      t.credentials.store('THEIRS'); t.connection.tokenChanged(); await t.up();
      return [same, t.socket().last('connect').token, t.sockets[0].closed];""")
    assert result == [1, "THEIRS", True]
