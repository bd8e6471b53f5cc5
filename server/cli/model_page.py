"""How ``parlance model list`` and ``show`` look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

LATENCY_TOKENS = "16"
MANY_LABELS = 30
SHOWN_LABELS = 15


def list_table(rows: Sequence[Mapping[str, Any]], headlines: Mapping[str, str]) -> Table:
    """A line a version."""
    titles = ("Version", "Role", "Origin")
    table = _table(*titles, *headlines, f"ms at {LATENCY_TOKENS} tokens", "MB", left=len(titles))
    for row in rows:
        shares = [_number(row["metrics"][name], ".4f") for name in headlines.values()]
        latency = _number(row["latency_p50_ms"].get(LATENCY_TOKENS), ".2f")
        table.add_row(row["version"], _role(row), row["origin"], *shares, latency, f"{row['bytes'] / 1e6:.1f}")
    return table


def page(told: Mapping[str, Any], *, every: bool) -> Iterator[RenderableType]:
    """What ``show`` prints, part by part; ``told`` is what it gives to programs."""
    from rich.text import Text

    yield _facts(told)
    if told["history"]:
        yield _heading("History")
        for change in told["history"]:
            yield Text(f"{_moment(change['at_ms'])}  {change['action']}")
            yield from (Text(f"{'':25}overruled: {one}") for one in change["forced"])
    if told["manifest"].get("data"):
        yield _heading("Learned from")
        yield _sources(told["manifest"]["data"])
    champion = told["champion"]
    other = None if champion is None or champion["version"] == told["version"] else champion
    yield _heading("Metrics")
    yield _metrics(told["manifest"], other)
    for head, labels in (told["manifest"].get("per_class") or {}).items():
        yield _heading(f"{head}, label by label")
        yield from _labels(head, labels, other, every)


def _facts(told: Mapping[str, Any]) -> Table:
    """Without a frame: name, value."""
    from rich.table import Table

    manifest, lineage = told["manifest"], told["lineage"] or {}
    facts = {
        "version": told["version"],
        "role": _role(told),
        "folder": f"{told['folder']} ({told['origin']})",
        "files": ", ".join(f"{n} {f['bytes'] / 1e6:.1f} MB {f['sha256'][:12]}" for n, f in manifest["files"].items()),
        "heads": ", ".join(_head(name, head) for name, head in manifest["heads"].items() if head),
        "reads": f"at most {manifest['max_tokens']} tokens, embeds in {manifest['embedding_dim']} dimensions",
        "added": f"{_moment(lineage['added_at_ms'])} from {lineage['source']}" if lineage else "",
        "parent": lineage.get("parent") or "",
        **(_live(told["everywhere"]) if told["everywhere"] else {}),
        **{f"made by: {name}": str(value) for name, value in (manifest.get("made_by") or {}).items()},
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(name, _plain(value))
    return table


def _live(figures: Mapping[str, Any]) -> dict[str, str]:
    """What it does on all workers."""
    low, high, fell = figures["agreement_low"], figures["agreement_high"], figures["agreement_fell"]
    latency = [figures[name] for name in ("latency_p50_us", "latency_p95_us")]
    took = "" if None in latency else f", {latency[0] / 1e3:.1f} ms at the median, {latency[1] / 1e3:.1f} at p95"
    sure = "" if figures["confidence"] is None else f", {_number(figures['confidence'], '.2f')} sure on average"
    drifts = ", ".join(f"{name} {_number(index, '.3f')}" for name, index in figures["psi"].items())
    return {
        "last day": f"{figures['answered']} texts, {100 * figures['share']:.1f} % of all{took}{sure}"
        if figures["answered"]
        else "",
        "as shadow": f"{figures['compared']} texts, otherwise in {_heads(figures['disagreed'])}"
        if figures["compared"]
        else "",
        "drift": f"{figures['drift']} (PSI: {drifts})" if figures["drift"] else "",
        "unsure turns": f"of {figures['labelled']} that people labelled, it had said {figures['agreed']} so "
        f"({100 * low:.0f} to {100 * high:.0f} %){'; less than before' if fell else ''}"
        if figures["labelled"]
        else "",
    }


def _heads(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {head}" for head, count in counts.items())


def _sources(data: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Set", "Source", "Licence", "Rows", left=3)
    for one in data:
        table.add_row(*(_plain(one.get(key, "")) for key in ("name", "source", "licence", "rows_train")))
    return table


def _metrics(manifest: Mapping[str, Any], other: Mapping[str, Any] | None) -> Table:
    """Every number of the manifest; the champion's where it has another."""
    int8, float32 = (_measured(manifest, kind) for kind in ("int8", "float32"))
    theirs = {} if other is None else _measured(other, "int8")
    table = _table("Metric", "INT8", "float32", *([other["version"], "Difference"] if other else []))
    for name in dict.fromkeys((*int8, *float32, *theirs)):
        mine, champion = int8.get(name), theirs.get(name)
        row = [name, _number(mine), _number(float32.get(name))]
        if other:
            difference = mine - champion if mine is not None and champion is not None else None
            differs = mine != champion
            row += [_number(champion) if differs else "", _number(difference, "+.4f") if differs else ""]
        table.add_row(*row)
    return table


def _labels(
    head: str, labels: Mapping[str, Mapping[str, float]], other: Mapping[str, Any] | None, every: bool
) -> Iterator[RenderableType]:
    """Precision, recall and F1 by label; of many labels those with the lowest F1."""
    from rich.text import Text

    theirs = {} if other is None else other["per_class"].get(head, {})
    shown = list(labels)
    if len(shown) > MANY_LABELS and not every:
        shown = sorted(shown, key=lambda label: labels[label].get("f1") or 0.0)[:SHOWN_LABELS]
    table = _table("Label", "Precision", "Recall", "F1", "Rows", *([f"F1 of {other['version']}"] if other else []))
    for label in shown:
        figures = [_number(labels[label].get(name)) for name in ("precision", "recall", "f1", "rows")]
        champion = theirs.get(label, {}).get("f1")
        same = champion == labels[label].get("f1")
        table.add_row(_plain(label), *figures, *(["" if same else _number(champion)] if other else []))
    yield table
    if len(shown) < len(labels):
        yield Text(f"The {len(shown)} with the lowest F1 of {len(labels)}; --all shows every one.")


def _measured(manifest: Mapping[str, Any], kind: str) -> dict[str, float]:
    from inference.registry.gate import measured

    return dict(measured((manifest.get("metrics") or {}).get(kind) or {}))


def _head(name: str, head: Mapping[str, Any]) -> str:
    return f"{name} ({len(head['labels'])})" if "labels" in head else name


def _role(row: Mapping[str, Any]) -> str:
    role: str = row["role"] or ""
    return f"{role} {100 * row['share']:.4g} %" if row["share"] is not None else role


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _number(value: float | None, form: str = "") -> str:
    if value is None:
        return "–"
    return format(value, form) if form else f"{round(value, 4):g}"


def _plain(value: object) -> RenderableType:
    """Text in which brackets mean nothing."""
    from rich.text import Text

    return Text(str(value))


def _heading(text: str) -> RenderableType:
    from rich.text import Text

    return Text(f"\n{text}", style="bold")


def _table(*titles: str, left: int = 1) -> Table:
    """``left``: how many columns hold words."""
    from rich.table import Table

    table = Table(header_style="bold")
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place < left else "right")
    return table
