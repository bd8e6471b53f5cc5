"""Understanding one text, str → ``Analysis``, on one thread; batches; the cache; beside the naive pipeline.

    python -m loadtest.bench_inference [--model DIR …] [--texts FILE] [--json]

``now`` calls the engine on this thread, ``async`` goes through its waiting line and thread as the server does (uvloop).
``model`` is the bare run of the model with our session options: the floor under both. ``naive`` is the same model in
``peers.naive_pipeline``, with onnxruntime's defaults, which take every core. The ways take turns in short blocks, so
that a disturbance of the machine meets all of them. ``cpu`` is processor time a text, all threads together: with idle
cores to take, the naive way may answer sooner, but it fits fewer texts into the same machine. The cache is off but
where it is measured. ``--model`` given again puts other packs beside the first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import uvloop

from inference.engine import Engine
from inference.errors import ModelError
from inference.pack import Pack, load_pack
from inference.tokenise import pad
from loadtest.inference_packs import BLOCK, compare
from loadtest.inference_parts import parts
from loadtest.inference_texts import TURNS, read_turns, text_of
from loadtest.measure import percentile, print_table
from loadtest.peers.naive_pipeline import NaivePipeline

SHIPPED = Path(__file__).resolve().parents[1] / "models_onnx" / "nlu"
TOKENS = (8, 16, 32, 64)
TARGETS_MS = {8: 1.6, 16: 2.1, 32: 3.2, 64: 6.5}
"""Of ``now`` at p50; p95 may take half as long again."""
DEADLINE_S = 60.0


def report(
    folder: Path = SHIPPED, *others: Path, calls: int = 300, texts: int = 600, turns: Sequence[str] = TURNS
) -> dict[str, Any]:
    """``rows``: p50, p95 and processor time in ms by tokens and way, and naive / ours; ``throughput``: texts/s by way,
    ``cpu_us``: processor time a text; ``parts``: microseconds of each step; ``compared``: all packs, where there are
    ``others``.

    Raises ``ModelError`` where one of the folders holds no usable pack.
    """
    pack, *more = (load_pack(one) for one in (folder, *others))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        bench = _Bench(pack, runner, turns)
        rows = [bench.latency(tokens, calls) for tokens in TOKENS]
        throughput, cpu_us = bench.throughput(texts)
        taken = bench.parts(texts)
        bench.close()
    compared = compare((pack, *more), TOKENS, turns, calls=calls, texts=texts) if more else []
    return {
        "bench": "inference",
        "model": pack.manifest.model,
        "rows": rows,
        "throughput": throughput,
        "cpu_us": cpu_us,
        "parts": taken,
        "compared": compared,
    }


class _Bench:
    def __init__(self, pack: Pack, runner: asyncio.Runner, turns: Sequence[str]) -> None:
        heads = pack.manifest.heads
        labels = {name: getattr(heads, name).labels for name in ("intent", "sentiment", "emotions")}
        self.pack = pack
        self.runner = runner
        self.turns = turns
        self.engine = Engine(pack, clock=time.perf_counter_ns, cache_entries=0, max_waiting=100_000)
        self.cached = Engine(pack, clock=time.perf_counter_ns)
        self.naive = NaivePipeline(pack.folder, labels)

    def latency(self, tokens: int, calls: int) -> dict[str, Any]:
        """One row: each way ``calls`` times on texts of exactly ``tokens`` tokens."""
        texts = [text_of(self.pack, tokens, start) for start in range(8)]
        batches = [pad([self.pack.tokeniser.encode(text)], self.pack.tokeniser.pad_id) for text in texts]
        ways: dict[str, Callable[[], list[float]]] = {
            "model": lambda: _timed(lambda batch: self.pack.run(*batch), batches),
            "now": lambda: _timed(lambda text: self.engine.analyse_now([text]), texts),
            "async": lambda: self.runner.run(
                _timed_async(lambda t: self.engine.analyse(t, timeout_s=DEADLINE_S), texts)
            ),
            "naive": lambda: _timed(self.naive, texts),
        }
        spent: dict[str, list[float]] = {way: [] for way in ways}
        cpu_s = dict.fromkeys(ways, 0.0)
        blocks = max(1, calls // (BLOCK - 2))
        for _ in range(blocks):
            for way, run_block in ways.items():
                before_s = time.process_time()
                spent[way] += run_block()
                cpu_s[way] += time.process_time() - before_s
            time.sleep(0.05)  # the naive session's threads spin on for a while; ours should not pay for it
        row: dict[str, Any] = {"tokens": tokens}
        for way, times in spent.items():
            row |= {f"{way}_p50_ms": percentile(times, 0.5), f"{way}_p95_ms": percentile(times, 0.95)}
            row |= {f"{way}_cpu_ms": cpu_s[way] * 1_000 / (blocks * BLOCK)}
        row |= {f"{way}_ratio": row["naive_p50_ms"] / row[f"{way}_p50_ms"] for way in ("now", "async")}
        row |= {"cpu_ratio": row["naive_cpu_ms"] / row["async_cpu_ms"]}
        return {name: round(value, 3) for name, value in row.items()}

    def throughput(self, count: int) -> tuple[dict[str, float], dict[str, float]]:
        """Texts a second, and microseconds of processor time a text, of typical chat lengths: one by one, batched,
        together, from the cache; and the naive way."""
        texts = list(islice(cycle(self.turns), count))
        self.cached.analyse_now(self.turns)
        ways: dict[str, Callable[[], object]] = {
            "now, one by one": lambda: [self.engine.analyse_now([text]) for text in texts],
            "now, batched": lambda: self.engine.analyse_now(texts),
            "async, all at once": lambda: self.runner.run(_all_at_once(self.engine, texts)),
            "async, from the cache": lambda: self.runner.run(_one_by_one(self.cached, texts * 10)),
            "naive, one by one": lambda: [self.naive(text) for text in texts],
        }
        found: dict[str, float] = {}
        cpu_us: dict[str, float] = {}
        for name, way in ways.items():
            started, before_s = time.perf_counter(), time.process_time()
            way()
            number = count * 10 if "cache" in name else count
            found[name] = round(number / (time.perf_counter() - started), 1)
            cpu_us[name] = round((time.process_time() - before_s) / number * 1e6, 1)
        return found, cpu_us

    def parts(self, count: int) -> dict[str, float]:
        """Microseconds of processor time of each step of an analysis, all of them on this thread."""
        texts = list(islice(cycle(self.turns), count))
        taken = parts(self.pack, self.engine.lexicon, texts, time.thread_time_ns)
        return {name: round(value, 1) for name, value in taken.items()}

    def close(self) -> None:
        self.runner.run(self.engine.close())
        self.runner.run(self.cached.close())


def _timed(call: Callable[[Any], object], arguments: Sequence[Any]) -> list[float]:
    """Milliseconds of each counted call of one block."""
    times = []
    for argument in islice(cycle(arguments), BLOCK):
        started = time.perf_counter()
        call(argument)
        times.append((time.perf_counter() - started) * 1_000)
    return times[2:]


async def _timed_async(call: Callable[[str], Awaitable[object]], texts: Sequence[str]) -> list[float]:
    times = []
    for text in islice(cycle(texts), BLOCK):
        started = time.perf_counter()
        await call(text)
        times.append((time.perf_counter() - started) * 1_000)
    return times[2:]


async def _all_at_once(engine: Engine, texts: Sequence[str]) -> None:
    await asyncio.gather(*(engine.analyse(text, timeout_s=DEADLINE_S) for text in texts))


async def _one_by_one(engine: Engine, texts: Sequence[str]) -> None:
    for text in texts:
        await engine.analyse(text, timeout_s=DEADLINE_S)


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    ways = ("now", "async", "model", "naive")
    shares = ("p50", "p95", "cpu")
    headings = ("tokens", *(f"{way} {share}" for way in ways for share in shares))
    rows = [[row["tokens"], *(row[f"{way}_{share}_ms"] for way in ways for share in shares)] for row in results["rows"]]
    print_table(f"{results['model']}: one text, str → Analysis, milliseconds", headings, rows, texts=0)
    missed = [
        [row["tokens"], TARGETS_MS[row["tokens"]], row["now_p50_ms"], row["now_p95_ms"] / row["now_p50_ms"]]
        for row in results["rows"]
    ]
    print_table("targets of now, ms", ("tokens", "target", "p50", "p95 / p50, at most 1.5"), missed, texts=0)
    ratios = [[row["tokens"], row["now_ratio"], row["async_ratio"], row["cpu_ratio"]] for row in results["rows"]]
    print_table("naive / ours", ("tokens", "p50 now", "p50 async", "cpu async"), ratios, texts=0)
    rates = [(way, rate, results["cpu_us"][way]) for way, rate in results["throughput"].items()]
    print_table("typical chat turns", ("way", "texts / s", "CPU µs a text"), rates)
    print_table("where the time goes, one text at a time", ("step", "CPU µs"), list(results["parts"].items()))
    for pack in results["compared"]:
        figures = ("p50_ms", "p95_ms", "cpu_ms", "p50_ratio", "cpu_ratio")
        beside = [[row["tokens"], *(row[figure] for figure in figures)] for row in pack["rows"]]
        rate = f"{pack['texts_per_s']:,.0f} texts/s batched, {pack['throughput_ratio']:.2f} of the first's"
        title = f"{pack['model']} ({pack['folder']}): {rate}"
        print_table(title, ("tokens", "p50", "p95", "cpu", "first / this, p50", "cpu"), beside, texts=0)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_inference", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--model", type=Path, action="append", metavar="DIR", help="folder of a model pack; again: compared with it"
    )
    parser.add_argument("--texts", type=Path, metavar="FILE", help="chat turns, one a line, in place of our twelve")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    try:
        turns = TURNS if options.texts is None else read_turns(options.texts)
        results = report(*(options.model or [SHIPPED]), turns=turns)
    except (ModelError, OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
