"""Model packs side by side in one run: the same texts, in turns, so that a disturbance of the machine meets all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from inference.engine import Engine
from inference.pack import Pack
from loadtest.inference_texts import text_of
from loadtest.measure import percentile

BLOCK = 20
"""Calls of one pack before the next one's turn; the first two of a block, which find cold caches, are not counted."""


def compare(
    packs: Sequence[Pack], tokens: Sequence[int], turns: Sequence[str], *, calls: int, texts: int
) -> list[dict[str, Any]]:
    """One entry a pack: ``rows`` by length (p50, p95, processor time in ms), ``texts_per_s`` batched; the ratios are
    the first pack's time over its own: above 1 it is faster than the first."""
    engines = [Engine(pack, clock=time.perf_counter_ns, cache_entries=0) for pack in packs]
    table = [_latency(engines, [text_of(packs[0], count, start) for start in range(8)], calls) for count in tokens]
    rates = _throughput(engines, list(islice(cycle(turns), texts)))
    return [
        {
            "model": pack.manifest.model,
            "folder": pack.folder.name,
            "rows": [
                {
                    "tokens": count,
                    **row[place],
                    "p50_ratio": _ratio(row, place, "p50_ms"),
                    "cpu_ratio": _ratio(row, place, "cpu_ms"),
                }
                for count, row in zip(tokens, table, strict=True)
            ],
            "texts_per_s": round(rates[place], 1),
            "throughput_ratio": round(rates[place] / rates[0], 3),
        }
        for place, pack in enumerate(packs)
    ]


def _ratio(row: Sequence[dict[str, float]], place: int, figure: str) -> float:
    return round(row[0][figure] / row[place][figure], 3)


def _latency(engines: Sequence[Engine], texts: Sequence[str], calls: int) -> list[dict[str, float]]:
    spent: list[list[float]] = [[] for _ in engines]
    cpu_ms = [0.0] * len(engines)
    blocks = max(1, calls // (BLOCK - 2))
    for _ in range(blocks):
        for place, engine in enumerate(engines):
            before_s = time.process_time()
            spent[place] += _block(engine, texts)
            cpu_ms[place] += (time.process_time() - before_s) * 1_000 / (blocks * BLOCK)
    return [
        {
            "p50_ms": round(percentile(times, 0.5), 3),
            "p95_ms": round(percentile(times, 0.95), 3),
            "cpu_ms": round(cpu, 3),
        }
        for times, cpu in zip(spent, cpu_ms, strict=True)
    ]


def _block(engine: Engine, texts: Sequence[str]) -> list[float]:
    times = []
    for text in islice(cycle(texts), BLOCK):
        started = time.perf_counter()
        engine.analyse_now([text])
        times.append((time.perf_counter() - started) * 1_000)
    return times[2:]


def _throughput(engines: Sequence[Engine], texts: Sequence[str], rounds: int = 4) -> list[float]:
    """Texts a second, batched, in turns."""
    part = max(1, len(texts) // rounds)
    spent_s = [0.0] * len(engines)
    for start in range(0, len(texts), part):
        for place, engine in enumerate(engines):
            before = time.perf_counter()
            engine.analyse_now(texts[start : start + part])
            spent_s[place] += time.perf_counter() - before
    return [len(texts) / taken for taken in spent_s]
