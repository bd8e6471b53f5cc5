"""The values behind the admin's page: history, exports, who waits, alerts, and the session that asks a person."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page


def run(page: Page, module: str, names: str, body: str, value: object = None) -> Any:
    script = f"async (value) => {{ const {{ {names} }} = await import('/static/admin/{module}.js'); {body} }}"
    return page.evaluate(script, value)


class TestHistory:
    def test_a_silence_is_a_gap(self, modules: Page) -> None:
        result = run(modules, "history", "History", """
          const history = new History();
          for (const at of [1000, 2000, 8000, 9000]) history.push({ at_ms: at, connections: at / 1000 });
          history.push({ at_ms: 9000, connections: 99 });
          history.push({ at_ms: 4000, connections: 99 });
          history.push({});
          return history.columns(0, 9000, [(figures) => figures.connections, () => undefined]);""")  # fmt: skip
        assert result == [[1, 2, 2.001, 8, 9], [1, 2, None, 8, 9], [None] * 5]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        moments=st.lists(st.integers(0, 5_000_000), max_size=60),
        span=st.tuples(st.integers(0, 5_000_000), st.integers(0, 5_000_000)),
    )
    def test_what_lies_between_is_what_was_kept(self, modules: Page, moments: list[int], span: tuple[int, int]) -> None:
        body = """
          const history = new History();
          for (const at_ms of value.moments) history.push({ at_ms });
          return history.between(...value.span).map(({ at_ms }) => at_ms);"""
        found = run(modules, "history", "History", body, {"moments": moments, "span": list(span)})
        rising: list[int] = []
        for moment in moments:
            if not rising or moment > rising[-1]:
                rising.append(moment)
        newest = rising[-1] if rising else 0
        within = [moment for moment in rising if span[0] <= moment <= span[1]]
        assert [moment for moment in within if moment >= newest - 3_600_000] == [
            moment for moment in found if moment >= newest - 3_600_000
        ]
        assert set(found) <= set(within)

    def test_an_hour_is_kept(self, modules: Page) -> None:
        size = run(modules, "history", "History", """
          const history = new History();
          for (let at = 0; at < 9000; at += 1) history.push({ at_ms: at * 1000 });
          return history.size;""")  # fmt: skip
        assert 3_600 <= size <= 3_662


@pytest.mark.parametrize(
    ("name", "cell"),
    [("warm", "warm"), ('a "b", c', '"a ""b"", c"'), ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("-x", "'-x")],
)
def test_csv(modules: Page, name: str, cell: str) -> None:
    body = "return csvOf([{ at_ms: 0, n: -1.5 }, { at_ms: 1000 }], [{ name: value, read: ({ n }) => n }]);"
    found = run(modules, "history", "csvOf", body, name)
    assert found == f"time,{cell}\r\n1970-01-01T00:00:00.000Z,-1.5\r\n1970-01-01T00:00:01.000Z,\r\n"


def test_the_queue_follows_its_changes(modules: Page) -> None:
    result = run(modules, "../parlance/waiting", "Queue", """
      const item = (channel, since) => ({ channel, waiting_since_ms: since });
      const queue = new Queue();
      const before = queue.known;
      queue.hear('snapshot', { items: [item('conv:b', 20), item('conv:a', 30)] });
      queue.hear('upsert', { item: item('conv:c', 10) });
      queue.hear('upsert', { item: item('conv:a', 5) });
      queue.hear('remove', { channel: 'conv:b' });
      queue.hear('something new', {});
      return [before, queue.known, queue.items.map(({ channel }) => channel)];""")  # fmt: skip
    assert result == [False, True, ["conv:a", "conv:c"]]


def test_alerts_stand_until_they_are_cleared(modules: Page) -> None:
    result = run(modules, "../parlance/waiting", "Alerts, aboutOf", """
      const alert = (alert_id, severity, state, at_ms) => (
        { alert_id, rule: 'psi', severity, state, at_ms, value: 0.3, version: 'nlu-1.1.0' });
      const alerts = new Alerts();
      alerts.hear('snapshot', { items: [alert('a', 'warning', 'raised', 1)] });
      alerts.hear('alert', alert('b', 'critical', 'raised', 2));
      alerts.hear('alert', alert('c', 'warning', 'raised', 3));
      const standing = alerts.standing.map(({ alert_id }) => alert_id);
      alerts.hear('alert', alert('a', 'critical', 'raised', 4));
      const worse = alerts.standing.map(({ alert_id }) => alert_id);
      alerts.hear('alert', alert('b', 'critical', 'cleared', 5));
      return [standing, worse, alerts.over.map(({ alert_id }) => alert_id), aboutOf(alerts.over[0])];""")  # fmt: skip
    assert result == [["b", "c", "a"], ["a", "b", "c"], ["b"], "version nlu-1.1.0"]


def test_the_session_asks_where_there_is_no_token(modules: Page) -> None:
    result = modules.evaluate("""async () => {
      const { StaffSession } = await import('/static/parlance/staff_session.js');
      const { Kept } = await import('/static/parlance/kept.js');
      const session = new StaffSession(new Kept(() => { throw new Error('no storage') }), 'x');
      const asked = [];
      session.on('asked', ({ sentence }) => asked.push(sentence));
      const claim = session.claim();
      const resumes = session.signIn('T1');
      const first = await claim;
      session.drop('another');
      const kept = session.token;
      session.drop('T1');
      session.claim();
      return { asked, resumes, first: first.token, kept, after: session.token, again: session.signIn('T2') };
    }""")
    assert result["asked"] == ["", "The server does not accept this token: it is wrong, or has expired."]
    assert (result["resumes"], result["first"], result["kept"]) == (True, "T1", "T1")
    assert (result["after"], result["again"]) == (None, True)


DESIGN = {
    "id": "tone",
    "hypothesis": "h",
    "salt": "kept",
    "variants": [
        {"name": "as today", "weight": 2, "changes": []},
        {"name": "b", "weight": 1, "changes": [
            {"kind": "writer_style", "values": {"tone": "friendly", "verbosity": 0.5}},
            {"kind": "reply_templates", "values": {"refund": 'We | "pay" back', "other": "7"}},
        ]},
    ],
    "metrics": ["satisfaction", "resolution"],
    "guardrails": {"handoff_rate": 0.05},
    "exposure": 0.125,
    "method": "fixed",
    "planned_units": 500,
    "min_units": 50,
    "max_days": 7.5,
}  # fmt: skip


class TestDesigning:
    def test_a_document_comes_back_from_the_form_as_it_was(self, modules: Page) -> None:
        given = {**DESIGN, "state": "draft", "revision": 3, "changed_by": "ada"}
        body = "const values = toValues(value); return [values, toDocument(values, value)];"
        values, document = run(modules, "designing", "toValues, toDocument", body, given)
        assert document == DESIGN
        assert values["variants"].splitlines() == [
            "as today, 2",
            r'b | writer_style tone=friendly verbosity=0.5 | reply_templates refund="We | \"pay\" back" other="7"',
        ]

    def test_factors_make_the_variants(self, modules: Page) -> None:
        given = {**DESIGN, "factors": [{"name": "tone"}, {"name": "reach"}]}
        document = run(
            modules, "designing", "toValues, toDocument", "return toDocument(toValues(value), value);", given
        )
        assert "variants" not in document and document["factors"] == given["factors"]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a\n, 2", "Line 2 begins with no name."),
            ("a | writer_style", 'Line 1: "writer_style" is no change. Write one as: writer_style tone=friendly'),
            ("a | flow x=1 y", 'Line 1: "flow x=1 y" is no change. Write one as: writer_style tone=friendly'),
        ],
    )
    def test_what_is_no_variant(self, modules: Page, text: str, problem: str) -> None:
        body = "try { return textToVariants(value); } catch (error) { return error.message; }"
        assert run(modules, "designing", "textToVariants", body, text) == problem

    def test_the_servers_sentences_find_their_fields(self, modules: Page) -> None:
        sentences = [
            "experiment 'variants': give at least one metric, each once; the first decides.",
            "experiment 'e': there is no metric 'handof_rate'. Did you mean 'handoff_rate'?",
            "experiment 'e': exposure is 2: give a share from 0 to 1.",
            "experiment 'e': variant 'b', persona: there is no persona 'x'.",
            "There is an experiment 'e' already; give another id.",
            "The store is away.",
        ]
        body = "return value.map((sentence) => blamed(sentence, { guardrails: 'handof_rate 0.1' }));"
        found = run(modules, "designing", "blamed", body, sentences)
        assert found == ["metrics", "guardrails", "exposure", "variants", "id", None]


def test_a_frame_draws_one_piece_and_none_is_passed_over(modules: Page) -> None:
    drawn = run(modules, "turns", "Turns", """
      const frames = [];
      globalThis.requestAnimationFrame = (frame) => frames.push(frame);
      const drawn = [];
      const turns = new Turns();
      for (const round of [1, 2]) for (const key of ['a', 'b', 'c']) turns.take(key, () => drawn.push(key + round));
      frames.shift()();
      turns.take('a', () => drawn.push('a3'));
      while (frames.length > 0) frames.shift()();
      turns.take('a', () => drawn.push('a4'));
      frames.shift()();
      return [drawn, frames.length];""")  # fmt: skip
    assert drawn == [["a2", "b2", "c2", "a3", "a4"], 0]
