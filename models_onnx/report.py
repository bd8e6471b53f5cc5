"""Reports on a packed model: pictures, tables and lists of errors, measured on the validation splits.

python -m models_onnx.report --data DIR [--model models_onnx/nlu] [--out docs/model]

`parlance model report` starts this. It needs Matplotlib (the extra `report`), and no torch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from inference.errors import ModelError
from inference.lexicon import load_lexicon
from inference.pack import load_pack
from inference.pictures import (
    draw_confusion,
    draw_latency,
    draw_pairs,
    draw_reliability,
    draw_roc,
    draw_scores,
)
from models_onnx import report_pages as pages
from models_onnx.data import read_split
from models_onnx.errors import BuildError
from models_onnx.metrics import auroc, roc_curve
from models_onnx.report_measure import ROUNDS, Findings, measure

SHIPPED = Path(__file__).with_name("nlu")
MATRICES = ("act", "emotions", "sentiment", "polarity")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a sentence on standard error where something is missing or can't be read or written."""
    options = _parser().parse_args(arguments)
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return _refused("the pictures need Matplotlib: install it with `pip install 'parlance[report]'`")
    try:
        pack = load_pack(options.model)
        examples = read_split(options.data, "val", pack.manifest.heads.intent.labels, limit_rows=options.limit_rows)
        found = measure(pack, examples, time.perf_counter_ns, rounds=options.rounds)
        written = write(found, options.out, _command(options))
    except (ModelError, BuildError) as error:
        return _refused(str(error))
    except OSError as error:
        return _refused(f"{error.filename or options.out} can't be written ({error.strerror}): give another --out")
    for path in written:
        print(path)
    return 0


def write(found: Findings, out: Path, command: str) -> list[Path]:
    """Fill the folder ``out``, making it; the files, README.md first. What else lies there stays."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = draw(found, out)
    manifest, lexicon = found.pack.manifest, load_lexicon(known_words=found.pack.tokeniser.words())
    texts = {
        "README.md": pages.index(found, drawn, command),
        "errors.md": pages.errors(found.views, lexicon, manifest),
        "classes.tsv": pages.classes_tsv(found.views),
        "report.json": json.dumps(pages.figures(found), ensure_ascii=False, indent=1) + "\n",
    }
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in (*texts, *drawn.values())]


def draw(found: Findings, out: Path) -> dict[str, str]:
    """The pictures, as far as the pack and the rows allow: name → file in ``out``."""
    model = found.pack.manifest.model
    drawn = {"intent": "intent-pairs.png", "reliability": "reliability.png", "roc": "roc.png"}
    draw_pairs(pages.pairs_of(found.views["intent"]), out / drawn["intent"], title=f"{model}: intents confused most")
    draw_reliability({name: view.reliability for name, view in found.views.items()}, out / drawn["reliability"])
    for name in (name for name in MATRICES if name in found.views):
        view, drawn[name] = found.views[name], f"{name}-confusion.png"
        counts = view.confusion.tolist()
        draw_confusion(
            view.labels, counts, out / drawn[name], truth="label", title=f"{model}: {name}; shade: share of the row"
        )
    curves = {
        name: (*roc_curve(score.values, score.positive), auroc(score.values, score.positive))
        for name, score in found.scores.items()
        if 0 < score.positive.sum() < len(score.positive)
    }
    draw_roc(curves, out / drawn["roc"], title=f"{model}: receiver operating characteristics")
    scope = found.scores["out of scope"]
    parts = {"in scope": scope.values[~scope.positive], "out of scope": scope.values[scope.positive]}
    if all(map(len, parts.values())):
        drawn["scope"] = "out-of-scope.png"
        draw_scores(parts, out / drawn["scope"], score="out_of_scope", title=f"{model}: CLINC150")
    if found.latency:
        drawn["latency"] = "latency.png"
        series = {
            "str → Analysis, p50": [row.p50_ms for row in found.latency],
            "str → Analysis, p95": [row.p95_ms for row in found.latency],
            "the model alone, p50": [row.model_p50_ms for row in found.latency],
        }
        tokens = [row.tokens for row in found.latency]
        draw_latency(tokens, series, out / drawn["latency"], title=f"{model}: one text at a time, one thread")
    return drawn


def _command(options: argparse.Namespace) -> str:
    """How to make it again; no paths of this machine."""
    return f"parlance model report --data DIR --model {options.model.resolve().name}"


def _refused(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models_onnx.report", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of <set>/val.jsonl.gz")
    parser.add_argument("--model", type=Path, default=SHIPPED, metavar="DIR", help="folder of a model pack")
    parser.add_argument("--out", type=Path, default=Path("docs/model"), metavar="DIR", help="folder to write into")
    parser.add_argument("--limit-rows", type=int, metavar="N", help="read only so many lines of each file")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="of the latency's measurement")
    return parser


if __name__ == "__main__":
    sys.exit(main())
