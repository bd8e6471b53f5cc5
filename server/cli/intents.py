"""``parlance intents``: a user's own intents, checked, learned and tested."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli import intents_learning as learning
from server.cli import intents_report
from server.cli.analyze import open_engine
from server.cli.extras import check_pictures
from server.cli.options import ConfigOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from server.cli.intents_learning import Tested

TRAINED_FILE = "intents.npz"
SHOWN_ERRORS = 15

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of intents (*.yaml).")]
ModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="Folder of a model pack; the champion's if unset.")
]
FoldsOption = Annotated[int, typer.Option("--folds", metavar="K", min=2, max=20, help="Parts of the cross-validation.")]

intents_app = typer.Typer(no_args_is_help=True, help="Teach your own intents: validate, train, test, activate.")


@intents_app.callback()
def intents() -> None:
    """Teach your own intents: validate, train, test, activate."""


@intents_app.command("validate")
def validate(
    folder: FolderArgument,
    *,
    words_only: Annotated[
        bool, typer.Option("--words-only", help="Don't load the model; near-identical examples are not looked for.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    as_json: JsonOption = False,
    model: ModelOption = None,
    config: ConfigOption = None,
) -> None:
    """Find duplicates, conflicts, too few and near-identical examples; each with its remedy.

    Exit code 0: nothing, or warnings only; 1: errors (with --strict, warnings too); 2: the files can't be read.
    """
    from inference.intents.validate import validate as validated
    from server.contents import read_intents

    found = read_intents(folder)
    findings = validated(
        found, None if words_only else learning.embedder(open_engine(_model_folder(model, config), cache_entries=0))
    )
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        print_json({"intents": len(found.intents), "errors": errors, "findings": [asdict(one) for one in findings]})
    else:
        learning.print_findings(findings)
        examples = sum(len(intent.examples) for intent in found.intents)
        typer.echo(
            f"{len(found.intents)} intents, {examples} examples: {errors} errors, {len(findings) - errors} warnings"
        )
    if errors or (strict and findings):
        raise typer.Exit(1)


@intents_app.command("train")
def train(
    folder: FolderArgument,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=f"File to write; FOLDER/{TRAINED_FILE} if unset.")
    ] = None,
    as_json: JsonOption = False,
    model: ModelOption = None,
    config: ConfigOption = None,
) -> None:
    """Learn the intents; takes seconds. The setting `intents` makes the server use the file.

    Exit code 0: written; 1: the intents have errors; 2: something can't be read or written.
    """
    from inference.intents.trained import to_bytes, trained
    from server.contents import embedding_space, read_intents
    from server.wiring.intent_files import write_whole

    found = read_intents(folder)
    folder_of_model = _model_folder(model, config)
    table, fitted = learning.learned(found, folder_of_model)
    result = trained(found, fitted, embedding_space(folder_of_model))
    path = out or folder / TRAINED_FILE
    write_whole(path, to_bytes(result))
    manifest = result.manifest
    figures = {name: round(value, 4) for name, value in manifest.figures.items()}
    if as_json:
        told = {"intents": len(manifest.labels), "rows": len(table.texts), "kind": manifest.kind}
        print_json({"file": str(path), **told, "threshold": round(manifest.threshold, 4), "figures": figures})
        return
    answered = f"it answers {figures['answered']:.1%} and is right in {figures['right_of_answered']:.1%} of them"
    typer.echo(f"{path}: {len(manifest.labels)} intents.")
    typer.echo(f"Held-out examples: {figures['accuracy']:.1%} right; from {manifest.threshold:.2f} on {answered}.")


@intents_app.command("activate")
def activate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `train` wrote.")],
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Put FILE where the setting `intents` points: servers that run with it take it within seconds, without a restart.

    Exit code 0: in place; 2: FILE is damaged or was trained on another model, a canary answers that could not read it,
    or the setting is empty.
    """
    from server.wiring.intent_files import put_in_place

    settings = load(config=config, check=False, make=False).settings
    manifest = put_in_place(settings, file)
    if as_json:
        print_json({"file": str(settings.intents), "intents": len(manifest.labels), "examples": manifest.examples})
    else:
        typer.echo(f"{settings.intents}: {len(manifest.labels)} intents.")


