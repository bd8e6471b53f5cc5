"""How well and how fast a user's own intents are learned: ``python -m loadtest.bench_intents --data FOLDER [--json]``.

FOLDER holds ``train.jsonl.gz`` and ``val.jsonl.gz`` with ``{"text": …, "intent": …}`` a line, such as Banking77. The
set is learned from 5 and 10 examples of each intent, drawn five times, and from all; the validation texts are only
read at the end, for the accuracy.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from inference.engine import Engine
from inference.intents.parsing import parse_intents
from inference.intents.table import Table, tabulate
from inference.intents.training import Fitted, calibration_error, fit
from inference.intents.validate import Embed, Floats
from inference.intents.values import IntentSet
from inference.pack import load_pack
from loadtest.measure import print_table

SHOTS = (5, 10, 0)
DRAWS = 5
MODEL = Path(__file__).resolve().parents[1] / "models_onnx" / "nlu"
Rows = list[tuple[str, str]]


def rows_of(path: Path) -> Rows:
    """``(text, intent)`` of each line."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [(row["text"], row["intent"]) for row in map(json.loads, lines)]


def drawn(rows: Rows, shots: int, seed: int) -> Rows:
    """``shots`` rows of each intent; 0: all."""
    if not shots:
        return rows
    rng = np.random.default_rng(seed)
    by_intent: dict[str, Rows] = {}
    for row in rows:
        by_intent.setdefault(row[1], []).append(row)
    return [own[place] for own in by_intent.values() for place in rng.permutation(len(own))[:shots]]


def intent_set(rows: Rows) -> IntentSet:
    """The rows as a user would have written them."""
    intents: dict[str, list[str]] = {}
    for text, intent in rows:
        # Braces would be slots; names are made of small letters, digits and _.
        name = "".join(char if char.isalnum() else "_" for char in intent.lower()).strip("_")
        intents.setdefault(name, []).append(text.replace("{", "(").replace("}", ")"))
    return parse_intents({"rows": {"intents": intents}})


def embedder(model: Path) -> Embed:
    """Embeds on this thread with the model in the folder ``model``."""
    engine = Engine(load_pack(model), clock=time.perf_counter_ns, cache_entries=0)
    return lambda texts: np.stack([analysis.embedding for analysis in engine.analyse_now(texts)])


def remembering(embed: Embed) -> tuple[Embed, Callable[[], float]]:
    """``embed`` that embeds no text twice, and the seconds that it took so far."""
    known: dict[str, Floats] = {}
    spent_s = 0.0

    def look_up(texts: Sequence[str]) -> Floats:
        nonlocal spent_s
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        start = time.perf_counter()
        if missing:
            known.update(zip(missing, embed(missing), strict=True))
        spent_s += time.perf_counter() - start
        return np.stack([known[text] for text in texts])

    return look_up, lambda: spent_s


def measured(table: Table, fitted: Fitted, val: Rows, embed: Embed) -> dict[str, float]:
    """Accuracy and calibration error on ``val``, and what the threshold does there."""
    from inference.intents.fitting import softmax

    truth = np.array([intent_set([row]).names[0] for row in val])
    probabilities = softmax(fitted.classifier.scores(embed([text for text, _ in val])), fitted.temperature)
    confidence = probabilities.max(axis=1)
    right = np.array(table.labels)[probabilities.argmax(axis=1)] == truth
    sure = confidence >= fitted.threshold
    return {
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(confidence, right),
        "answered": float(sure.mean()),
        "right_of_answered": float(right[sure].mean()),
    }


def report(folder: Path, model: Path) -> list[dict[str, Any]]:
    """One row per number of examples: means over the draws."""
    train, val = rows_of(folder / "train.jsonl.gz"), rows_of(folder / "val.jsonl.gz")
    fresh = embedder(model)
    start = time.perf_counter()
    everything = tabulate(intent_set(train), fresh)
    embed_s = time.perf_counter() - start
    embed, _ = remembering(fresh)
    found = []
    for shots in SHOTS:
        runs = []
        for seed in range(DRAWS if shots else 1):
            table = tabulate(intent_set(drawn(train, shots, seed)), embed) if shots else everything
            start = time.perf_counter()
            fitted = fit(table)
            fit_s = time.perf_counter() - start
            runs.append({"fit_s": fit_s, "rows": float(len(table.texts)), **measured(table, fitted, val, embed)})
        row: dict[str, Any] = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        row |= {"shots": shots or "all", "worst": min(run["accuracy"] for run in runs)}
        row["embed_s"] = embed_s * row["rows"] / len(everything.texts)
        found.append(row)
    return found


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print what ``report`` gave as a table."""
    headings = ("examples each", "val accuracy", "worst draw", "ECE", "answered", "right of those", "embed s", "fit s")
    cells = [
        (
            row["shots"],
            *(f"{row[key]:.4f}" for key in ("accuracy", "worst", "calibration_error", "answered", "right_of_answered")),
            *(f"{row[key]:.1f}" for key in ("embed_s", "fit_s")),
        )
        for row in rows
    ]
    print_table("own intents on the frozen embedding", headings, cells)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_intents", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of train.jsonl.gz and val.jsonl.gz")
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of a model pack; the one that ships if unset")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    options = parser.parse_args(arguments)
    with Console(stderr=True).status("Embedding and learning: about a minute …"):
        rows = report(options.data, options.model)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        show(rows)


if __name__ == "__main__":
    main()
