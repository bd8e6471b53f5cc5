"""The connection's behaviour, moment by moment, on a scripted socket and a clock moved by hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.support import Run, bench


@pytest.fixture
def run(modules: Page) -> Run:
    """Runs the body of an async function that sees ``t``, the bench; returns what it returns."""
    return bench(modules, "connectionBench")


def test_it_introduces_itself_and_keeps_the_guest_token(run: Run) -> None:
    result = run("""
      await t.up({ token: 'T1' });
      const first = t.last('connect');
      t.resume = { 'conv:1': { epoch: 'e', offset: 7 } };
      await t.lose(); await t.welcomed();
      return { protocols: t.sockets[0].protocols, first, second: t.last('connect') };""")
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
      await t.push(welcome(t.last('connect').id), { type: 'message', offset: 1 }, { type: 'unheard-of' });
      return order;""")
    assert result == ["welcome", "message", "unheard-of"]


def test_answers_find_their_requests_in_any_order(run: Run) -> None:
    result = run("""
      await t.up();
      const one = t.connection.request({ type: 'open', key: 'a' });
      const two = t.connection.request({ type: 'open', key: 'b' });
      const told = ({ code, temporary, retryAfterMs }) => [code, temporary, retryAfterMs];
      const three = t.connection.request({ type: 'open', key: 'c' }).catch(told);
      const [a, b, c] = t.socket().sent.slice(-3).map(({ id }) => id);
      const busy = { type: 'error', code: 429, name: 'rate_limited', message: '', temporary: true, retry_after_ms: 9 };
      const opened = (id, channel) => ({ type: 'opened', id, channel });
      await t.push({ ...busy, id: c }, opened(b, 'B'), opened(a, 'A'));
      return [(await one).channel, (await two).channel, await three, t.pushes.length];""")
    assert result == ["A", "B", [429, True, 9], 0]


def test_back_off_doubles_to_fifteen_seconds_with_full_jitter(run: Run) -> None:
    result = run("""
      t.random = 0.999999;
      await t.start();
      const most = [];
      for (let i = 0; i < 8; i += 1) most.push(await t.lose());
      t.random = 0;
      return { most, least: await t.lose() };""")
    assert result == {"most": [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000], "least": 0}


def test_back_off_starts_over_only_after_a_stable_while(run: Run) -> None:
    result = run("""
      t.random = 0.999999;
      await t.start();
      const first = await t.lose(); await t.welcomed();
      const second = await t.lose(); await t.welcomed(); await t.clock.advance(6000);
      return [first, second, await t.lose()];""")
    assert result == [500, 1000, 500]


@pytest.mark.parametrize("code", [4500, 4429])
def test_goodbye_names_the_delay_and_nothing_shortens_it(run: Run, code: int) -> None:
    result = run(f"""
      await t.up();
      await t.push({{ type: 'goodbye', code: {code}, after_ms: 7300 }});
      await t.socket().ends({code});
      const {{ forced, retryAt }} = t.states.at(-1);
      t.connection.probe(); await t.clock.advance(7299);
      const early = t.sockets.length;
      await t.clock.advance(1);
      return {{ forced, retryAt, early, late: t.sockets.length }};""")
    assert result == {"forced": True, "retryAt": 7300, "early": 1, "late": 2}


@pytest.mark.parametrize("code", [1007, 1009, 4400, 4403, 4404, 4499])
def test_it_stays_away_where_the_protocol_says_so(run: Run, code: int) -> None:
    result = run(f"""
      await t.up(); await t.socket().ends({code}); await t.clock.advance(600000);
      return {{ ...t.states.at(-1), sockets: t.sockets.length }};""")
    assert (result["state"], result["sockets"]) == ("stopped", 1)
    assert result["sentence"] != ""


@pytest.mark.parametrize("code", [1001, 1006, 1012, 4408, 4429, 4500, 4501, 4503, 4999])
def test_it_comes_back_where_the_protocol_says_so(run: Run, code: int) -> None:
    assert run(f"await t.up(); await t.lose({code}); return t.sockets.length;") == 2


