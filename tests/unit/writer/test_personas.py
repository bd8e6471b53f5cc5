"""The same message answered by two personas reads clearly differently: counted, with margins.

The first half varies one trait at a time on a persona without words of its own, so that what is measured is the trait's
work and not the style words'. The second half compares the shipped personas.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.personas import Persona
from server.chat.writer import BuiltInWriter, Situation
from server.chat.writer.plan import sentences_for
from tests.unit.writer.examples import CASES
from tests.unit.writer.measure import Measured, measure
from tests.unit.writer.support import analysis, book, persona, personas, situation


def request(who: Persona) -> Situation:
    return situation(analysis("order", "request"), who)


def angry(who: Persona) -> Situation:
    return situation(analysis(act="complaint", score=-0.7, feeling=("anger", 0.8)), who)


def thanks(who: Persona) -> Situation:
    return situation(analysis("thank_you", "thanks", score=0.8, feeling=("joy", 0.8)), who)


Case = Callable[[Persona], Situation]


def low_and_high(trait: str, case: Case = request) -> tuple[Measured, Measured]:
    low, high = (replace(persona(), traits={**persona().traits, trait: value}) for value in (0.1, 0.9))
    return measure(low, case), measure(high, case)


@pytest.mark.parametrize("case", [request, angry])
def test_verbosity_doubles_the_length(case: Case) -> None:
    terse, talkative = low_and_high("verbosity", case)
    assert talkative.words > 1.8 * terse.words
    assert talkative.sentences > terse.sentences + 2


def test_verbosity_is_a_number_of_sentences() -> None:
    assert [sentences_for(value) for value in (0.0, 0.1, 0.3, 0.5, 0.8, 1.0)] == [2, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("case", [request, angry, thanks])
def test_formality_spells_out_and_uses_formal_words(case: Case) -> None:
    relaxed, formal = low_and_high("formality", case)
    assert formal.contractions == 0
    assert relaxed.contractions > 3
    assert formal.formal > relaxed.formal + 3
    assert formal.casual == 0


def test_formality_keeps_the_length() -> None:
    relaxed, formal = low_and_high("formality")
    assert 0.8 < formal.words / relaxed.words < 1.25


@pytest.mark.parametrize("case", [request, thanks])
def test_enthusiasm_exclaims(case: Case) -> None:
    cool, eager = low_and_high("enthusiasm", case)
    assert cool.exclamations == 0
    assert eager.exclamations > 0.9


def test_enthusiasm_keeps_quiet_towards_the_angry() -> None:
    assert low_and_high("enthusiasm", angry)[1].exclamations == 0


@pytest.mark.parametrize("trait", ["empathy", "supportiveness"])
def test_empathy_answers_the_mood(trait: str) -> None:
    cold, kind = low_and_high(trait, angry)
    assert cold.empathy < 0.4  # now and then: an angry customer may be told that somebody has noticed
    assert kind.empathy == 1.0


def test_empathy_says_nothing_where_nobody_suffers() -> None:
    assert measure(persona(empathy=1.0), request).empathy == 0


def test_humor_jokes_only_in_a_good_mood() -> None:
    dry, witty = low_and_high("humor")
    assert dry.humor == 0
    assert witty.humor > 0.8
    assert low_and_high("humor", angry)[1].humor == 0


def test_proactivity_adds_a_next_step_and_suggestions() -> None:
    passive, proactive = low_and_high("proactivity")
    assert (passive.next_steps, proactive.next_steps) == (0, 1)
    assert proactive.suggestions > passive.suggestions + 1


# ------------------------------------------------------------------ the shipped personas


def traits_of(name: str, trait: str) -> float:
    return personas()[name].traits[trait]


def extremes(trait: str) -> tuple[str, str]:
    """The shipped personas with the least and the most of a trait."""
    names = sorted(personas(), key=lambda name: traits_of(name, trait))
    return names[0], names[-1]


def compared(trait: str, case: Case) -> tuple[Measured, Measured]:
    least, most = extremes(trait)
    return measure(personas()[least], case), measure(personas()[most], case)


def test_at_least_six_personas_ship() -> None:
    assert len(personas()) >= 6


@pytest.mark.parametrize("case", [request, angry])
def test_the_tersest_and_the_most_talkative(case: Case) -> None:
    terse, talkative = compared("verbosity", case)
    assert talkative.words > 1.8 * terse.words


@pytest.mark.parametrize("case", [request, angry, thanks])
def test_the_most_casual_and_the_most_formal(case: Case) -> None:
    casual, formal = compared("formality", case)
    assert formal.contractions == 0
    assert casual.contractions > 2
    assert formal.formal > casual.formal + 2


def test_the_calmest_and_the_most_enthusiastic() -> None:
    calm, eager = compared("enthusiasm", request)
    assert calm.exclamations == 0
    assert eager.exclamations > 1.5
    assert eager.emoji > calm.emoji + 0.4


def test_the_coolest_and_the_most_empathetic() -> None:
    cool, warm = compared("empathy", angry)
    assert warm.empathy > cool.empathy + 0.5


def test_every_two_personas_differ_in_something_countable() -> None:
    """Not only in words: in length, register, exclamation, warmth, wit or initiative."""
    found = {name: [measure(who, case) for case in (request, angry, thanks)] for name, who in personas().items()}
    for one, other in itertools.combinations(found, 2):
        assert any(_apart(left, right) for left, right in zip(found[one], found[other], strict=True)), (one, other)


def _apart(left: Measured, right: Measured) -> bool:
    longer, shorter = max(left.words, right.words), min(left.words, right.words)
    return (
        longer > 1.25 * shorter
        or abs(left.contractions - right.contractions) > 2
        or abs(left.exclamations - right.exclamations) > 0.8
        or abs(left.empathy - right.empathy) > 0.5
        or abs(left.humor - right.humor) > 0.5
        or abs(left.next_steps - right.next_steps) > 0.5
        or abs(left.emoji - right.emoji) > 0.3
    )


def test_two_personas_hardly_ever_say_the_same() -> None:
    writer = BuiltInWriter(book())
    same = total = 0
    for case in CASES.values():
        texts = [writer.write(case(who), random.Random(3)).text for who in personas().values()]
        total += len(texts) * (len(texts) - 1) // 2
        same += sum(one == other for one, other in itertools.combinations(texts, 2))
    assert same / total < 0.08
