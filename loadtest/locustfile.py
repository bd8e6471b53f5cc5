"""Simulated customers for locust: each connects as a guest, opens a conversation, plays a script, thumbs some answers.

Run by ``python -m loadtest.run`` (or by locust itself, with its web page: ``locust -f loadtest/locustfile.py``).
The entries reported:

    connect          socket opened → welcome
    open             open → opened
    send -> ack      the message is durable
    send -> answer   the bot's reply has been pushed
    feedback         a thumb → accepted
    connection       failures only: a connection that ended before its customer had finished
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import User, constant, events, task

from loadtest.client import new_key
from loadtest.green import GreenClient, Timed
from loadtest.scripts import DEFAULT_SCRIPTS, ScriptBook, load_scripts
from loadtest.target import websocket_url
from parlance_client.errors import Disconnected, ParlanceError, RequestFailed
from parlance_client.frames import Ack, FeedbackAccepted, Message, Opened

RECONNECT_PAUSE_S = (0.5, 2.0)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_settings(parser: Any) -> None:
    """What a run can vary besides the number of users; ``loadtest.run`` passes these on."""
    parser.add_argument("--wire", choices=("json", "msgpack"), default="json", help="encoding of the protocol")
    parser.add_argument("--think-min-s", type=float, default=1.0, help="shortest pause of a customer before a message")
    parser.add_argument("--think-max-s", type=float, default=4.0, help="longest pause of a customer before a message")
    parser.add_argument("--thumbs", type=float, default=0.3, help="share of answers that get a thumb")
    parser.add_argument("--timeout-s", type=float, default=10.0, help="an answer later than this is a failure")
    parser.add_argument("--scripts", type=Path, default=DEFAULT_SCRIPTS, help="YAML file of what customers say")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")


@events.init.add_listener  # type: ignore[untyped-decorator]
def read_scripts(environment: Any, **_: Any) -> None:
    environment.book = load_scripts(environment.parsed_options.scripts)
    environment.seeds = random.Random(environment.parsed_options.seed)


class Customer(User):  # type: ignore[misc]
    """One guest with one connection at a time."""

    wait_time = constant(0)  # the pauses lie between the turns

    def on_start(self) -> None:
        self.options = self.environment.parsed_options
        self.book: ScriptBook = self.environment.book
        self.rng = random.Random(self.environment.seeds.random())
        self.client = GreenClient(websocket_url(self.host), self.options.wire, self.options.timeout_s)
        self.connected = False

    def on_stop(self) -> None:
        self.client.close()

    @task  # type: ignore[untyped-decorator]
    def conversation(self) -> None:
        """One script in a conversation of its own, after (re)connecting where needed."""
        try:
            if not self.connected:
                self._report("connect", self.client.connect)
                self.connected = True
            opened = self._report("open", lambda: self.client.ask("open", Opened, key=new_key()))
            for text in self.book.play(self.rng):
                gevent.sleep(self.rng.uniform(self.options.think_min_s, self.options.think_max_s))
                self._turn(opened.frame.channel, text)
        except Disconnected as ended:
            self._fire("connection", 0.0, ended)
            self._pause(ended.after_ms)
        except RequestFailed as failed:
            self._pause(failed.retry_after_ms)
        except ParlanceError:
            self._pause(0)

    def _turn(self, channel: str, text: str) -> None:
        message = {"channel": channel, "key": new_key(), "text": text}
        ack = self._report("send -> ack", lambda: self.client.ask("send", Ack, **message))
        answer = self._report("send -> answer", lambda: self.client.bot_reply(ack.frame.message_id, ack.sent_s))
        if self.rng.random() < self.options.thumbs:
            self._thumb(answer.frame)

    def _thumb(self, answer: Message) -> None:
        rating = float(self.rng.random() < 0.7)
        fields = {"message_id": answer.message_id, "rating": rating}
        self._report("feedback", lambda: self.client.ask("feedback", FeedbackAccepted, **fields))

    def _report(self, name: str, step: Any) -> Any:
        """Run a step and record its time, or its failure."""
        started_s = time.perf_counter()
        try:
            timed: Timed[Any] = step()
        except Disconnected:
            raise  # recorded once, as the connection's
        except ParlanceError as failed:
            self._fire(name, (time.perf_counter() - started_s) * 1e3, failed)
            raise
        self._fire(name, timed.elapsed_ms, None)
        return timed

    def _fire(self, name: str, elapsed_ms: float, failure: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type="ws", name=name, response_time=elapsed_ms, response_length=0, exception=failure, context={}
        )

    def _pause(self, after_ms: int) -> None:
        """After a failure: stay away as long as asked, and not in step with everybody else, then start afresh."""
        self.connected = False
        self.client.close()
        gevent.sleep(after_ms / 1e3 + self.rng.uniform(*RECONNECT_PAUSE_S))
