"""The commands of ``parlance model`` that change something: add, shadow, canary, promote, rollback, remove."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.options import ConfigOption, JsonOption, load
from server.cli.output import print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from inference.errors import GateError
    from inference.registry.deployment import Deployment
    from inference.registry.labelled import Labelled
    from inference.registry.paired import Paired
    from inference.registry.rollout import Rollout
    from server.settings import Settings

FOLLOW = "Running servers follow within 2 seconds."

VersionArgument = Annotated[
    str | None, typer.Argument(metavar="[VERSION]", help="As `parlance model list` names it, such as nlu-1.2.0.")
]
OffOption = Annotated[bool, typer.Option("--off", help="End it.")]
ToleranceOption = Annotated[
    float | None,
    typer.Option("--tolerance", metavar="BY", min=0.0, max=1.0, help="How far a metric may fall; 0.01 unless set."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overrule the gate's metrics; the history says so.")]


def add(
    pack: Annotated[Path, typer.Argument(metavar="PACK_FOLDER", help="Folder of a packed model.")],
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Copy a pack among the versions, once it is verified and has run a text. Nothing answers differently yet.

    Exit code 0: it is there (or was already, the same); 2: the pack is broken, its name is taken, or the folder can't
    be written.
    """
    rollout = open_rollout(settings_of(config))
    with refusals(as_json):
        catalogue = rollout.catalogue
        added = catalogue.add(pack, parent=rollout.champion(catalogue.deployment()))
    if as_json:
        print_json({"version": added.name, "folder": str(added.folder), "origin": added.origin})
        return
    typer.echo(f"{added.name} is in {added.folder}. Next: `parlance model shadow {added.name}`.")


