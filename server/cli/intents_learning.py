"""What the commands of ``parlance intents`` do with the model: embed, learn, test, write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from server.errors import StartupError

if TYPE_CHECKING:
    from inference.engine import Engine
    from inference.intents.fitting import Doubles, Floats, Ints
    from inference.intents.table import Table
    from inference.intents.training import Fitted
    from inference.intents.validate import Embed, Finding
    from inference.intents.values import IntentSet

CHUNK_TEXTS = 512
MAX_THREADS = 4


class Tested(NamedTuple):
    """``texts`` with the places of their true labels, and probabilities (texts, labels) of a set that has not seen
    them."""

    labels: Sequence[str]
    texts: Sequence[str]
    targets: Ints
    probabilities: Doubles
    threshold: float


def embedder(engine: Engine) -> Embed:
    """Embeds texts with ``engine`` on up to four threads. Which texts share a batch follows from their order alone."""
    import numpy as np

    def some(texts: Sequence[str]) -> Floats:
        return np.stack([analysis.embedding for analysis in engine.analyse_now(texts)])

    def embed(texts: Sequence[str]) -> Floats:
        chunks = [texts[start : start + CHUNK_TEXTS] for start in range(0, len(texts), CHUNK_TEXTS)]
        with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as threads:
            return np.concatenate(list(threads.map(some, chunks)))

    return embed


def print_findings(findings: Sequence[Finding]) -> None:
    """One line each."""
    for finding in findings:
        typer.echo(f"{finding.level}: {finding.place}: {finding.problem}. {finding.remedy}")


def learned(found: IntentSet, model: Path) -> tuple[Table, Fitted]:
    """Ends the command with 1, the errors told, where the intents have some."""
    from inference.intents.table import tabulate
    from inference.intents.training import fit
    from inference.intents.validate import validate as validated
    from server.cli.analyze import open_engine

    errors = [finding for finding in validated(found) if finding.level == "error"]
    if errors:
        print_findings(errors)
        typer.echo(f"{len(errors)} errors keep these intents from being learned.", err=True)
        raise typer.Exit(1)
    table = tabulate(found, embedder(open_engine(model, cache_entries=0)))
    return table, fit(table)


def cross_validated_set(found: IntentSet, model: Path, folds: int) -> Tested:
    """Each example by a classifier that has not seen it."""
    from inference.intents.training import cross_validated

    table, fitted = learned(found, model)
    rows, probabilities = cross_validated(table, fitted, folds=folds)
    texts = [table.texts[row] for row in rows]
    return Tested(table.labels, texts, table.targets[rows], probabilities, fitted.threshold)


def applied(found: IntentSet, model: Path, path: Path) -> Tested:
    """The examples of the folder by the file ``path``."""
    import numpy as np

    from inference.intents.fitting import softmax
    from inference.intents.table import tabulate
    from server.cli.analyze import open_engine
    from server.contents import embedding_space, read_trained

    ready = read_trained(path, embedding_space(model))
    labels = ready.manifest.labels
    unknown = [name for name in found.names if name not in labels]
    if unknown:
        problem = f"{path} does not know {', '.join(unknown)}."
        raise StartupError(problem, "Train it with these intents, or remove them from the folder.")
    table = tabulate(found, embedder(open_engine(model, cache_entries=0)))
    rows = table.first
    probabilities = softmax(ready.classifier.scores(table.x[rows]), ready.manifest.temperature)
    places = np.array([labels.index(name) for name in table.labels], dtype=np.int64)
    texts = [table.texts[row] for row in rows]
    return Tested(labels, texts, places[table.targets[rows]], probabilities, ready.manifest.threshold)
