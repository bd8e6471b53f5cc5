"""The people of a load test: customers who chat, agents who take over, an admin who speaks to everybody.

The entries that they report:

    connect          socket opened → welcome
    open             open → opened
    send -> ack      the message is durable
    send -> answer   the bot's reply has been pushed
    feedback         a thumb → accepted
    resume           a lost connection dialled again → welcome, every conversation recovered
    handoff          handoff → waiting
    wait for agent   waiting → the agent's first word
    send -> agent    a customer's message → the agent's answer, the agent's thinking included
    claim            claim → claimed
    agent send       an agent's message is durable
    broadcast        an admin's word to everybody → heard, by the clocks of the two machines
    connection       failures only: a connection that ended before its user had finished
"""

from __future__ import annotations

import random
import time
from typing import Any

import gevent  # type: ignore[import-untyped]
import gevent.event  # type: ignore[import-untyped]
import gevent.queue  # type: ignore[import-untyped]
from locust import User, constant, task

from loadtest.client import new_key
from loadtest.green import GreenClient, Timed
from loadtest.issuing import Admin, IssueError
from loadtest.scenarios import Scenario
from loadtest.scripts import ScriptBook
from loadtest.target import websocket_url
from parlance_client.errors import Disconnected, ParlanceError, ProtocolViolation, RequestFailed, RequestTimeout
from parlance_client.frames import (
    Ack,
    Claimed,
    Event,
    FeedbackAccepted,
    HandedOff,
    Message,
    Opened,
    Released,
    Resolved,
    Subscribed,
    Unsubscribed,
    Welcome,
)

RECONNECT_PAUSE_S = (0.5, 2.0)
TOKEN_TTL_S = 86_400
AGENT_ANSWERS = 2
"""So many messages an agent answers in a conversation before it is given back."""


class Weather:
    """Storms: the number of the last one, and a bell for everybody who waits."""

    def __init__(self) -> None:
        self.number = 0
        self._bell = gevent.event.Event()

    def storm(self) -> None:
        self.number += 1
        bell, self._bell = self._bell, gevent.event.Event()
        bell.set()

    def wait(self, seconds: float, known: int) -> bool:
        """Sleep; whether a storm that is not known yet has come (then the sleep ended early)."""
        if self.number == known:
            self._bell.wait(timeout=seconds)
        return self.number != known


class Person(User):  # type: ignore[misc]
    """Somebody with one connection at a time."""

    abstract = True
    wait_time = constant(0)  # the pauses lie between the turns
    kind = "customer"

    def on_start(self) -> None:
        self.options = self.environment.parsed_options
        self.scenario: Scenario = self.environment.scenario
        self.weather: Weather = self.environment.weather
        self.rng = random.Random(self.environment.seeds.random())
        self.url = websocket_url(self.host)
        self.client = GreenClient(self.url, self.options.wire, self.options.timeout_s, self.token())
        self.client.on_event = self.heard
        self.client.on_message = self.read
        self.connected = False

    def on_stop(self) -> None:
        self.client.close()

    def token(self) -> str | None:
        """Of a new user of this kind; None: a guest."""
        if self.kind == "customer" and not self.options.issue_tokens:
            return None
        try:
            return Admin(self.url, self.options.admin_token).token_of(f"load-{new_key()[:12]}", self.kind, TOKEN_TTL_S)
        except IssueError as error:
            self.fire("connect", 0.0, error)
            return None

    def heard(self, event: Event, _at_s: float) -> None:
        """An event of a channel, as it comes."""

    def read(self, message: Message, at_s: float) -> None:
        """A message, as it comes."""

    def connect(self) -> None:
        self.report("connect", self.client.connect)
        self.connected = True

    def ask(self, name: str, verb: str, kind: type[Any], **fields: Any) -> Timed[Any]:
        """A request, reported under ``name``."""
        timed: Timed[Any] = self.report(name, lambda: self.client.ask(verb, kind, **fields))
        return timed

    def report(self, name: str, step: Any) -> Any:
        """Run a step and record its time, or its failure."""
        started_s = time.perf_counter()
        try:
            timed: Timed[Any] = step()
        except Disconnected:
            raise  # recorded once, as the connection's
        except ParlanceError as failed:
            self.fire(name, (time.perf_counter() - started_s) * 1e3, failed)
            raise
        self.fire(name, timed.elapsed_ms, None)
        return timed

    def fire(self, name: str, elapsed_ms: float, failure: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type="ws", name=name, response_time=elapsed_ms, response_length=0, exception=failure, context={}
        )

    def recover(self, error: ParlanceError) -> None:
        """After a failure: stay away as long as asked, and not in step with everybody else, then start afresh."""
        after_ms = 0
        if isinstance(error, Disconnected):
            self.fire("connection", 0.0, error)
            after_ms = error.after_ms
        elif isinstance(error, RequestFailed):
            after_ms = error.retry_after_ms
        self.connected = False
        self.client.positions.clear()
        self.client.close()
        gevent.sleep(after_ms / 1e3 + self.rng.uniform(*RECONNECT_PAUSE_S))


