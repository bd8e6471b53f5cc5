"""The commands of ``parlance model`` that only look: list, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.model_change import described, open_rollout, refusals, settings_of
from server.cli.options import ConfigOption, JsonOption
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from inference.registry.catalogue import Version
    from inference.registry.deployment import Deployment
    from inference.registry.rollout import Rollout

# Of manifest["metrics"]["int8"], for a line a version.
HEADLINES = {
    "Intent acc.": "clinc150_in_scope_accuracy",
    "OOS AUROC": "clinc150_oos_auroc",
    "Act F1": "act_macro_f1",
    "Emotion F1": "emotions_macro_f1",
    "Sentiment F1": "sentiment_macro_f1",
}


def list_versions(*, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show every version: what it does, how good, fast and large it is; and the broken ones, with the reason.

    Exit code 0: those in use (champion, canary, shadow) are whole; 1: one of them is broken or missing; 2: the registry
    can't be read.
    """
    from server.cli.model_page import list_table

    rollout = open_rollout(settings_of(config))
    with refusals(as_json):
        deployment = rollout.catalogue.deployment()
        rows, broken = _sorted_out(rollout, deployment)
    if as_json:
        told = {"folder": str(rollout.catalogue.folder), "deployment": described(rollout, deployment)}
        print_json({**told, "versions": rows, "broken": broken})
    else:
        console().print(list_table(rows, HEADLINES))
        for name, reason in broken.items():
            role = rollout.role(name, deployment)
            line = f"broken: {name}{f', the {role}' if role else ''}: {reason}"
            console().print(line, soft_wrap=True, markup=False)
    if _in_use(rollout, deployment) & set(broken):
        raise typer.Exit(1)


def show(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As `parlance model list` names it.")],
    *,
    every: Annotated[bool, typer.Option("--all", help="Every label, also of heads with many.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a version's manifest, where it comes from, what was done with it, and its metrics beside the champion's.

    Exit code 0: shown; 2: it is unknown or broken.
    """
    from server.cli.model_page import page

    rollout = open_rollout(settings_of(config))
    with refusals(as_json):
        deployment, found = rollout.catalogue.deployment(), rollout.catalogue.verified(version)
        told = {
            **_row(rollout, deployment, found),
            "lineage": _lineage(rollout, found),
            "history": _history(rollout, version),
            "manifest": _raw_manifest(found),
            "champion": _champion(rollout, deployment),
            "everywhere": _everywhere(version, config),
        }
    if as_json:
        print_json(told)
        return
    for part in page(told, every=every):
        console().print(part)


def _sorted_out(rollout: Rollout, deployment: Deployment) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A row for each version that is whole to the last digest, and what is wrong with the others."""
    from inference.errors import RegistryError

    catalogue, rows = rollout.catalogue, []
    broken = catalogue.broken()
    for version in catalogue.versions():
        try:
            rows.append(_row(rollout, deployment, catalogue.verified(version.name)))
        except RegistryError as error:
            broken[version.name] = str(error).removeprefix(f"{version.name} is broken: ")
    missing = _in_use(rollout, deployment) - {row["version"] for row in rows} - set(broken)
    for name in sorted(missing):
        broken[name] = f"is not in {catalogue.folder}. Add it again, or promote another version."
    return rows, broken


def _in_use(rollout: Rollout, deployment: Deployment) -> set[str]:
    canary = None if deployment.canary is None else deployment.canary.version
    return {name for name in (rollout.champion(deployment), deployment.shadow, canary) if name is not None}


def _row(rollout: Rollout, deployment: Deployment, version: Version) -> dict[str, Any]:
    role = rollout.role(version.name, deployment)
    int8 = version.manifest.metrics.get("int8", {})
    return {
        "version": version.name,
        "role": role,
        "share": deployment.canary.share if deployment.canary is not None and role == "canary" else None,
        "origin": version.origin,
        "folder": str(version.folder),
        "bytes": sum(file.bytes for file in version.manifest.files.values()),
        "metrics": {name: int8.get(name) for name in HEADLINES.values()},
        "latency_p50_ms": int8.get("latency_p50_ms", {}),
    }


def _lineage(rollout: Rollout, version: Version) -> dict[str, Any] | None:
    import msgspec

    lineage = rollout.catalogue.lineage(version.name)
    return None if lineage is None else msgspec.to_builtins(lineage)


def _history(rollout: Rollout, version: str) -> list[dict[str, Any]]:
    """The changes that gave the version another role."""
    import msgspec

    from inference.registry.deployment import Deployment

    told, before = [], rollout.role(version, Deployment())
    for change in rollout.catalogue.history():
        then = Deployment(change.champion, change.shadow, change.canary)
        role = rollout.role(version, then)
        if role != before or version in change.action.split():
            told.append({**msgspec.to_builtins(change), "role": role})
        before = role
    return told


def _raw_manifest(version: Version) -> dict[str, Any]:
    """All of it, also what this program does not know."""
    import json

    from inference.pack import MANIFEST_FILE

    manifest: dict[str, Any] = json.loads((version.folder / MANIFEST_FILE).read_bytes())
    return manifest


def _everywhere(version: str, config: Path | None) -> dict[str, Any] | None:
    """What it does on all workers of this database; None: nothing, or there is no database to ask."""
    from dataclasses import asdict

    from server.chat.model_figures import figures_of
    from server.cli.ledger import with_store
    from server.clock import SystemClock

    try:
        found = with_store(settings_of(config), lambda store: figures_of(store, SystemClock().now_ms()))
    except StartupError:
        return None
    return asdict(found[version]) if version in found else None


def _champion(rollout: Rollout, deployment: Deployment) -> dict[str, Any] | None:
    """What a version is held against; None where the champion can't be read."""
    from inference.errors import RegistryError

    try:
        champion = rollout.catalogue.version(rollout.champion(deployment))
    except RegistryError:
        return None
    manifest = _raw_manifest(champion)
    return {"version": champion.name, **{key: manifest.get(key) or {} for key in ("metrics", "per_class")}}
