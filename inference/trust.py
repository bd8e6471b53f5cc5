"""What is left of the model's word on a language that it has not learnt (pure)."""

from __future__ import annotations

from inference.analysis import EMOTIONS, Sentiment
from inference.heads import Readings
from inference.manifest import SENTIMENTS

LEARNT = frozenset({"en", "und"})
"""The model has read English; of what is in no language at all there is nothing to mistake."""

KEPT = 0.5
"""A mean of what is said and of knowing nothing: neither blind to a cognate nor sure of a false friend."""


def trusted(readings: Readings, language: str) -> Readings:
    """``readings`` as they are for a language that the model has learnt, else half way to knowing nothing.

    What is likeliest stays likeliest. Probabilities of classes go half way to equal ones, so that sums stay; the five
    intents have all others below them, so theirs are halved. ``language`` as ``Analysis.language``.
    """
    if language in LEARNT:
        return readings
    mood = readings.sentiment
    return readings._replace(
        intents=tuple([(label, KEPT * chance) for label, chance in readings.intents]),
        out_of_scope=1.0 - KEPT * (1.0 - readings.out_of_scope),
        sentiment=Sentiment(mood.label, KEPT * mood.score, KEPT * mood.confidence + (1.0 - KEPT) / len(SENTIMENTS)),
        emotions={name: KEPT * chance + (1.0 - KEPT) / len(EMOTIONS) for name, chance in readings.emotions.items()},
        acts=None if readings.acts is None else {act: KEPT * chance for act, chance in readings.acts.items()},
        politeness=None if readings.politeness is None else KEPT * readings.politeness,
        # "Je voudrais annuler ma commande" is .59 to the model; what the words say of insults is kept beside it.
        toxicity=None if readings.toxicity is None else KEPT * readings.toxicity,
    )
