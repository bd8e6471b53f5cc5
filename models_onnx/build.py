"""Builds the packed model: read, train, export, quantise, calibrate, evaluate, pack.

python -m models_onnx.build --data ../shared/data/nlu --work .cache/nlu --out models_onnx/nlu
"""

from __future__ import annotations

import argparse
import random
import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from models_onnx.builders import Example
from models_onnx.compose import composed
from models_onnx.data import read_intent_labels, read_split
from models_onnx.errors import BuildError
from models_onnx.ngrams import SHARES
from models_onnx.pack import MAX_TOKENS, verify_pack, write_pack
from models_onnx.pretrained import model_folder
from models_onnx.schedule import balance
from models_onnx.sources import SOURCES
from models_onnx.tokens import encode, load_tokenizer

if TYPE_CHECKING:
    from models_onnx.evaluate_tones import Outputs
    from models_onnx.network import Network

SAMPLE_PER_SET = 60  # texts on which the ranges of activations are observed
UNMEASURED = ("banking77",)  # nothing of it is trained on but the texts
FLOAT32_BATCH = 32  # quicker, and the same answers; INT8 is measured the way it is mostly asked, one at a time


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with a sentence on standard error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    try:
        described = build(options, _command(arguments))
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for kind, measured in described["metrics"].items():
        print(kind, measured)
    return 0


def _command(arguments: Sequence[str]) -> str:
    """What was typed, without the note: the model card tells it anyway."""
    kept = list(arguments)
    if "--note" in kept:
        position = kept.index("--note")
        del kept[position : position + 2]
    return "python -m models_onnx.build " + shlex.join(kept)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_onnx.build", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of <set>/{train,val}.jsonl.gz")
    parser.add_argument("--work", type=Path, default=Path(".cache/nlu"), help="checkpoints and caches")
    parser.add_argument("--out", type=Path, default=Path("models_onnx/nlu"), help="folder of the pack")
    parser.add_argument("--epochs", type=int, default=4, help="passes over CLINC150; other sets: by their shares")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layers", type=int, default=6, help="of the encoder; 3 is the fast model")
    parser.add_argument("--start", type=Path, help="a checkpoint to begin from in place of the pre-trained encoder")
    parser.add_argument("--teachers", type=Path, nargs="+", default=[], help="checkpoints whose mean is learnt as well")
    parser.add_argument(
        "--graft", type=Path, help="keep this INT8 graph of the same checkpoint, but for what is linear"
    )
    parser.add_argument("--name", default="nlu", help="of the pack")
    parser.add_argument("--limit-rows", type=int, help="read only so many lines of each file")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --work")
    parser.add_argument("--note", default="", help="a sentence for the model card, on how the run went")
    parser.add_argument("--stop-after-steps", type=int, help="stop training early, keep a checkpoint, then pack")
    return parser


def build(options: argparse.Namespace, command: str) -> dict[str, Any]:
    """Runs every stage and returns the manifest.

    Raises BuildError, whose text says what to do.
    """
    options.work.mkdir(parents=True, exist_ok=True)
    intents = read_intent_labels(options.data)
    training = read_split(options.data, "train", intents, limit_rows=options.limit_rows)
    validation = read_split(options.data, "val", intents, limit_rows=options.limit_rows)
    network = _train(options, training, intents)
    table = widen(network, training)
    models = _export(network.cpu(), options.work, training, seed=options.seed)
    if options.graft is not None:
        _graft(options.graft, models["int8"], network, table)
    return _evaluate_and_pack(
        options, command, models=models, validation=validation, training=training, intents=intents
    )


def _train(options: argparse.Namespace, training: Mapping[str, list[Example]], intents: tuple[str, ...]) -> Network:
    # torch is wanted here and in the export only: reading, metrics and packs work without it
    from models_onnx.train import Plan, Trainer

    folder = model_folder()
    balanced = balance(training)
    balanced["authored"] += composed(training, options.seed)
    trainer = Trainer(
        balanced,
        intents=intents,
        tokenizer=load_tokenizer(folder / "tokenizer.json"),
        weights=folder / "model.safetensors",
        work=options.work,
        plan=Plan(
            epochs=options.epochs,
            seed=options.seed,
            layers=options.layers,
            start=options.start,
            teachers=tuple(options.teachers),
            stop_after_steps=options.stop_after_steps,
        ),
    )
    if options.resume:
        trainer.resume()
    return trainer.run()


def widen(network: Network, training: Mapping[str, list[Example]]) -> NDArray[np.float32]:
    """Adds the linear part to a trained network, in place, and returns its table."""
    import torch

    from models_onnx.ngrams import fit_table
    from models_onnx.wide import Wide

    tokenizer = load_tokenizer(model_folder() / "tokenizer.json")
    ids = {name: encode(tokenizer, [row.text for row in rows], MAX_TOKENS) for name, rows in training.items()}
    table = fit_table(training, ids)
    network.wide = Wide(torch.from_numpy(table))
    return table