def shadow(
    version: VersionArgument = None, *, off: OffOption = False, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Run VERSION beside the champion: its answers are compared and never used.

    Exit code 0: done; 2: it is unknown, broken or the champion.
    """
    _check_choice(version, off, "shadow")
    rollout = open_rollout(settings_of(config))
    with refusals(as_json):
        _tell(rollout, rollout.shadow(version), as_json)


def canary(
    version: VersionArgument = None,
    *,
    share: Annotated[
        float | None,
        typer.Option("--share", metavar="SHARE", help="Share of the conversations, above 0 up to 1; 0.1 unless set."),
    ] = None,
    off: OffOption = False,
    tolerance: ToleranceOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Let VERSION answer a share of the conversations; each stays with who answers it, and a larger share adds others.

    Exit code 0: done; 1: the gate refuses (a metric falls, it reads turns that people labelled worse, or your own
    intents are not trained on it); 2: it is unknown, broken or the champion.
    """
    from inference.registry.gate import TOLERANCE
    from inference.registry.rollout import CANARY_SHARE

    _check_choice(version, off, "canary")
    tried: list[Paired] = []
    rollout = open_gate(settings_of(config), tried.append)
    with refusals(as_json):
        deployment = rollout.canary(
            version,
            CANARY_SHARE if share is None else share,
            tolerance=TOLERANCE if tolerance is None else tolerance,
            force=force,
        )
        _tell(rollout, deployment, as_json, tried)


def promote(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As `parlance model list` names it.")],
    *,
    tolerance: ToleranceOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make VERSION the champion of all conversations; `rollback` goes back.

    Exit code 0: done; 1: the gate refuses (a metric falls, it reads turns that people labelled worse, or your own
    intents are not trained on it); 2: it is unknown or broken.
    """
    from inference.registry.gate import TOLERANCE

    tried: list[Paired] = []
    rollout = open_gate(settings_of(config), tried.append)
    with refusals(as_json):
        chosen = TOLERANCE if tolerance is None else tolerance
        _tell(rollout, rollout.promote(version, tolerance=chosen, force=force), as_json, tried)


def rollback(*, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Make the champion before this one the champion again, and end the canary. May be repeated.

    Exit code 0: done; 2: there is no champion before this one, or its pack is broken.
    """
    settings = settings_of(config)
    rollout = open_rollout(settings)
    with refusals(as_json):
        deployment = rollout.rollback()
        _tell(rollout, deployment, as_json)
        _warn_of_intents(settings, rollout.champion(deployment))


def remove(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As `parlance model list` names it.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Also one that `rollback` would go back to.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Delete the files of an added VERSION that nothing uses, whole or broken.

    Exit code 0: it is gone; 1: `rollback` may go back to it; 2: it is unknown, in use or shipped, or can't be removed.
    """
    rollout = open_rollout(settings_of(config))
    with refusals(as_json):
        deployment = rollout.remove(version, force=force)
    if as_json:
        print_json({"removed": version, "deployment": described(rollout, deployment)})
        return
    typer.echo(f"{version} is gone.")


def settings_of(config: Path | None) -> Settings:
    """The settings of this call, which is no start of a server."""
    return load(config=config, check=False, make=False).settings


def open_rollout(settings: Settings, *, with_intents: bool = False) -> Rollout:
    """The registry of these settings. Without intents it asks nothing of them, so that a broken file stops nobody."""
    from server.contents import catalogue_of, standard_version
    from server.wiring.rollouts import rollout_of

    intents = settings.intents if with_intents else None
    return rollout_of(catalogue_of(settings), standard_version(settings), intents)


def open_gate(settings: Settings, told: Callable[[Paired], None]) -> Rollout:
    """The registry with all that a version that answers has to pass; ``told`` hears how it reads the labelled turns."""
    from server.contents import catalogue_of, standard_version
    from server.wiring.rollouts import rollout_of

    standard, labelled = standard_version(settings), _labelled(settings)
    return rollout_of(catalogue_of(settings), standard, settings.intents, labelled, told)


def _labelled(settings: Settings) -> Sequence[Labelled]:
    """What people labelled in the inbox; nothing where there is no database yet."""
    from server.chat.relabels import labelled_turns
    from server.cli.ledger import with_store

    if not settings.shares_database and not settings.database_path.exists():
        return ()
    try:
        return with_store(settings, labelled_turns)
    except StartupError as error:
        typer.echo(f"Not held against labelled turns: {error}", err=True)
        return ()


@contextmanager
def refusals(as_json: bool) -> Iterator[None]:
    """What the registry refuses: by the gate with exit code 1, else with 2."""
    from inference.errors import GateError, RegistryError

    try:
        yield
    except GateError as error:
        _print_refusal(error, as_json)
        raise typer.Exit(1) from None
    except RegistryError as error:
        raise StartupError(f"{error.problem}.", error.remedy) from None


def described(rollout: Rollout, deployment: Deployment) -> dict[str, Any]:
    """The deployment for programs; ``champion`` is the version that answers, also where the settings name it."""
    from dataclasses import asdict

    return {**asdict(deployment), "champion": rollout.champion(deployment), "promoted": deployment.champion is not None}


def _check_choice(version: str | None, off: bool, command: str) -> None:
    if (version is not None) == off:
        problem = "VERSION and --off exclude each other." if off else "Which version?"
        raise StartupError(problem, f"Give either: `parlance model {command} VERSION`, or --off.")


def _warn_of_intents(settings: Settings, champion: str) -> None:
    # Too late to refuse, and rightly so: going back is for emergencies.
    try:
        rollout = open_rollout(settings, with_intents=True)
        problem = rollout.misfit(rollout.catalogue.version(champion))
    except StartupError as error:
        problem = str(error)
    if problem is not None:
        remedy = (
            f"Running servers go back to {champion} once the file is in place that was trained on it: put it back, or "
            "train again."
        )
        typer.echo(f"{problem.rstrip('.')}. {remedy}", err=True)


def _tell(rollout: Rollout, deployment: Deployment, as_json: bool, tried: Sequence[Paired] = ()) -> None:
    history = rollout.catalogue.history()
    forced = history[-1].forced if history and history[-1].revision == deployment.revision else ()
    if as_json:
        labelled = _paired(tried[-1]) if tried else None
        print_json({"deployment": described(rollout, deployment), "forced": list(forced), "labelled": labelled})
        return
    from inference.registry.paired import MIN_LABELS

    for found in tried:
        few = "" if found.is_enough else f"; too few to judge by, {MIN_LABELS} are enough"
        typer.echo(f"Your own customers: {found}{few}.", err=True)
    for excused in forced:
        typer.echo(f"Overruled: {excused}", err=True)
    told = [f"{rollout.champion(deployment)} is the champion"]
    if deployment.canary is not None:
        told.append(f"{deployment.canary.version} answers {100 * deployment.canary.share:.4g} % of the conversations")
    if deployment.shadow is not None:
        told.append(f"{deployment.shadow} runs as shadow")
    typer.echo(f"{', '.join(told)}. {FOLLOW}")


def _paired(found: Paired) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(found), "difference": found.difference, "enough": found.is_enough}


def _print_refusal(error: GateError, as_json: bool) -> None:
    from dataclasses import asdict

    from inference.registry.rollout import Regressed, WorseWithCustomers

    found = error.regressions if isinstance(error, Regressed) else []
    if as_json:
        listed = [asdict(regression) for regression in found]
        labelled = _paired(error.found) if isinstance(error, WorseWithCustomers) else None
        told = {"refused": error.problem, "remedy": error.remedy, "regressions": listed, "labelled": labelled}
        print_json(told)
    # The listing is the problem's tail; a line each is easier to read.
    lines = [error.problem.partition(": ")[0] + ":", *(f"  {one}" for one in found)] if found else [f"{error.problem}."]
    typer.echo("\n".join((*lines, error.remedy)), err=True)