def test_4401_drops_the_token_and_comes_back_as_a_guest(run: Run) -> None:
    result = run("""
      t.credentials.store('OLD'); await t.start(); await t.socket().opens();
      const first = t.last('connect').token;
      await t.refuse('connect', 401, 'no such token');
      await t.welcomed({ token: 'NEW' });
      return [first, t.last('connect').token ?? null, t.credentials.token, t.connection.online];""")
    assert result == ["OLD", None, "NEW", True]


def test_4401_without_a_token_is_the_end(run: Run) -> None:
    result = run("""
      await t.start(); await t.socket().opens(); await t.socket().ends(4401); await t.clock.advance(600000);
      return [t.connection.state.state, t.sockets.length];""")
    assert result == ["stopped", 1]


def test_4401_keeps_the_newer_token_of_another_tab(run: Run) -> None:
    result = run("""
      t.credentials.store('OLD'); await t.start(); await t.socket().opens();
      t.credentials.store('OTHER'); await t.socket().ends(4401); await t.welcomed();
      return t.last('connect').token;""")
    assert result == "OTHER"


def test_silence_is_tested_and_a_half_open_link_left(run: Run) -> None:
    result = run("""
      await t.up(); await t.clock.advance(25000);
      await t.answer('ping', { type: 'pong', time_ms: 1 });
      await t.clock.advance(24999);
      const pings = t.sent('ping').length;
      await t.clock.advance(1 + 8000);
      return [pings, t.connection.state.state, t.sockets[0].closed];""")
    assert result == [1, "waiting", True]


def test_traffic_spares_the_ping(run: Run) -> None:
    result = run("""
      await t.up();
      for (let i = 0; i < 10; i += 1) { await t.clock.advance(20000); await t.push({ type: 'message' }); }
      return t.sent('ping').length;""")
    assert result == 0


def test_what_was_asked_of_a_lost_connection_is_told(run: Run) -> None:
    result = run("""
      await t.up();
      const told = ({ reason, temporary }) => [reason, temporary];
      const asked = t.connection.request({ type: 'send' }).catch(told);
      await t.socket().ends(1006);
      return [await asked, await t.connection.request({ type: 'send' }).catch(told)];""")
    assert result == [["disconnected", True], ["disconnected", True]]


def test_no_answer_in_time_is_told_as_temporary(run: Run) -> None:
    result = run("""
      await t.up();
      const asked = t.connection.request({ type: 'send' }).catch(({ reason, temporary }) => [reason, temporary]);
      await t.clock.advance(15000);
      return [await asked, t.connection.online];""")
    assert result == [["timeout", True], True]


def test_probe_tries_at_once_when_the_network_is_back(run: Run) -> None:
    result = run("""
      t.random = 0.999999; await t.start();
      for (let i = 0; i < 6; i += 1) await t.lose();
      await t.socket().ends(1006);
      const before = t.sockets.length;
      t.connection.probe(); await t.settle();
      return t.sockets.length - before;""")
    assert result == 1


def test_a_message_beyond_the_servers_limit_is_not_sent(run: Run) -> None:
    result = run("""
      await t.up({ max_message_bytes: 200 });
      const long = { type: 'send', text: 'é'.repeat(100) };
      const told = await t.connection.request(long).catch(({ code, temporary }) => [code, temporary]);
      return [told, t.sent('send').length];""")
    assert result == [[413, False], 0]


def test_another_tabs_token_brings_this_tab_back_as_that_user(run: Run) -> None:
    result = run("""
      await t.up({ token: 'MINE' });
      t.connection.tokenChanged();
      const same = t.sockets.length;
      t.credentials.store('THEIRS'); t.connection.tokenChanged(); await t.welcomed();
      return [same, t.last('connect').token, t.sockets[0].closed];""")
    assert result == [1, "THEIRS", True]
