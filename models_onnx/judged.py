"""What the heads answer on labelled rows, by the manifest's calibration as the server applies it.

Which rows a head is judged by is what `models_onnx.evaluate` measures it on. There are two views of sentiment: its
five classes on the reviews, whose stars say which one, and negative, neutral, positive (`polarity`) on all its sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference import heads as calibrated
from inference.coherence import coherent
from inference.confusion import confusion_of
from inference.manifest import Heads
from inference.reliability import Reliability, reliability
from models_onnx.acts import settled
from models_onnx.builders import OUTLIER, Example
from models_onnx.evaluate import EMOTION_SETS, SENTIMENT_SETS
from models_onnx.evaluate_tones import ACT_SETS, Examples, Outputs
from models_onnx.labels import ACTS, EMOTIONS, POLARITY_CLASSES, SENTIMENTS
from models_onnx.metrics import Floats, Ints, macro_f1

Logits = Mapping[str, list[float]]
"""What the model gives for one text, by output."""

Answer = Callable[[Logits], Sequence[float]]
"""A text's logits to the probabilities of a view's classes."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One view on the rows that have a truth: `texts` and `truth` [rows], `probabilities` [rows, classes]."""

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    truth: Ints
    probabilities: Floats

    @property
    def guesses(self) -> Ints:
        """The likeliest class of each row."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether that is the true one."""
        return np.asarray(self.guesses == self.truth, dtype=np.bool_)

    @property
    def confusion(self) -> Ints:
        """Counts (true, guessed)."""
        return confusion_of(self.truth, self.guesses, len(self.labels))

    @property
    def reliability(self) -> Reliability:
        """Confidence against truth, and the expected calibration error."""
        return reliability(self.probabilities.max(axis=1), self.right)

    @property
    def macro_f1(self) -> float:
        """Unweighted mean of the classes' F1."""
        return macro_f1(self.guesses, self.truth, len(self.labels))


class View(NamedTuple):
    """What is judged: an output of the model on some sets; `truth` is None for rows that have none."""

    output: str
    sets: tuple[str, ...]
    truth: Callable[[Example], int | None]


def _intent(row: Example) -> int | None:
    return None if row.intent == OUTLIER else row.intent


def _emotion(row: Example) -> int | None:
    return row.emotions[0] if row.emotions is not None and len(row.emotions) == 1 else None


def _star(row: Example) -> int | None:
    return row.sentiments[0] if row.sentiments else None


def _polarity(row: Example) -> int | None:
    groups = enumerate(POLARITY_CLASSES.values())
    return next((place for place, group in groups if row.sentiments and row.sentiments[0] in group), None)


VIEWS = {
    "intent": View("intent", ("clinc150",), _intent),
    "act": View("act", ACT_SETS, lambda row: settled(row.act)),
    "emotions": View("emotions", EMOTION_SETS, _emotion),
    "sentiment": View("sentiment", ("reviews_clothing",), _star),
    "polarity": View("sentiment", SENTIMENT_SETS, _polarity),
}


def judge(outputs: Outputs, examples: Examples, heads: Heads) -> dict[str, Judged]:
    """Each of `VIEWS` as far as the pack has its head and the sets have rows."""
    found = {}
    for name, (labels, answer) in _answers(heads).items():
        view = VIEWS[name]
        rows = [
            (example.text, known, answer({name: values[place].tolist() for name, values in outputs[source].items()}))
            for source in view.sets
            for place, example in enumerate(examples[source])
            if (known := view.truth(example)) is not None
        ]
        if rows:
            texts, truth, probabilities = zip(*rows, strict=True)
            found[name] = Judged(labels, texts, np.array(truth, dtype=np.int64), np.array(probabilities))
    return found


def _answers(heads: Heads) -> dict[str, tuple[tuple[str, ...], Answer]]:
    intent, act, emotions, mood = heads.intent, heads.act, heads.emotions, heads.sentiment
    found: dict[str, tuple[tuple[str, ...], Answer]] = {
        "intent": (intent.labels, lambda row: calibrated.softmax(row["intent"], intent.temperature))
    }
    if act is not None:
        found["act"] = (ACTS, lambda row: _in_order(calibrated.acts(row["act"], act), ACTS))

    def moods(row: Logits) -> list[float]:
        felt = calibrated.emotions(row["emotions"], emotions)
        said = calibrated.acts(row["act"], act) if act is not None else None
        return coherent(calibrated.softmax(row["sentiment"], mood.temperature), felt, said)

    return found | {
        "emotions": (EMOTIONS, lambda row: _in_order(calibrated.emotions(row["emotions"], emotions), EMOTIONS)),
        "sentiment": (SENTIMENTS, moods),
        "polarity": (tuple(POLARITY_CLASSES), lambda row: _coarse(moods(row))),
    }


def _in_order(found: Mapping[Any, float], labels: Sequence[str]) -> list[float]:
    return [found[label] for label in labels]


def _coarse(fine: Sequence[float]) -> list[float]:
    return [sum(fine[place] for place in group) for group in POLARITY_CLASSES.values()]
