"""The persona format and its errors."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.personas import OPTIONAL_STYLE_KEYS, STYLE_KEYS, PersonaError, parse_personas
from adapters.traits import TRAIT_NAMES
from tests.unit.adapters.laws import law, slow_law


def document() -> dict[str, Any]:
    style = {key: [f"{key} one", f"{key} two"] for key in STYLE_KEYS}
    return {
        "personas": [
            {"name": name, "title": name.title(), "description": "x", "traits": {"humor": 0.9}, "style": dict(style)}
            for name in ("warm", "dry")
        ]
    }


def test_personas_come_in_the_order_of_the_file() -> None:
    warm, dry = parse_personas(document())

    assert (warm.name, warm.title, dry.name) == ("warm", "Warm", "dry")
    assert tuple(warm.traits) == TRAIT_NAMES
    assert warm.traits["humor"] == 0.9
    assert warm.traits["empathy"] == 0.5
    assert warm.style["greetings"] == ("greetings one", "greetings two")


@pytest.mark.parametrize("key", sorted(OPTIONAL_STYLE_KEYS))
def test_some_phrases_may_be_left_out(key: str) -> None:
    without = document()
    del without["personas"][0]["style"][key]
    for changed in (without, broken(("style", key), None), broken(("style", key), [])):
        assert parse_personas(changed)[0].style[key] == ()


def test_a_persona_is_frozen() -> None:
    persona = parse_personas(document())[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        persona.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        persona.traits["humor"] = 0.0  # type: ignore[index]
    with pytest.raises(TypeError):
        persona.style["emoji"] = ()  # type: ignore[index]


def test_emoji_with_joiners_are_welcome() -> None:
    changed = document()
    changed["personas"][0]["style"]["emoji"] = [" 👩‍🚀 ", "❤️"]

    assert parse_personas(changed)[0].style["emoji"] == ("👩‍🚀", "❤️")


def broken(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The document with one value replaced or added; ``path`` starts in the first persona."""
    changed = copy.deepcopy(document())
    place: Any = changed["personas"][0]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("name",), None, "persona number 1 has the name None. Give 'name'"),
        (("name",), "Warm One", "has the name 'Warm One'"),
        (("name",), "x" * 33, "1 to 32"),
        (("name",), "dry", "two personas are named 'dry'. Rename one"),
        (("titel",), "Warm", "persona 'warm': there is no key 'titel'. Did you mean 'title'"),
        (("title",), True, "persona 'warm': title is True, which is no text"),
        (("title",), "  ", "persona 'warm': title is empty"),
        (("description",), "x" * 301, "description has 301 characters. Shorten it to 300"),
        (("description",), "a\nb", "description holds a line break"),
        (("description",), "a\x85b", "description holds a line break or a control character"),
        (("traits",), None, "persona 'warm': 'traits' must be names and numbers"),
        (("traits", "humour"), 0.5, "persona 'warm': there is no trait 'humour'. Did you mean 'humor'"),
        (("traits", "humor"), 2, "persona 'warm': trait 'humor' is 2. Give a number from 0 to 1"),
        (("style",), ["x"], "persona 'warm': 'style' must be lists by name"),
        (("style", "greeting"), ["x"], "persona 'warm': style: there is no key 'greeting'. Did you mean 'greetings'"),
        (("style", "greetings"), [], "style 'greetings' .first words to somebody who says hello. is empty"),
        (("style", "greetings"), "Hello", "style 'greetings' must be a list"),
        (("style", "greetings"), ["Hello", False], "style 'greetings', entry 2 is False, which is no text"),
        (("style", "greetings"), ["Hello", "Hello "], "style 'greetings' has 'Hello' twice. Remove one"),
    ],
    ids=str,
)
def test_errors_name_the_place_and_the_remedy(path: tuple[str | int, ...], value: object, message: str) -> None:
    with pytest.raises(PersonaError, match=message) as caught:
        parse_personas(broken(path, value), source="my.yaml")

    assert str(caught.value).startswith("my.yaml: ")


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (None, "expected a key 'personas'"),
        ([], "expected a key 'personas'"),
        ({"persona": []}, "expected a key 'personas'"),
        ({"personas": [], "extra": 1}, "there is no key 'extra'"),
        ({"personas": []}, "at least one persona"),
        ({"personas": {"warm": {}}}, "must be a list"),
        ({"personas": ["warm"]}, "persona number 1 must be keys and values: name, title"),
    ],
    ids=str,
)
def test_another_shape_is_refused(whole: object, message: str) -> None:
    with pytest.raises(PersonaError, match=rf"personas.yaml: .*{message}"):
        parse_personas(whole)


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_keys = st.sampled_from(("personas", "name", "title", "description", "traits", "style", *STYLE_KEYS)) | st.integers()


@slow_law
@given(st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner), max_leaves=12))
def test_whatever_yaml_holds_nothing_else_is_raised(whole: object) -> None:
    for candidate in (whole, {"personas": whole}, {"personas": [whole]}, broken(("style",), whole)):
        try:
            parse_personas(candidate)
        except PersonaError:
            continue


@law
@given(st.dictionaries(_scalars, _scalars, min_size=1))
def test_odd_keys_are_named_too(mapping: dict[object, object]) -> None:
    for candidate in (mapping, broken(("traits",), mapping), broken(("style",), mapping)):
        with pytest.raises(PersonaError):
            parse_personas(candidate)
