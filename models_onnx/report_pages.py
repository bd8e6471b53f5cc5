"""A report's pages: Markdown for people, TSV and JSON for programs. Pure: findings in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from inference.confusion import ClassFigures, Pair, class_figures, worst_pairs
from inference.lexical import scan, toxicity
from inference.lexicon import Lexicon
from inference.manifest import MODEL_FILE, Manifest
from inference.pii import redact
from models_onnx.judged import Judged
from models_onnx.metrics import auroc
from models_onnx.report_measure import Findings, Latency

TITLES = {
    "intent": "Intent",
    "act": "Act",
    "emotions": "Emotions",
    "sentiment": "Sentiment, five classes",
    "polarity": "Sentiment, three classes",
}
ROWS = {
    "intent": "CLINC150, in scope",
    "act": "CLINC150, MultiDoGO, Bitext, NLU++ and authored rows",
    "emotions": "GoEmotions and XED, rows with one of the six",
    "sentiment": "reviews, by their stars",
    "polarity": "DynaSent, UCI sentences and reviews",
}
WORST_PAIRS = 30
WEAKEST_INTENTS = 20
ERRORS_PER_VIEW = 30
MAX_CHARACTERS = 100
TOXIC = 0.5
UNTOLD = "other"
_DIGIT = re.compile(r"\d")


def figures(found: Findings) -> dict[str, Any]:
    """Everything of the report as JSON values."""
    manifest = found.pack.manifest
    return {
        "model": manifest.model,
        "sha256": manifest.files[MODEL_FILE].sha256,
        "views": {
            name: {
                "rows": len(view.texts),
                "accuracy": round(float(view.right.mean()), 4),
                "macro_f1": round(view.macro_f1, 4),
                "expected_calibration_error": round(view.reliability.error, 4),
                "classes": {label: own._asdict() for label, own in _classes(view)},
            }
            for name, view in found.views.items()
        },
        "scores": {
            name: {"rows": len(score.values), "positive": int(score.positive.sum()), "auroc": _area(score)}
            for name, score in found.scores.items()
        },
        "latency": [
            {"tokens": row.tokens, "p50_ms": row.p50_ms, "p95_ms": row.p95_ms, "model_p50_ms": row.model_p50_ms}
            for row in found.latency
        ],
    }


def pairs_of(view: Judged) -> list[Pair]:
    """The pairs of classes that are confused most."""
    return worst_pairs(view.confusion, view.labels, WORST_PAIRS)


def index(found: Findings, pictures: Mapping[str, str], command: str) -> str:
    """README.md. ``pictures``: name → file, as far as they were drawn."""
    manifest = found.pack.manifest
    blocks = [
        f"# {manifest.name} {manifest.version}: report",
        f"Made by `{command}` from the validation splits, with the calibration, the cutting of long texts and the code "
        f"that the server uses. `{MODEL_FILE}` has the SHA-256 `{manifest.files[MODEL_FILE].sha256}`.",
        _overview(found),
        *_section("intent", pictures, _intents(found.views["intent"])),
        *_scope(found, pictures),
    ]
    for name in ("act", "emotions", "sentiment", "polarity"):
        if name in found.views:
            blocks += _section(name, pictures, class_table(_classes(found.views[name])))
    blocks += _reliability(pictures)
    blocks += _latency(found.latency, pictures)
    blocks += [
        "All classes, the 150 intents included: [classes.tsv](classes.tsv). All figures: [report.json](report.json)."
    ]
    return "\n\n".join(blocks) + "\n"


def classes_tsv(views: Mapping[str, Judged]) -> str:
    """One line a class of each head; what has no meaning is empty."""
    lines = ["head\tclass\tprecision\trecall\tf1\trows"]
    for name, view in views.items():
        for label, own in _classes(view):
            cells = ("" if value is None else f"{value:.4f}" for value in own[:3])
            lines.append("\t".join((name, label, *cells, str(own.rows))))
    return "\n".join(lines) + "\n"


def errors(views: Mapping[str, Judged], lexicon: Lexicon, manifest: Manifest) -> str:
    """errors.md: each head's mistakes, the surest first.

    The texts are the sets' own, cut and redacted. Left out: those with digits or in which the rules hear abuse, and
    of acts what belongs to "other", where people tell their names and addresses.
    """
    blocks = [
        f"# {manifest.name} {manifest.version}: the surest mistakes",
        f"At most {ERRORS_PER_VIEW} a head, of the validation splits ([report](README.md)); many are the label's "
        f"fault. Texts are cut at {MAX_CHARACTERS} characters. Those with numbers are left out, and where people give "
        "their names; so is abuse.",
    ]
    for name, view in views.items():
        heading = ["confidence", "label", "taken for", "text"]
        rows = list(islice(_mistakes(view, lexicon), ERRORS_PER_VIEW))
        wrong = int((~view.right).sum())
        blocks += [
            f"## {TITLES[name]}",
            f"{wrong:,} of {len(view.texts):,} rows.",
            _table(heading, rows, texts=(1, 2, 3)),
        ]
    return "\n\n".join(blocks) + "\n"


def class_table(classes: Sequence[tuple[str, ClassFigures]]) -> str:
    """Precision, recall, F1 and rows as Markdown."""
    rows = [(label, *(_shown(value) for value in own[:3]), f"{own.rows:,}") for label, own in classes]
    return _table(["class", "precision", "recall", "F1", "rows"], rows, texts=(0,))


def _mistakes(view: Judged, lexicon: Lexicon) -> Iterator[tuple[str, ...]]:
    sure, guesses = view.probabilities.max(axis=1), view.guesses
    wrong = [row for row in range(len(view.texts)) if not view.right[row]]
    for row in sorted(wrong, key=lambda row: (-sure[row], view.texts[row])):
        label, guess = view.labels[view.truth[row]], view.labels[guesses[row]]
        text = " ".join(view.texts[row].split())
        if UNTOLD not in (label, guess) and not _DIGIT.search(text) and toxicity(scan(text, lexicon)) < TOXIC:
            yield f"{sure[row]:.3f}", label, guess, _quoted(text)


def _quoted(text: str) -> str:
    text = redact(text)
    text = text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1].rstrip()}…"
    for mark in "\\|`*_<[":
        text = text.replace(mark, f"\\{mark}")
    return text


def _overview(found: Findings) -> str:
    rows = [
        (
            TITLES[name],
            ROWS[name],
            f"{len(view.texts):,}",
            f"{view.right.mean():.4f}",
            f"{view.macro_f1:.4f}",
            f"{view.reliability.error:.4f}",
        )
        for name, view in found.views.items()
    ]
    return _table(["head", "measured on", "rows", "accuracy", "macro-F1", "ECE"], rows, texts=(0, 1))


def _section(name: str, pictures: Mapping[str, str], table: str) -> list[str]:
    blocks = [f"## {TITLES[name]}"]
    if name in pictures:
        alt = "the pairs of intents that are confused most" if name == "intent" else f"confusion matrix of {name}"
        blocks.append(f"![{alt}]({pictures[name]})")
    return [*blocks, table, f"The surest mistakes: [errors.md](errors.md#{_anchor(TITLES[name])})."]


def _intents(view: Judged) -> str:
    weakest = sorted(_classes(view), key=lambda entry: (entry[1].f1 if entry[1].f1 is not None else 2.0, entry[0]))
    return f"The {WEAKEST_INTENTS} weakest by F1:\n\n{class_table(weakest[:WEAKEST_INTENTS])}"


def _scope(found: Findings, pictures: Mapping[str, str]) -> list[str]:
    rows = [
        (name, score.of, f"{len(score.values):,}", f"{int(score.positive.sum()):,}", f"{_area(score):.4f}")
        for name, score in found.scores.items()
    ]
    drawn = [f"![{name}]({pictures[key]})" for key, name in _SCOPE_PICTURES.items() if key in pictures]
    return [
        "## Out of scope, and the tones",
        *drawn,
        _table(["score", "rows of", "rows", "positive", "AUROC"], rows, texts=(0, 1)),
    ]


_SCOPE_PICTURES = {
    "scope": "histogram of the out-of-scope score, in scope and out of it",
    "roc": "receiver operating characteristics",
}


def _reliability(pictures: Mapping[str, str]) -> list[str]:
    if "reliability" not in pictures:
        return []
    told = (
        "On the dotted line confidence is honest; below it the head is too sure. The grey bars say how many rows are "
        "that sure; hollow points stand for few of them. The temperatures are fitted on these rows."
    )
    return ["## Reliability", f"![reliability diagrams]({pictures['reliability']})", told]


def _latency(latency: Sequence[Latency], pictures: Mapping[str, str]) -> list[str]:
    rows = [
        (str(row.tokens), str(row.texts), f"{row.p50_ms:.2f}", f"{row.p95_ms:.2f}", f"{row.model_p50_ms:.2f}")
        for row in latency
    ]
    drawn = [f"![latency against length]({pictures['latency']})"] if "latency" in pictures else []
    told = (
        "One text at a time on one thread, without the cache, on the machine that made this report: compare it with "
        "reports of the same hour only."
    )
    heading = ["tokens", "texts", "str → Analysis p50, ms", "p95, ms", "the model alone p50, ms"]
    return ["## Latency against length", *drawn, told, _table(heading, rows, texts=())]


def _classes(view: Judged) -> list[tuple[str, ClassFigures]]:
    return list(zip(view.labels, class_figures(view.confusion), strict=True))


def _area(score: Any) -> float:
    return round(auroc(score.values, score.positive), 4)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _anchor(title: str) -> str:
    """As GitHub makes them of headings."""
    return title.lower().replace(",", "").replace(" ", "-")


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]], *, texts: Sequence[int]) -> str:
    """Markdown; the columns ``texts`` are aligned to the left, the others to the right."""
    rule = ["---" if place in texts else "---:" for place in range(len(heading))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, rule, *rows))
