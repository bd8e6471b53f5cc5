"""What holding the heads against each other does (`inference.coherence`): sentiment before and after.

    python -m models_onnx.measure_coherence --data DIR [--model DIR] [--rows N] [--json]

On the labelled sets: macro-F1, accuracy, calibration error. On questions and requests of sets that label no sentiment:
how many of those that the emotion head calls neutral are heard as negative.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference import heads as calibrated
from inference.coherence import coherent
from inference.pack import Pack, load_pack
from models_onnx.builders import Example
from models_onnx.data import read_intent_labels, read_split
from models_onnx.labels import POLARITY_CLASSES
from models_onnx.metrics import Floats, accuracy, expected_calibration_error, macro_f1
from models_onnx.report_measure import run

SHIPPED = Path(__file__).parent / "nlu"
LABELLED = ("dynasent", "uci_sentences", "reviews_clothing", "goemotions")
ASKED = ("bitext", "clinc150", "nlupp", "multidogo")
PLAIN_FROM, UNMOVED_FROM = 0.8, 0.7
WAYS = ("alone", "coherent")


def probabilities(pack: Pack, outputs: Mapping[str, Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Sentiment alone and coherent [rows, 5], the probability of a question or request and of no emotion [rows]."""
    heads, act = pack.manifest.heads, pack.manifest.heads.act
    if act is None:
        raise ValueError(f"{pack.manifest.model} has no head of acts")
    alone, bent, asks, unmoved = [], [], [], []
    for mood, felt, said in zip(*(outputs[name].tolist() for name in ("sentiment", "emotions", "act")), strict=True):
        emotions, acts = calibrated.emotions(felt, heads.emotions), calibrated.acts(said, act)
        alone.append(calibrated.softmax(mood, heads.sentiment.temperature))
        bent.append(coherent(alone[-1], emotions, acts))
        asks.append(acts["question"] + acts["request"])
        unmoved.append(emotions["neutral"])
    return np.array(alone), np.array(bent), np.array(asks), np.array(unmoved)


def on_labels(fine: Floats, rows: Sequence[Example], name: str) -> dict[str, float]:
    """The metrics of `models_onnx.evaluate`, by its definitions."""
    kept = [place for place, row in enumerate(rows) if row.sentiments]
    first = np.array([(rows[place].sentiments or (0,))[0] for place in kept])
    fine = fine[kept]
    coarse = np.stack([fine[:, list(group)].sum(axis=1) for group in POLARITY_CLASSES.values()], axis=1)
    truth = np.array([next(k for k, group in enumerate(POLARITY_CLASSES.values()) if one in group) for one in first])
    found = {"rows": float(len(kept)), "ece": expected_calibration_error(coarse, truth)}
    if name == "uci_sentences":
        return found | {"accuracy": accuracy(coarse[:, [0, 2]].argmax(axis=1) * 2, truth)}
    if name == "reviews_clothing":
        given = fine.argmax(axis=1)
        near = float((np.abs(given - first) <= 1).mean())
        return found | {
            "accuracy": accuracy(given, first),
            "within_one_star": near,
            "macro_f1": macro_f1(given, first, 5),
        }
    return found | {"macro_f1": macro_f1(coarse.argmax(axis=1), truth, 3)}


def report(pack: Pack, data: Path, most: int | None) -> dict[str, Any]:
    """By set: `alone` and `coherent`."""
    examples = read_split(data, "val", read_intent_labels(data), limit_rows=most)
    found: dict[str, Any] = {"model": pack.manifest.model}
    for name in (*LABELLED, *ASKED):
        alone, bent, asks, unmoved = probabilities(pack, run(pack, [row.text for row in examples[name]]))
        if name in LABELLED:
            told = (on_labels(fine, examples[name], name) for fine in (alone, bent))
        else:
            plain = (asks > PLAIN_FROM) & (unmoved > UNMOVED_FROM)
            told = (
                {
                    "plain_rows": float(plain.sum()),
                    "negative": float((fine[plain].argmax(axis=1) < 2).mean()),
                    "very_negative": float((fine[plain].argmax(axis=1) == 0).mean()),
                }
                for fine in (alone, bent)
            )
        found[name] = {
            way: {key: round(value, 4) for key, value in one.items()} for way, one in zip(WAYS, told, strict=True)
        }
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m models_onnx.measure_coherence")
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument("--model", type=Path, default=SHIPPED, help="folder of a pack (default: the shipped one)")
    parser.add_argument("--rows", type=int, default=None, help="at most so many lines of each set")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    found = report(load_pack(options.model), options.data, options.rows)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    for name in (*LABELLED, *ASKED):
        for key in found[name]["alone"]:
            print(f"{name:18} {key:16} {found[name]['alone'][key]:9} -> {found[name]['coherent'][key]:9}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
