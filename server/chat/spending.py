"""What language models were used for, summed up for admins: values, over HTTP and by the command alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from server.store.usage_ports import UsageSum

Part = Literal["model", "persona", "variant"]
PARTS: Final[tuple[Part, ...]] = ("model", "persona", "variant")
MICROS: Final = 1_000_000
FOREVER_MS: Final = 2**62


def usage_shown(sums: Sequence[UsageSum], by: Sequence[Part] = PARTS) -> dict[str, Any]:
    """``sums`` added up by these parts, the dearest first and then the most used, with the sum of all of them.

    Latencies are means over the uses that have them, so that of a sum is weighted by uses; that of first tokens only
    approximately, since uses that brought none are not told apart.
    """
    groups: dict[tuple[str | None, ...], list[UsageSum]] = {}
    for one in sums:
        groups.setdefault(tuple(getattr(one, part) for part in by), []).append(one)
    items = [{**dict(zip(by, names, strict=True)), **_figures(own)} for names, own in groups.items()]
    items.sort(key=lambda item: (-item["cost"], -item["uses"]))
    return {"items": items, "total": _figures(sums)}


def _figures(sums: Sequence[UsageSum]) -> dict[str, Any]:
    return {
        "uses": sum(one.uses for one in sums),
        "answered": sum(one.answered for one in sums),
        "prompt_tokens": sum(one.prompt_tokens for one in sums),
        "completion_tokens": sum(one.completion_tokens for one in sums),
        "cost": sum(one.cost_micros for one in sums) / MICROS,
        "first_token_ms": _mean(sums, lambda one: one.first_token_ms),
        "total_ms": _mean(sums, lambda one: one.total_ms),
    }


def _mean(sums: Iterable[UsageSum], value: Callable[[UsageSum], float | None]) -> float | None:
    known = [(found, one.uses) for one in sums if (found := value(one)) is not None]
    uses = sum(weight for _, weight in known)
    return round(sum(found * weight for found, weight in known) / uses, 1) if uses else None
