"""How smoothly the admin's page runs while the figures of a large cluster come in: its frames and its processor time.

    python -m loadtest.bench_admin --url http://127.0.0.1:8000 --token "$(parlance token --kind admin --sub ada)"

Chromium (Playwright) opens the real page of a running server; between the two, the socket's ``metrics`` events are
replaced by those of ``--connections`` connections on ``--workers`` workers, an hour of them comes at once, and the
queue changes ``--queue-rate`` times a second. What the page does is measured by its own ``requestAnimationFrame`` and
by Chromium's count of the main thread's work, so that a busy machine shows as dropped frames beside little work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from loadtest.measure import percentiles, print_table

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page, WebSocketRoute

PERSONAS: Final = ("warm", "brisk", "playful", "calm", "formal", "curious", "patient", "cheerful")
HOUR_S: Final = 3_600
SMOOTH_MS: Final = 1_000 / 60
LATE_MS: Final = 1.5 * SMOOTH_MS
"""A frame that took longer was one that the screen did not get."""

WORK: Final = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
COUNT_FRAMES: Final = """(ms) => new Promise((done) => {
  const gaps = []; let before = null; const end = performance.now() + ms;
  const frame = (now) => {
    if (before !== null) gaps.push(now - before);
    before = now;
    if (now < end) requestAnimationFrame(frame); else done(gaps);
  };
  requestAnimationFrame(frame);
})"""

Json = dict[str, Any]


def figures(at_ms: int, connections: int, workers: int, rng: random.Random) -> Json:
    """One second's ``metrics`` of such a cluster."""
    turns = connections * rng.uniform(0.03, 0.05)
    shares = [rng.uniform(0.5, 1.5) for _ in PERSONAS]
    p50 = rng.uniform(2.5, 4.0)
    each = [
        {
            "worker": f"01JCZ{number:04d}", "connections": connections // workers, "turns_per_s": turns / workers,
            "errors_per_s": 0.0, "cpu": rng.uniform(0.2, 0.7), "rss_bytes": 180_000_000,
            "started_ms": at_ms - 9_000_000, "version": "1.0.0", "redis_away": False, "disk_free": 0.6,
        }
        for number in range(workers)
    ]  # fmt: skip
    return {
        "at_ms": at_ms, "workers": workers, "connections": connections + rng.randint(-40, 40),
        "conversations": connections, "messages_per_s": 2 * turns, "turns_per_s": turns, "deliveries_per_s": 5 * turns,
        "turn_ms": {"p50": p50, "p95": 2.4 * p50, "p99": 4 * p50},
        "analysis_ms": {"p50": 1.4, "p95": 2.9, "p99": rng.uniform(4, 7)},
        "outbox_drops": 0, "sentiment_mean": rng.uniform(-0.1, 0.3), "escalation_rate": rng.uniform(0.01, 0.05),
        "personas": {
            name: {"share": share / sum(shares), "reward": rng.uniform(0.4, 0.8)}
            for name, share in zip(PERSONAS, shares, strict=True)
        },
        "errors_per_s": 0.0, "cpu": 0.5 * workers, "rss_bytes": 180_000_000 * workers, "per_worker": each,
    }  # fmt: skip


def event(channel: str, name: str, data: Mapping[str, Any]) -> str:
    """As the server sends it."""
    return json.dumps({"type": "event", "channel": channel, "name": name, "data": data})


def waiting(number: int, at_ms: int) -> Json:
    """Somebody in the queue."""
    return {
        "channel": f"conv:{number:026d}", "waiting_since_ms": at_ms - 1_000 * number, "reason": "asked",
        "urgency": 0.4, "sentiment_score": -0.3, "last_text": f"Customer {number} would like to talk to a person.",
    }  # fmt: skip


