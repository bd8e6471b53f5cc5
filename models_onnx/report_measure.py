"""What a report shows, measured: a pack on the validation rows, and its latency by the length of the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from inference import heads as calibrated
from inference.batching import split
from inference.engine import Engine
from inference.manifest import Curve
from inference.pack import Pack
from inference.tokenise import normalise, pad
from models_onnx.builders import OUTLIER
from models_onnx.evaluate_tones import Examples, Outputs
from models_onnx.judged import VIEWS, Judged, judge
from models_onnx.labels import URGENCY_TARGETS, URGENT_LEVEL
from models_onnx.metrics import Floats

BATCH = 32
MEASURED = frozenset({"blind", "offensive"}.union(*(view.sets for view in VIEWS.values())))
"""The sets that a figure comes from."""

LENGTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
TEXTS_PER_LENGTH = 20
ROUNDS = 5
SLACK = 0.04
"""How far a text's length may lie from the one that it stands for: long texts of exactly one length are rare."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score in [0, 1] that should be high where `positive`, both [rows]; `of` says what the rows are."""

    values: Floats
    positive: NDArray[np.bool_]
    of: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from str to `Analysis` of texts of `tokens` tokens, and of the bare run of the model."""

    tokens: int
    texts: int
    p50_ms: float
    p95_ms: float
    model_p50_ms: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is drawn and told of one pack."""

    pack: Pack
    views: Mapping[str, Judged]
    scores: Mapping[str, Score]
    latency: Sequence[Latency]


def measure(pack: Pack, examples: Examples, clock: Callable[[], int], *, rounds: int = ROUNDS) -> Findings:
    """Run `pack` over the rows; `clock` counts nanoseconds."""
    used = {name: rows for name, rows in examples.items() if name in MEASURED}
    outputs = {name: run(pack, [row.text for row in rows]) for name, rows in track(used.items(), "running the model")}
    texts = [row.text for rows in used.values() for row in rows]
    return Findings(
        pack=pack,
        views=judge(outputs, used, pack.manifest.heads),
        scores=_scores(pack, outputs, used),
        latency=latency(pack, texts, clock, rounds=rounds),
    )


def run(pack: Pack, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The raw outputs by name, [texts, columns] each, of texts cut and batched as the server does."""
    rows = [pack.tokeniser.encode(normalise(text)) for text in texts]
    parts: dict[str, list[NDArray[np.float32]]] = {}
    order: list[int] = []
    for places in split([len(ids) for ids in rows], BATCH):
        raw = pack.run(*pad([rows[place] for place in places], pack.tokeniser.pad_id))
        order += places
        for name in pack.manifest.widths:
            parts.setdefault(name, []).append(getattr(raw, name))
    back = np.argsort(np.array(order))
    return {name: np.concatenate(found)[back] for name, found in parts.items()}


def _scores(pack: Pack, outputs: Outputs, examples: Examples) -> dict[str, Score]:
    heads, scope = pack.manifest.heads, pack.manifest.out_of_scope
    foreign = [calibrated.out_of_scope(row, scope) for row in outputs["clinc150"]["intent"].tolist()]
    outside = np.array([row.intent == OUTLIER for row in examples["clinc150"]])
    found = {"out of scope": Score(np.array(foreign), outside, "CLINC150")}
    if heads.urgency is not None:
        urgent = [(row.urgency or 0.0) >= URGENCY_TARGETS[URGENT_LEVEL] for row in examples["blind"]]
        values = _bent(outputs["blind"]["urgency"], heads.urgency)
        found["urgency"] = Score(values, np.array(urgent), "the blind turns")
    if heads.toxicity is not None:
        toxic = [(row.toxicity or 0.0) > 0.5 for row in examples["offensive"]]
        values = _bent(outputs["offensive"]["toxicity"], heads.toxicity)
        found["toxicity"] = Score(values, np.array(toxic), "hate and offensive tweets")
    return found


def _bent(column: NDArray[np.float32], curve: Curve) -> Floats:
    return np.array([calibrated.sigmoid(curve.scale * x + curve.bias) for x in column[:, 0].tolist()])


def latency(pack: Pack, texts: Sequence[str], clock: Callable[[], int], *, rounds: int = ROUNDS) -> list[Latency]:
    """One row for each of `LENGTHS` that enough texts have; the lengths take turns, so that a disturbance of the
    machine meets all of them. The first round, which finds cold caches, is not counted."""
    chosen = _of_lengths(pack, texts)
    engine = Engine(pack, clock=clock, cache_entries=0)
    taken: dict[int, list[float]] = {tokens: [] for tokens in chosen}
    bare: dict[int, list[float]] = {tokens: [] for tokens in chosen}
    for number in track(range(rounds + 1), "measuring the latency"):
        for tokens, own in chosen.items():
            for text in own:
                ids, mask = pad([pack.tokeniser.encode(text)], pack.tokeniser.pad_id)
                times = [clock()]
                engine.analyse_now([text])
                times.append(clock())
                pack.run(ids, mask)
                times.append(clock())
                if number:
                    taken[tokens].append((times[1] - times[0]) / 1e6)
                    bare[tokens].append((times[2] - times[1]) / 1e6)
    return [
        Latency(
            tokens=tokens,
            texts=len(own),
            p50_ms=round(float(np.quantile(taken[tokens], 0.5)), 3),
            p95_ms=round(float(np.quantile(taken[tokens], 0.95)), 3),
            model_p50_ms=round(float(np.quantile(bare[tokens], 0.5)), 3),
        )
        for tokens, own in chosen.items()
    ]


def _of_lengths(pack: Pack, texts: Sequence[str]) -> dict[int, list[str]]:
    chosen: dict[int, list[str]] = {}
    for text in dict.fromkeys(map(normalise, texts)):
        count = len(pack.tokeniser.encode(text))
        for tokens in LENGTHS:
            if abs(count - tokens) <= SLACK * tokens and len(chosen.setdefault(tokens, [])) < TEXTS_PER_LENGTH:
                chosen[tokens].append(text)
    return {tokens: chosen[tokens] for tokens in LENGTHS if chosen.get(tokens)}
