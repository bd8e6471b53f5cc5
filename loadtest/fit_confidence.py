"""Fits the curve that makes a probability of an answer's groundedness (server.chat.language.checks.Calibration).

Labelled answers (confidence.yaml): every second passage fits, the others tell how good it is; what ships is fitted to
all. Platt's method (1999): a logistic regression, weakly held towards zero so that separable labels do not make it
infinitely sure. Hard answers (the same in other words, something else in the same words) count as ``--hard-share``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.engine import Engine
from inference.pack import load_pack
from loadtest.measure import print_table
from server.chat.language.checks import Calibration, Embed, confidence, judge
from server.chat.language.values import Passage

LABELS = Path(__file__).parent / "confidence.yaml"
SHIPPED = Path(__file__).resolve().parents[1] / "models_onnx" / "nlu"
KEYS = (("borne_out", True, False), ("not", False, False), ("borne_out_hard", True, True), ("not_hard", False, True))
RIDGE = 0.02
BINS = 5


@dataclass(frozen=True, slots=True)
class Labelled:
    """``score`` is None where nothing was stated: then it counts as nothing borne out."""

    text: str
    score: float | None
    cited: bool
    borne_out: bool
    hard: bool
    near: float = 0.0


def labelled(path: Path = LABELS, embed: Embed | None = None) -> list[list[Labelled]]:
    """By passage. ``embed``: for their nearness; None: by words alone."""
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        passage = Passage("p", entry["title"], entry["text"])
        answers = []
        for key, label, hard in KEYS:
            for text in entry[key]:
                verdict = judge(text, (passage,), entry["question"], Calibration(), embed=embed)
                near = verdict.nearness or 0.0
                answers.append(Labelled(text, verdict.groundedness, bool(verdict.cited), label, hard, near))
        found.append(answers)
    return found


def weights(answers: Sequence[Labelled], hard_share: float) -> NDArray[np.float64]:
    """Such that hard ones are ``hard_share`` of all; the sum is 1."""
    hard = np.array([answer.hard for answer in answers])
    share: NDArray[np.float64] = np.where(
        hard, hard_share / max(hard.sum(), 1), (1 - hard_share) / max((~hard).sum(), 1)
    )
    return share


def fit(answers: Sequence[Labelled], hard_share: float) -> Calibration:
    """The likeliest curve."""
    share = weights(answers, hard_share)
    x = np.array([[1.0, answer.score or 0.0, float(answer.cited), answer.near] for answer in answers])
    y = np.array([1.0 if answer.borne_out else -1.0 for answer in answers])

    def loss(w: NDArray[np.float64]) -> float:
        return float(share @ np.logaddexp(0.0, -y * (x @ w)) + RIDGE * (w[1:] ** 2).sum() / 2)

    return Calibration(*(round(float(one), 2) for one in minimize(loss, np.zeros(4)).x))


def quality(
    answers: Sequence[Labelled], calibration: Calibration, threshold: float, hard_share: float
) -> dict[str, float]:
    """Of answers that the curve has not seen; what is kept and withdrawn of ordinary and of hard ones."""
    p = np.array([confidence(answer.score or 0.0, answer.cited, calibration, answer.near) for answer in answers])
    y = np.array([answer.borne_out for answer in answers])
    hard = np.array([answer.hard for answer in answers])
    w = weights(answers, hard_share)
    wins = (p[y][:, None] > p[~y][None, :]) + 0.5 * (p[y][:, None] == p[~y][None, :])
    pairs = w[y][:, None] * w[~y][None, :]
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gap = sum(abs(w[bins == b] @ (p[bins == b] - y[bins == b])) for b in range(BINS))
    found = {
        "auroc": (wins * pairs).sum() / pairs.sum(),
        "brier": w @ (p - y) ** 2,
        "expected_calibration_error": gap,
        "kept": _share(p[y & ~hard] >= threshold),
        "kept_hard": _share(p[y & hard] >= threshold),
        "withdrawn": _share(p[~y & ~hard] < threshold),
        "withdrawn_hard": _share(p[~y & hard] < threshold),
    }
    return {name: round(float(value), 3) for name, value in found.items()}


def shipped_embedding() -> Embed:
    """Of the model that ships."""
    engine = Engine(load_pack(SHIPPED), clock=time.perf_counter_ns)
    return engine.embed_now


def _share(holds: NDArray[np.bool_]) -> float:
    """NaN of nothing."""
    return float(holds.mean()) if holds.size else math.nan


def main(argv: Sequence[str] | None = None) -> int:
    """Fit on half of the passages, judge on the other half, print both."""
    summary = (__doc__ or "").split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(prog="python -m loadtest.fit_confidence", description=summary)
    parser.add_argument("--labels", type=Path, default=LABELS, help="labelled answers (default: those that ship)")
    parser.add_argument("--threshold", type=float, default=0.5, help="language_min_confidence (default 0.5)")
    parser.add_argument("--hard-share", type=float, default=0.2, help="weight of hard answers (default 0.2)")
    parser.add_argument("--words-only", action="store_true", help="without the embedding of the model that ships")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    passages = labelled(options.labels, None if options.words_only else shipped_embedding())
    seen = [answer for answers in passages[0::2] for answer in answers]
    unseen = [answer for answers in passages[1::2] for answer in answers]
    found = quality(unseen, fit(seen, options.hard_share), options.threshold, options.hard_share)
    curve = fit([*seen, *unseen], options.hard_share)
    if options.json:
        print(json.dumps({"ships": asdict(curve), **found}, indent=2))
    else:
        print_table(
            f"{len(unseen)} answers to passages that it has not seen", ("measure", "value"), list(found.items())
        )
        print(f"fitted to all: {curve}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