class Customer(Person):
    """Opens conversations, plays scripts, thumbs some answers; asks for a human in the scenario with agents."""

    weight = 1

    def on_start(self) -> None:
        super().on_start()
        self.book: ScriptBook = self.environment.book
        self.storms_known = self.weather.number
        self.last_broadcast = 0
        self.agents_words: gevent.queue.Queue = gevent.queue.Queue()

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        """One script in a conversation of its own, after (re)connecting where needed."""
        try:
            if not self.connected:
                self.connect()
            if not self.scenario.chats:
                self.pause(self.options.think_max_s)
                return
            self.converse()
            if self.rng.random() < self.scenario.leaves:
                self.connected = False
                self.client.close()
                gevent.sleep(self.rng.uniform(self.options.think_min_s, self.options.think_max_s))
        except ParlanceError as error:
            self.recover(error)

    def converse(self) -> None:
        opened = self.ask("open", "open", Opened, key=new_key()).frame
        self.client.positions = {opened.channel: {"epoch": opened.epoch, "offset": opened.offset}}
        for text in self.book.play(self.rng):
            self.pause(self.rng.uniform(self.options.think_min_s, self.options.think_max_s))
            self.turn(opened.channel, text)
        if self.scenario.agents and self.rng.random() < self.options.handoffs:
            self.ask_for_a_human(opened.channel)

    def turn(self, channel: str, text: str) -> None:
        ack = self.ask("send -> ack", "send", Ack, channel=channel, key=new_key(), text=text)
        answer = self.report("send -> answer", lambda: self.client.bot_reply(ack.frame.message_id, ack.sent_s)).frame
        if self.rng.random() < self.options.thumbs:
            rating = float(self.rng.random() < 0.7)
            self.ask("feedback", "feedback", FeedbackAccepted, message_id=answer.message_id, rating=rating)

    # ----------------------------------------------------------------------- people

    def ask_for_a_human(self, channel: str) -> None:
        while not self.agents_words.empty():
            self.agents_words.get()
        asked = self.ask("handoff", "handoff", HandedOff, channel=channel, reason="load test")
        self.report("wait for agent", lambda: self.word_of_agent(asked.sent_s))
        for _ in range(AGENT_ANSWERS):
            self.pause(self.rng.uniform(self.options.think_min_s, self.options.think_max_s))
            ack = self.ask("send -> ack", "send", Ack, channel=channel, key=new_key(), text="are you still there?")
            sent_s = ack.sent_s
            self.report("send -> agent", lambda sent_s=sent_s: self.word_of_agent(sent_s))

    def word_of_agent(self, since_s: float) -> Timed[Message]:
        within_s = self.options.agent_within_s
        try:
            message, at_s = self.agents_words.get(timeout=within_s)
        except gevent.queue.Empty:
            raise RequestTimeout(f"no word of an agent within {within_s} s") from None
        return Timed(message, since_s, (at_s - since_s) * 1e3)

    def read(self, message: Message, at_s: float) -> None:
        if message.sender.kind == "agent":
            self.agents_words.put((message, at_s))

    # ----------------------------------------------------------------------- storms and broadcasts

    def pause(self, seconds: float) -> None:
        """Think; a storm that comes meanwhile takes the connection."""
        if self.weather.wait(seconds, self.storms_known):
            self.storms_known = self.weather.number
            self.client.drop()
            gevent.sleep(self.rng.uniform(0, self.options.storm_within_s))
            self.report("resume", self.resume)

    def resume(self) -> Timed[Welcome]:
        welcome = self.client.connect()
        for channel in self.client.positions:
            entry = welcome.frame.channels.get(channel)
            if entry is None or not entry.recovered:
                raise ProtocolViolation(f"not recovered after a storm: {entry!r}")
        return welcome

    def heard(self, event: Event, _at_s: float) -> None:
        number = event.data.get("number") if event.channel == "system" else None
        if not isinstance(number, int) or event.data.get("run") != self.options.run_id:
            return
        if self.last_broadcast and number > self.last_broadcast + 1:
            self.fire("broadcast", 0.0, ProtocolViolation("a broadcast was not heard"))
        self.last_broadcast = number
        self.fire("broadcast", max(0.0, (time.time() - float(event.data["sent_s"])) * 1e3), None)


