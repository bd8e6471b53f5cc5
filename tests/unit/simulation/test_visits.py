"""What live customers write, and how they take answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from adapters.simulation import Customers, CustomersError, Delay, Segment, parse_customers
from adapters.simulation.moods import MOOD_NAMES
from adapters.simulation.population import Truth, draw_people
from adapters.simulation.speech import REACTIONS, line
from adapters.simulation.visits import Visit
from adapters.simulation.world import START_MS, traits_of
from tests.unit.simulation.strategies import PERSONAS, SHIPPED, customers, seeds, world_law

SAYS = {name: (name,) for name in (*MOOD_NAMES, *REACTIONS)}


def visit(who: Customers, seed: int = 0) -> Visit:
    people = draw_people(who, np.random.default_rng(seed))
    return Visit(Truth(who, people, traits_of(PERSONAS)), 0, SAYS, np.random.default_rng(seed))


def one_kind(**changes: Any) -> Customers:
    return Customers((Segment("all", **changes),), noise=0.0, conversation_turns=500.0)


class TestVisits:
    @world_law
    @given(customers(), seeds)
    def test_they_end(self, who: Customers, seed: int) -> None:
        guest = visit(who, seed)
        turns = 0
        while (spoken := guest.speak(START_MS, 0.0)) is not None:
            text, worth = spoken
            assert text
            assert worth.shape == (len(PERSONAS),)
            assert guest.hear(float(worth.mean())).rating in (None, 0.0, 1.0)
            turns += 1
        assert turns >= 1
        assert guest.speak(START_MS, 0.0) is None

    def test_the_silent_say_one_thing_and_give_no_thumb(self) -> None:
        for seed in range(20):
            guest = visit(one_kind(silent=1.0), seed)
            assert guest.speak(START_MS, 0.0) is not None
            assert guest.hear(1.0).rating is None
            assert guest.speak(START_MS, 0.0) is None
            assert not guest.is_pleased

    @pytest.mark.parametrize(
        ("worth", "reaction", "thumb"), [(0.9, "pleased", 1.0), (0.5, "undecided", None), (0.1, "displeased", 0.0)]
    )
    def test_the_reaction_is_by_how_the_answer_suits(self, worth: float, reaction: str, thumb: float | None) -> None:
        thumbs = set()
        for seed in range(20):
            guest = visit(one_kind(), seed)
            guest.speak(START_MS, 0.0)
            thumbs.add(guest.hear(worth).rating)
            spoken = guest.speak(START_MS, 0.0)
            assert spoken is not None
            assert spoken[0].split(" ")[0] == reaction
            assert guest.is_pleased == (reaction == "pleased")
        assert thumbs == {None, thumb}

    def test_the_displeased_often_leave(self) -> None:
        left = 0
        for seed in range(100):
            guest = visit(one_kind(), seed)
            guest.speak(START_MS, 0.0)
            guest.hear(0.0)
            guest.speak(START_MS, 0.0)
            guest.hear(0.5)
            left += guest.speak(START_MS, 0.0) is None
        assert 15 <= left <= 45

    def test_late_thumbs_come_by_the_mean_that_was_given(self) -> None:
        who = one_kind(delay=Delay(share=1.0, hours=5.0))
        guest = visit(who)
        hours = [guest.hear(0.9).after_hours for _ in range(2_000)]
        assert np.mean(hours) == pytest.approx(5.0, rel=0.1)


class TestLines:
    def test_the_shipped_ones_are_enough_for_every_mood_and_reaction(self) -> None:
        assert set(SHIPPED.says) == {*MOOD_NAMES, *REACTIONS}

    def test_a_number_is_put_in(self) -> None:
        said = {line({"glad": ("order {number}",)}, "glad", np.random.default_rng(seed)) for seed in range(5)}
        assert len(said) == 5
        assert all(text.startswith("order ") and len(text) == 11 for text in said)

    @pytest.mark.parametrize(
        ("says", "said"),
        [
            ({"angri": ["x"]}, "there is no mood 'angri' to say something in. Did you mean 'angry'?"),
            ({"angry": []}, "'says.angry' is empty"),
            ({"pleased": [" "]}, "'says.pleased' has the line ' '"),
            ({"pleased": ["x" * 501]}, "Give each 1 to 500 characters"),
            ({"pleased": "thanks"}, "says"),
        ],
    )
    def test_mistakes_are_named(self, says: object, said: str) -> None:
        with pytest.raises(CustomersError) as caught:
            parse_customers({"segments": [{"name": "all"}], "says": says})
        assert said in str(caught.value)

    def test_a_file_without_lines_is_fine(self) -> None:
        assert replace(SHIPPED, says={}).says == {}