@intents_app.command("test")
def test(
    folder: FolderArgument,
    *,
    cross_validation: Annotated[
        bool,
        typer.Option("--cross-validation", help="Learn from K-1 parts of the examples, test on the other, K times."),
    ] = False,
    trained_file: Annotated[
        Path | None, typer.Option("--trained", metavar="FILE", help="Test this file on the examples of FOLDER instead.")
    ] = None,
    folds: FoldsOption = 5,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write report.json, errors.md and the pictures there.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Draw PNGs into --out.")] = True,
    fail_under: Annotated[
        float, typer.Option("--fail-under", metavar="SHARE", min=0.0, max=1.0, help="Accuracy below which to fail.")
    ] = 0.0,
    as_json: JsonOption = False,
    model: ModelOption = None,
    config: ConfigOption = None,
) -> None:
    """Say how well the intents are told apart: a table, a confusion matrix, a histogram of confidence, the errors.

    Exit code 0: tested; 1: the intents have errors, or the accuracy is below --fail-under; 2: something can't be read
    or written.
    """
    from inference.intents.report import report
    from server.contents import read_intents

    if cross_validation == (trained_file is not None):
        raise StartupError("Test against what?", "Give either --cross-validation or --trained FILE.")
    if out is not None and pictures:
        check_pictures("give --no-pictures")
    found, folder_of_model = read_intents(folder), _model_folder(model, config)
    if trained_file is None:
        tested = learning.cross_validated_set(found, folder_of_model, folds)
    else:
        tested = learning.applied(found, folder_of_model, trained_file)
    told: dict[str, Any] = {"test": "trained" if trained_file else f"cross-validation, {folds} folds"}
    told |= report(*tested)
    if out is not None:
        _write_report(told, tested, out, pictures)
    if as_json:
        print_json(told)
    else:
        _print_report(told)
    if told["accuracy"] < fail_under:
        typer.echo(f"The accuracy {told['accuracy']:.4f} is below {fail_under:g}.", err=True)
        raise typer.Exit(1)


def _model_folder(model: Path | None, config: Path | None) -> Path:
    from server.contents import champion_folder

    return model or champion_folder(load(config=config, check=False, make=False).settings)


def _write_report(told: dict[str, Any], tested: Tested, out: Path, pictures: bool) -> None:
    from inference.pictures import draw_confidence, draw_confusion

    try:
        out.mkdir(parents=True, exist_ok=True)
        intents_report.write_json(told, out / "report.json")
        intents_report.write_errors(told, out / "errors.md")
        if pictures:
            sure = tested.probabilities.max(axis=1)
            right = tested.probabilities.argmax(axis=1) == tested.targets
            draw_confusion(told["labels"], told["confusion"], out / "confusion.png", truth="intent")
            draw_confidence(sure, right, told["threshold"], out / "confidence.png")
    except OSError as error:
        raise StartupError(f"{out} can't be written: {error.strerror}.", "Give another --out.") from None


def _print_report(told: dict[str, Any]) -> None:
    from rich.table import Table as Printed
    from rich.text import Text

    table = Printed(header_style="bold")
    for title in ("Intent", "Examples", "Precision", "Recall", "F1"):
        table.add_column(title, justify="left" if title == "Intent" else "right")
    for row in told["intents"]:
        shares = ["–" if row[key] is None else f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
        table.add_row(row["intent"], str(row["examples"]), *shares)
    console().print(table)
    for error in told["errors"][:SHOWN_ERRORS]:
        line = f"{error['confidence']:.2f}  {error['intent']} taken for {error['taken_for']}: {error['text']}"
        console().print(Text(line), soft_wrap=True)
    if len(told["errors"]) > SHOWN_ERRORS:
        typer.echo(f"… and {len(told['errors']) - SHOWN_ERRORS} more errors; --out DIR keeps them all.")
    right = "–" if told["right_of_answered"] is None else f"{told['right_of_answered']:.1%}"
    typer.echo(
        f"{told['test']}: accuracy {told['accuracy']:.1%}, macro F1 {told['macro_f1']:.3f}, "
        f"ECE {told['calibration_error']:.3f}; from {told['threshold']:.2f} on {told['answered']:.1%} are answered, "
        f"{right} of them rightly"
    )
