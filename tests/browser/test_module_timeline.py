"""The timeline's laws: ordered and unique by offset, and a position that never runs ahead of a gap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

RUN = """async ([loadedTo, steps]) => {
  const { Timeline } = await import('/static/parlance/timeline.js');
  const message = (offset) => ({ offset, whole: true });
  const timeline = new Timeline('conv:1', 'e');
  const inPage = Math.min(loadedTo, 3);
  const page = Array.from({ length: inPage }, (_, i) => message(loadedTo - inPage + 1 + i));
  timeline.load({ messages: page, more: loadedTo > 3 }, loadedTo);
  const seen = [];
  for (const [kind, offset] of steps) {
    if (kind === 'push') timeline.add(message(offset));
    else timeline.addAcked({ offset });
    seen.push([timeline.position, timeline.gap]);
  }
  const offsets = (messages) => messages.map(({ offset }) => offset);
  return { offsets: offsets(timeline.messages), whole: offsets(timeline.messages.filter((m) => m.whole)), seen };
}"""

STEPS = st.lists(st.tuples(st.sampled_from(["push", "ack"]), st.integers(1, 14)), max_size=25)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(loaded_to=st.integers(0, 6), steps=STEPS)
def test_order_uniqueness_and_position(modules: Page, loaded_to: int, steps: list[tuple[str, int]]) -> None:
    result: dict[str, Any] = modules.evaluate(RUN, [loaded_to, [list(step) for step in steps]])
    page = range(max(1, loaded_to - 2), loaded_to + 1)
    pushed = set(page)
    known = set(page)
    position = loaded_to
    for (kind, offset), (seen_position, seen_gap) in zip(steps, result["seen"], strict=True):
        known.add(offset)
        if kind == "push":
            pushed.add(offset)
        while position + 1 in pushed:
            position += 1
        assert seen_position == position
        through_acks = position
        while through_acks + 1 in known - pushed:
            through_acks += 1
        assert seen_gap == (bool(known) and max(known) > through_acks)
    assert result["offsets"] == sorted(known)
    assert result["whole"] == sorted(pushed)


@pytest.mark.parametrize("order", ["ack first", "push first"])
def test_ack_and_push_of_one_message_show_it_once(modules: Page, order: str) -> None:
    steps = [["ack", 1], ["push", 1]] if order == "ack first" else [["push", 1], ["ack", 1]]
    result = modules.evaluate(RUN, [0, steps])
    assert result["offsets"] == result["whole"] == [1]
