"""Understanding one text, str → ``Analysis``, on one thread; batches; the cache; beside the naive pipeline.

    python -m loadtest.bench_inference [--model DIR] [--json]

``now`` calls the engine on this thread, ``async`` goes through its waiting line and thread as the server does (uvloop).
``model`` is the bare run of the model with our session options: the floor under both. ``naive`` is the same model in
``peers.naive_pipeline``, with onnxruntime's defaults, which take every core. The ways take turns in short blocks, so
that a disturbance of the machine meets all of them. ``cpu`` is processor time a text, all threads together: with idle
cores to take, the naive way may answer sooner, but it fits fewer texts into the same machine. The cache is off but
where it is measured.
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
from loadtest.measure import percentile, print_table
from loadtest.peers.naive_pipeline import NaivePipeline

SHIPPED = Path(__file__).resolve().parents[1] / "models_onnx" / "nlu"
TOKENS = (8, 16, 32, 64)
BLOCK = 20
"""Calls of one way before the next one's turn; the first two of a block, which find cold caches, are not counted."""

DEADLINE_S = 60.0

TURNS = (
    "hi",
    "where is my order #4711???",
    "thanks a lot, that helped!",
    "could you please help me change the address on my account",
    "this is ridiculous, I want my money back NOW",
    "what is my current balance",
    "no",
    "my card was declined at the supermarket this morning and I don't know why",
    "yes please",
    "how long does the delivery to Spain take and what does it cost",
    "ok bye",
    "the app crashes every time I open it, I already installed it again",
)
"""About as long as chat turns are: 10 tokens at the median, 17 at p95."""

LONG = (
    "hello there i ordered a blue jacket and two pairs of shoes from your shop about three weeks ago and paid with my "
    "credit card but until today only one of the boxes has come and it was damaged so could you please tell me where "
    "the other one is and whether i can send the jacket back because it is too small for me and i need a new one "
    "before we leave for our holiday on friday"
)


def report(folder: Path = SHIPPED, *, calls: int = 300, texts: int = 600) -> dict[str, Any]:
    """``rows``: p50, p95 and processor time in ms by tokens and way, and naive / ours; ``throughput``: texts/s by way.

    Raises ``ModelError`` where ``folder`` holds no usable pack.
    """
    pack = load_pack(folder)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        bench = _Bench(pack, runner)
        rows = [bench.latency(tokens, calls) for tokens in TOKENS]
        throughput = bench.throughput(texts)
        bench.close()
    return {"bench": "inference", "model": pack.manifest.model, "rows": rows, "throughput": throughput}


class _Bench:
    def __init__(self, pack: Pack, runner: asyncio.Runner) -> None:
        heads = pack.manifest.heads
        labels = {name: getattr(heads, name).labels for name in ("intent", "sentiment", "emotions")}
        self.pack = pack
        self.runner = runner
        self.engine = Engine(pack, clock=time.perf_counter_ns, cache_entries=0, max_waiting=100_000)
        self.cached = Engine(pack, clock=time.perf_counter_ns)
        self.naive = NaivePipeline(pack.folder, labels)

    def latency(self, tokens: int, calls: int) -> dict[str, Any]:
        """One row: each way ``calls`` times on texts of exactly ``tokens`` tokens."""
        texts = [_text_of(self.pack, tokens, start) for start in range(8)]
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

    def throughput(self, count: int) -> dict[str, float]:
        """Texts a second of typical chat lengths: one by one, batched, together, from the cache; and the naive way."""
        texts = list(islice(cycle(TURNS), count))
        self.cached.analyse_now(TURNS)
        ways: dict[str, Callable[[], object]] = {
            "now, one by one": lambda: [self.engine.analyse_now([text]) for text in texts],
            "now, batched": lambda: self.engine.analyse_now(texts),
            "async, all at once": lambda: self.runner.run(_all_at_once(self.engine, texts)),
            "async, from the cache": lambda: self.runner.run(_one_by_one(self.cached, texts * 10)),
            "naive, one by one": lambda: [self.naive(text) for text in texts],
        }
        found: dict[str, float] = {}
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            number = count * 10 if "cache" in name else count
            found[name] = round(number / (time.perf_counter() - started), 1)
        return found

    def close(self) -> None:
        self.runner.run(self.engine.close())
        self.runner.run(self.cached.close())


def _text_of(pack: Pack, tokens: int, start: int) -> str:
    """Running words, from word ``start`` on, of exactly ``tokens`` tokens with the two special ones."""
    words: list[str] = []
    for word in islice(cycle(LONG.split()), start, None):
        words.append(word)
        if len(pack.tokeniser.encode(" ".join(words))) >= tokens:
            break
    while len(pack.tokeniser.encode(" ".join(words))) > tokens:
        words.pop()
    missing = tokens - len(pack.tokeniser.encode(" ".join(words)))
    return " ".join([*words, *["please"] * missing])


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
    ratios = [[row["tokens"], row["now_ratio"], row["async_ratio"], row["cpu_ratio"]] for row in results["rows"]]
    print_table("naive / ours", ("tokens", "p50 now", "p50 async", "cpu async"), ratios, texts=0)
    print_table("typical chat turns", ("way", "texts / s"), list(results["throughput"].items()))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_inference", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--model", type=Path, default=SHIPPED, metavar="DIR", help="folder of a model pack")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    try:
        results = report(options.model)
    except ModelError as error:
        parser.exit(2, f"{error}\n")
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