class Cluster:
    """Stands between page and server."""

    def __init__(self, connections: int, workers: int, rng: random.Random) -> None:
        self._size = (connections, workers, rng)
        self._route: WebSocketRoute | None = None
        self._number = 0

    def between(self, route: WebSocketRoute) -> None:
        """What the server says goes on to the page, but for its own figures."""
        server = route.connect_to_server()
        self._route = route
        server.on_message(lambda text: route.send(text) if '"name":"metrics"' not in str(text) else None)

    def tell(self, at_ms: int) -> None:
        """Figures of that moment."""
        self._send(event("admin:metrics", "metrics", figures(at_ms, *self._size)))

    def stir_queue(self, at_ms: int) -> None:
        """Somebody comes, and somebody else may have gone."""
        self._number = (self._number + 1) % 40
        self._send(event("agent:queue", "upsert", {"item": waiting(self._number, at_ms)}))

    def _send(self, text: str) -> None:
        assert self._route is not None, "the page has connected"
        self._route.send(text)


def measured(page: Page, session: CDPSession, for_s: float, second: Callable[[], None], rate: int) -> Json:
    """Frames and work of ``for_s`` seconds in which ``second`` is called ``rate`` times a second."""
    page.evaluate(f"window.gaps = null; ({COUNT_FRAMES})({1_000 * for_s}).then((gaps) => (window.gaps = gaps)); 0")
    before, start_s = _work(session), time.monotonic()
    for number in range(int(for_s * rate)):
        second()
        page.wait_for_timeout(max(0.0, 1_000 * (start_s + (number + 1) / rate - time.monotonic())))
    while page.evaluate("window.gaps === null"):  # the page's policy forbids what `wait_for_function` does
        page.wait_for_timeout(50)
    took_s, after = time.monotonic() - start_s, _work(session)
    gaps: list[float] = page.evaluate("window.gaps")
    return told(gaps, {name: (after[name] - before[name]) / took_s for name in WORK})


def told(gaps: Sequence[float], busy: Mapping[str, float]) -> Json:
    """``gaps``: milliseconds between frames. ``busy``: seconds of each kind of work per second."""
    shares = {f"frame_{name}_ms": value for name, value in percentiles(gaps).items()}
    return {
        "fps": 1_000 * len(gaps) / sum(gaps),
        **shares, "frame_max_ms": max(gaps),
        "late": sum(gap > LATE_MS for gap in gaps) / len(gaps),
        "main_thread": busy["TaskDuration"], "script": busy["ScriptDuration"],
        "layout_and_style": busy["LayoutDuration"] + busy["RecalcStyleDuration"],
    }  # fmt: skip


def _work(session: CDPSession) -> dict[str, float]:
    found = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in found if one["name"] in WORK}


def now_ms() -> int:
    """Since the Unix epoch."""
    return int(1_000 * time.time())


def run(options: argparse.Namespace) -> list[Json]:
    """Each range of time in turn, then the same page with nothing coming in."""
    from playwright.sync_api import sync_playwright  # the extra `test` has it

    cluster = Cluster(options.connections, options.workers, random.Random(options.seed))
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--headless", "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1_440, "height": 1_000})
        page.route_web_socket("**/ws", cluster.between)
        page.goto(f"{options.url}/admin#token={options.token}")
        page.wait_for_selector("#link[data-state=online]")
        session = page.context.new_cdp_session(page)
        # The thread's own time: what others have of the processor meanwhile is not the page's work.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.wait_for_timeout(1_000)
        begin_ms = now_ms()
        for second in range(HOUR_S, 0, -1):
            cluster.tell(begin_ms - 1_000 * second)
        beats = 0

        def beat() -> None:
            nonlocal beats
            if beats % options.queue_rate == 0:
                cluster.tell(now_ms())
            cluster.stir_queue(now_ms())
            beats += 1

        for label in ("5 min", "15 min", "1 h"):
            page.get_by_role("button", name=label, exact=True).click()
            page.wait_for_timeout(1_500)
            found.append({"range": label, **measured(page, session, options.seconds, beat, options.queue_rate)})
        found.append({"range": "idle", **measured(page, session, options.seconds, lambda: None, options.queue_rate)})
        browser.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 where the page's own work leaves no room for 60 frames a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token", required=True, help="of an admin")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM", "/usr/bin/chromium"), help="executable")
    parser.add_argument("--connections", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--queue-rate", type=int, default=10, help="changes of the queue a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="per range of time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = run(options)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        title = f"/admin with {options.connections:,} connections"
        print_table(title, list(found[0]), [list(one.values()) for one in found])
    return 0 if all(one["main_thread"] < 0.5 for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
