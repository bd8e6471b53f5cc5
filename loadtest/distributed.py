"""What a distributed run needs beside locust itself: messages that are heard at once, and everybody's last figures.

Locust's master waits half a second for the last reports, and its workers end their customers first, which may take
``--stop-timeout``: what was measured since the last report, up to three seconds, was lost. So the master asks for
reports, and quits when all have come.

A socket of ``zmq.green`` may sleep through a message (its own comment: libzmq cannot always be trusted to play nice
with libevent) until the next one comes, or for 11.6 s: a worker began seconds late, and the master heard nothing. It
looks by itself more often here.
"""

from __future__ import annotations

from typing import Any

import gevent  # type: ignore[import-untyped]
import zmq.green as zmq
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

ASKED, REPORTED = "parlance_report", "parlance_reported"
# A worker that is silent for so long is not waited for.
REPORTS_WITHIN_S = 15.0

# As soon as the locustfile is read: a worker waits for its first message before it tells that it is ready.
zmq.Socket._gevent_bug_timeout = 0.1  # type: ignore[attr-defined]


def attach(environment: Any, runner: Any) -> None:
    """Once locust knows what it is: a master, one of its workers, or alone."""
    if isinstance(runner, WorkerRunner):
        runner.register_message(ASKED, _report)
    elif isinstance(runner, MasterRunner):
        reported: set[str] = set()
        runner.register_message(REPORTED, lambda msg, **_: reported.add(msg.node_id))
        environment.events.test_stopping.add_listener(lambda **_: _collect(runner, reported))


def _report(environment: Any, **_: Any) -> None:
    """What the regular reports send, now. Messages keep their order: who has said ``REPORTED`` has reported."""
    runner, figures = environment.runner, dict[str, Any]()
    environment.events.report_to_master.fire(client_id=runner.client_id, data=figures)
    runner.send_message("stats", figures)
    runner.send_message(REPORTED)


def _collect(runner: Any, reported: set[str]) -> None:
    reported.clear()
    asked = {client.id for client in runner.clients.all if client.state != STATE_MISSING}
    runner.send_message(ASKED)
    with gevent.Timeout(REPORTS_WITHIN_S, False):
        while not asked <= reported:
            gevent.sleep(0.05)
