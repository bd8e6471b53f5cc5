"""Suggestions in errors."""

from __future__ import annotations

from adapters.names import suggestion


def test_the_nearest_name_is_suggested() -> None:
    assert suggestion("lincub", ("linucb", "uniform")) == "Did you mean 'linucb'?"


def test_without_a_near_one_all_are_listed() -> None:
    assert suggestion("zzz", ("linucb", "uniform")) == "Known names: linucb, uniform."
    assert suggestion(7, ()) == "Known names: none."