def _graft(source: Path, target: Path, network: Network, table: NDArray[np.float32]) -> None:
    """Writes the INT8 graph `source` with the linear part and the float32 head of this network to `target`."""
    import onnx

    from models_onnx.graft import graft

    head = {name: value.numpy() for name, value in network.politeness.state_dict().items()}
    model = onnx.load(str(source))
    graft(model, table, head)
    onnx.save(model, str(target))


def _export(network: Network, work: Path, training: Mapping[str, list[Example]], *, seed: int) -> dict[str, Path]:
    from models_onnx.export import centre_intents, export_float32, export_int8
    from models_onnx.fixed_scales import fix_scales

    paths = {"float32": work / "float32.onnx", "int8": work / "int8.onnx"}
    dynamic = work / "int8.dynamic.onnx"
    tokenizer = load_tokenizer(model_folder() / "tokenizer.json")
    centre_intents(network)
    export_float32(network, paths["float32"])
    export_int8(network, dynamic, sample=encode(tokenizer, _spread(training, SAMPLE_PER_SET), MAX_TOKENS))
    # other texts than those that the ranges were evened on
    fix_scales(dynamic, paths["int8"], sample=encode(tokenizer, _drawn(training, SAMPLE_PER_SET, seed), MAX_TOKENS))
    dynamic.unlink()
    return paths


def _spread(training: Mapping[str, list[Example]], count: int) -> list[str]:
    """About `count` texts of each set, evenly spread over it."""
    return [row.text for rows in training.values() for row in rows[:: max(1, len(rows) // count)]]


def _drawn(training: Mapping[str, list[Example]], count: int, seed: int) -> list[str]:
    """At most `count` texts of each set, drawn at random, the same ones for a seed."""
    generator = random.Random(seed)
    return [row.text for rows in training.values() for row in generator.sample(rows, min(count, len(rows)))]


def _run(model: Path, rows: Mapping[str, list[list[int]]], *, batch: int) -> Outputs:
    from models_onnx.runtime import open_session, run_all

    session = open_session(model)
    names = track(rows, description=f"running {model.name}", total=len(rows))
    return {name: run_all(session, rows[name], batch=batch) for name in names}


def _evaluate_and_pack(
    options: argparse.Namespace,
    command: str,
    *,
    models: Mapping[str, Path],
    validation: Mapping[str, list[Example]],
    training: Mapping[str, list[Example]],
    intents: tuple[str, ...],
) -> dict[str, Any]:
    from models_onnx.evaluate import calibrate, evaluate
    from models_onnx.judged import judge
    from models_onnx.per_class import per_class

    tokenizer_file = model_folder() / "tokenizer.json"
    tokenizer = load_tokenizer(tokenizer_file)
    rows = {
        name: encode(tokenizer, [row.text for row in found], MAX_TOKENS)
        for name, found in validation.items()
        if name not in UNMEASURED
    }
    outputs = {
        "int8": _run(models["int8"], rows, batch=1),
        "float32": _run(models["float32"], rows, batch=FLOAT32_BATCH),
    }
    calibration = calibrate(outputs["int8"], validation)
    metrics = {kind: evaluate(found, validation, calibration) for kind, found in outputs.items()}
    for kind, model in models.items():
        metrics[kind] |= _probe(model, rows["clinc150"], calibration.temperatures)
    metrics["int8"]["embedding_cosine_to_float32"] = _agreement(outputs)
    write_pack(
        options.out,
        name=options.name,
        model=models["int8"],
        tokenizer=tokenizer_file,
        intents=intents,
        calibration=calibration,
        metrics=metrics,
        data=[
            {"name": name, "source": source.origin, "licence": source.licence, "rows_train": len(training[name])}
            for name, source in SOURCES.items()
        ],
        made_by={
            "command": command,
            "torch": version("torch"),
            "onnxruntime": version("onnxruntime"),
            "seed": options.seed,
            "note": options.note,
            "layers": options.layers,
            "wide": SHARES,
        },
        per_class=lambda heads: per_class(judge(outputs["int8"], validation, heads)),
    )
    return verify_pack(options.out)


def _probe(model: Path, rows: list[list[int]], temperatures: Mapping[str, float]) -> dict[str, Any]:
    from models_onnx.probe import batching_drift, latency_ms
    from models_onnx.runtime import open_session

    session = open_session(model)
    tokenizer = load_tokenizer(model_folder() / "tokenizer.json")
    return {
        "latency_p50_ms": latency_ms(session, tokenizer, max_tokens=MAX_TOKENS),
        "batch_of_32": batching_drift(session, rows[:1000], temperatures),
    }


def _agreement(outputs: Mapping[str, Outputs]) -> float:
    from models_onnx.probe import mean_cosine

    return mean_cosine(outputs["int8"]["clinc150"]["embedding"], outputs["float32"]["clinc150"]["embedding"])


if __name__ == "__main__":
    sys.exit(main())
