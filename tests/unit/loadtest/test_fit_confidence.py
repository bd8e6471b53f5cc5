"""The curve that ships is the one that the labels give, and the figures mean what they say."""

from __future__ import annotations

import json

import pytest

from loadtest.fit_confidence import Labelled, fit, labelled, main, quality, shipped_embedding, weights
from server.chat.language.checks import WITH_MEANING, Calibration


def answers(*rows: tuple[float | None, bool, bool]) -> list[Labelled]:
    return [Labelled("", score, False, borne_out, hard) for score, borne_out, hard in rows]


def test_what_ships_was_fitted_to_these_labels() -> None:
    every = [answer for answers in labelled() for answer in answers]
    assert len(every) == 120
    assert fit(every, 0.2) == Calibration()


def test_the_curve_with_meaning_was_fitted_to_them_too() -> None:
    """Not to the last digit: an embedding differs a little from processor to processor."""
    every = [answer for answers in labelled(embed=shipped_embedding()) for answer in answers]
    found = fit(every, 0.2)
    for name in ("intercept", "groundedness", "cited", "nearness"):
        assert getattr(found, name) == pytest.approx(getattr(WITH_MEANING, name), abs=0.05)
    by_words = [answer for answers in labelled() for answer in answers]
    better, worse = quality(every, found, 0.5, 0.2), quality(by_words, Calibration(), 0.5, 0.2)
    assert better["auroc"] > worse["auroc"] and better["withdrawn"] >= worse["withdrawn"] and better["kept"] == 1.0


def test_hard_answers_weigh_what_they_are_said_to() -> None:
    found = weights(answers((1, True, False), (0, False, False), (1, False, True)), 0.2)
    assert found.tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_a_perfect_and_a_useless_score() -> None:
    perfect = answers((1, True, False), (1, True, False), (0, False, False), (None, False, False))
    curve = fit(perfect, 0.0)
    assert curve.groundedness > 1
    found = quality(perfect, curve, 0.5, 0.0)
    assert (found["auroc"], found["kept"], found["withdrawn"]) == (1, 1, 1)
    useless = answers((0.5, True, False), (0.5, False, False))
    assert quality(useless, fit(useless, 0.0), 0.5, 0.0)["auroc"] == 0.5


def test_the_command_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--words-only"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ships"]["groundedness"] == Calibration().groundedness
    assert 0.5 < found["auroc"] <= 1
