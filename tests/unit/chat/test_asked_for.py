"""Whoever asks for a person in words waits for one, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from server.chat.asked_for import REASON, AskedFor
from server.store.ports import OpenTurn
from tests.unit.chat.answering import turn


class Scene:
    """A bot and a relief that note what is asked of them, in its order; ``outcome`` is what the answer comes to."""

    def __init__(self, outcome: Callable[[], bool]) -> None:
        self.did: list[tuple[str, ...]] = []
        self.outcome = outcome

    @property
    def writer(self) -> Scene:
        return self

    def wants_person(self, text: str) -> bool:
        return "human" in text

    async def on_handoff(self, channel: str) -> None:
        self.did.append(("rewarded", channel))

    async def answer(self, turn: OpenTurn, last_try: bool) -> bool:
        self.did.append(("answered", turn.message.text, str(last_try)))
        return self.outcome()

    async def relieve(self, channel: str, reason: str) -> None:
        self.did.append(("handed over", channel, reason))

    async def says(self, text: str) -> bool:
        asked = turn(1)
        asked = replace(asked, message=msgspec.structs.replace(asked.message, text=text))
        scene: Any = self
        relieve: Any = self.relieve
        return await AskedFor(scene, scene, scene, relieve).answer(asked, True)


def refused() -> bool:
    return False


def answered() -> bool:
    return True


def failed() -> bool:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("outcome", [answered, refused])
async def test_who_asks_is_answered_and_handed_over(outcome: Callable[[], bool]) -> None:
    scene = Scene(outcome)
    assert await scene.says("a human please") is outcome()
    assert scene.did == [
        ("rewarded", "conv:c"),  # the answer before, so before this one is there
        ("answered", "a human please", "True"),
        ("handed over", "conv:c", REASON),
    ]


async def test_a_failed_answer_leaves_the_wish_as_it_is() -> None:
    scene = Scene(failed)
    with pytest.raises(RuntimeError, match="a bug"):
        await scene.says("a human please")
    assert scene.did[-1] == ("handed over", "conv:c", REASON)


async def test_who_does_not_ask_is_only_answered() -> None:
    scene = Scene(answered)
    assert await scene.says("hello")
    assert scene.did == [("answered", "hello", "True")]
