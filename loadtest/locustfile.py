"""What locust loads: the users, the curve of the scenario, and what a run can vary.

Run by ``parlance loadtest`` (``python -m loadtest.run``), or by locust itself, with its web page:
``locust -f loadtest/locustfile.py --scenario mixed``. Each flag has a variable too, such as ``LOADTEST_SCENARIO``.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import events
from locust.runners import WorkerRunner

from loadtest.distributed import attach
from loadtest.locust_users import Agent, Announcer, Customer, Weather
from loadtest.scenarios import SCENARIOS
from loadtest.scripts import DEFAULT_SCRIPTS, load_scripts

__all__ = ["Agent", "Announcer", "Customer"]


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_settings(parser: Any) -> None:
    """What a run can vary besides the number of users; ``loadtest.run`` passes these on."""

    def add(name: str, **options: Any) -> None:
        parser.add_argument(f"--{name}", env_var=f"LOADTEST_{name.replace('-', '_').upper()}", **options)

    add("scenario", choices=tuple(SCENARIOS), default="steady", help="kind of load")
    add("customers", type=int, default=0, help="how many customers there are at most; 0: as many as there are users")
    add("duration-s", type=float, default=0.0, help="how long the scenario takes; 0: no curve over time")
    add("wire", choices=("json", "msgpack"), default="json", help="encoding of the protocol")
    add("think-min-s", type=float, default=1.0, help="shortest pause of a customer before a message")
    add("think-max-s", type=float, default=4.0, help="longest pause of a customer before a message")
    add("thumbs", type=float, default=0.3, help="share of answers that get a thumb")
    add("timeout-s", type=float, default=10.0, help="an answer later than this is a failure")
    # As a text: the settings travel to the workers of a distributed run.
    add("scripts", default=str(DEFAULT_SCRIPTS), help="YAML file of what customers say")
    add("seed", type=int, default=0, help="seed of everything random")
    add("admin-token", default="", is_secret=True, help="an admin's token, for agents, broadcasts and customers")
    add("issue-tokens", type=int, default=0, help="1: customers get tokens from the server, for one without guests")
    add("agents", type=int, default=0, help="how many agents answer in the scenario mixed; 0: one per 20 customers")
    add("handoffs", type=float, default=0.3, help="share of conversations that end with a human, in mixed")
    add("agent-within-s", type=float, default=60.0, help="an agent's word later than this is a failure")
    add("storm-every-s", type=float, default=10.0, help="how often all connections are lost, in storm")
    add("storm-within-s", type=float, default=2.0, help="within what time everybody comes back")
    add("broadcasts-per-s", type=float, default=1.0, help="how often an admin speaks, in broadcast")
    add("run-id", default="", help="tells this run's broadcasts from others'")


@events.init.add_listener  # type: ignore[untyped-decorator]
def choose_users(environment: Any, runner: Any, **_: Any) -> None:
    """Who takes part. On a worker of a distributed run the settings come later, and who takes part is said by name."""
    environment.weather = Weather()
    prepare(environment)
    attach(environment, runner)
    # gevent's clock stood still while the start was at work: a timer set now would be early by as much.
    gevent.get_hub().loop.update_now()
    if isinstance(runner, WorkerRunner):
        return
    scenario, options = environment.scenario, environment.parsed_options
    Agent.fixed_count = scenario.agents_for(options.customers or options.num_users or 1, options.agents)
    Announcer.fixed_count = 1 if scenario.broadcasts else 0
    absent = {each for each in (Agent, Announcer) if not each.fixed_count}
    environment.user_classes = [each for each in environment.user_classes if each not in absent]


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(environment: Any, **_: Any) -> None:
    prepare(environment)
    if environment.scenario.storms:
        gevent.spawn(_storms, environment.weather, environment.parsed_options.storm_every_s, environment.runner)
    options = environment.parsed_options
    if options.duration_s and options.customers and not isinstance(environment.runner, WorkerRunner):
        gevent.spawn(_drive, environment)


def prepare(environment: Any) -> None:
    options = environment.parsed_options
    environment.scenario = SCENARIOS[options.scenario]
    if getattr(environment, "book_path", None) != options.scripts:
        # Once: reading takes a second, and a worker that is silent while it is told to begin is taken for dead.
        environment.book_path, environment.book = options.scripts, load_scripts(Path(options.scripts))
    environment.seeds = random.Random(options.seed * 1_000 + getattr(environment.runner, "worker_index", 0))


def _storms(weather: Weather, every_s: float, runner: Any) -> None:
    while True:
        gevent.sleep(every_s)
        if runner.state in ("stopping", "stopped", "cleanup"):
            return
        weather.storm()


def _drive(environment: Any) -> None:
    """Keep as many customers as the scenario wants, beside its staff."""
    options, scenario = environment.parsed_options, environment.scenario
    began_s = time.monotonic()
    wanted = scenario.customers_at(0.0, options.customers, options.duration_s)
    while (now := scenario.customers_at(time.monotonic() - began_s, options.customers, options.duration_s)) is not None:
        if now != wanted:
            environment.runner.start(now + scenario.staff(options.customers, options.agents), options.spawn_rate or 1.0)
            wanted = now
        gevent.sleep(1.0)