class Agent(Person):
    """Takes over who waits for a human, answers, and gives the conversation back."""

    weight = 1
    kind = "agent"

    def on_start(self) -> None:
        super().on_start()
        self.todo: gevent.queue.Queue = gevent.queue.Queue()
        self.answered: dict[str, int] = {}

    def heard(self, event: Event, _at_s: float) -> None:
        if event.channel == "agent:queue" and event.name in ("snapshot", "upsert"):
            items = event.data["items"] if event.name == "snapshot" else [event.data["item"]]
            for item in items:
                self.todo.put((item["channel"], None))

    def read(self, message: Message, _at_s: float) -> None:
        if message.sender.kind == "customer" and message.channel in self.answered:
            self.todo.put((message.channel, message))

    @task  # type: ignore[untyped-decorator]
    def work(self) -> None:
        try:
            if not self.connected:
                self.answered.clear()
                self.connect()
                self.client.ask("subscribe", Subscribed, channel="agent:queue")
            channel, message = self.todo.get(timeout=1.0)
            if message is None:
                self.take_over(channel)
            else:
                self.answer(channel)
        except gevent.queue.Empty:
            pass
        except ParlanceError as error:
            self.recover(error)

    def take_over(self, channel: str) -> None:
        if channel in self.answered:
            return
        try:
            claimed = self.client.ask("claim", Claimed, channel=channel)
        except RequestFailed as refused:
            if refused.code in (404, 409):
                return  # a colleague was faster, or it is settled
            self.fire("claim", 0.0, refused)
            raise
        self.fire("claim", claimed.elapsed_ms, None)
        self.answered[channel] = 0
        self.client.ask("subscribe", Subscribed, channel=channel)
        self.say(channel, "Hello, you are talking to a person now.")

    def answer(self, channel: str) -> None:
        self.client.tell("typing", channel=channel, on=True)
        gevent.sleep(self.rng.uniform(0, self.options.think_min_s))
        self.say(channel, "I am looking into it.")
        self.answered[channel] += 1
        if self.answered[channel] >= AGENT_ANSWERS:
            del self.answered[channel]
            self.client.ask("resolve", Resolved, channel=channel, resolved=True)
            self.client.ask("release", Released, channel=channel)
            self.client.ask("unsubscribe", Unsubscribed, channel=channel)

    def say(self, channel: str, text: str) -> None:
        self.ask("agent send", "send", Ack, channel=channel, key=new_key(), text=text)


class Announcer(Person):
    """An admin's back end that speaks to everybody, at fixed times."""

    weight = 1
    kind = "admin"

    def on_start(self) -> None:
        super().on_start()
        self.admin = Admin(self.url, self.options.admin_token)
        self.number = 0
        self.due_s = time.monotonic()

    def token(self) -> str | None:
        return None  # it has no connection

    @task  # type: ignore[untyped-decorator]
    def announce(self) -> None:
        self.due_s = max(self.due_s + 1 / self.options.broadcasts_per_s, time.monotonic())
        gevent.sleep(self.due_s - time.monotonic())
        self.number += 1
        data = {"text": "load test", "run": self.options.run_id, "number": self.number, "sent_s": time.time()}
        started_s = time.perf_counter()
        try:
            self.admin.announce(data)
        except IssueError as error:
            self.fire("announce", 0.0, error)
            return
        self.fire("announce", (time.perf_counter() - started_s) * 1e3, None)
