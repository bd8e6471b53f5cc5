"""The list of checks, and how they are run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Literal

from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from server.conformance.bench import Bench, People, Skipped, Target
from server.conformance.peer import ENCODINGS, Broken, Encoding

Outcome = Literal["pass", "fail", "skip"]
Rule = Callable[[Bench], Awaitable[None]]

AT_ONCE = 6
"""Checks that run beside each other: most of them wait. A user may have 20 connections."""

MAX_S = 90.0
"""No check takes so long, a server that limits what a user may do included."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. ``name`` begins with its section; ``text`` is the rule in a sentence."""

    name: str
    section: int
    text: str
    encodings: tuple[Encoding, ...]
    run: Rule


@dataclass(frozen=True, slots=True)
class Result:
    """``reason``: what was expected and what came, or what is missing; "" where it passed."""

    name: str
    section: int
    text: str
    encoding: Encoding
    outcome: Outcome
    reason: str = ""


CHECKS: list[Check] = []


def check(section: int, *encodings: Encoding) -> Callable[[Rule], Rule]:
    """Adds a function to the list: its name is the check's, its docstring the rule."""

    def add(rule: Rule) -> Rule:
        named = getattr(rule, "__name__", "").replace("_", "-")
        text = " ".join((rule.__doc__ or "").split())
        CHECKS.append(Check(f"{section}.{named}", section, text, encodings or ENCODINGS, rule))
        return rule

    return add


def load_checks() -> Sequence[Check]:
    """All checks, by section."""
    from server.conformance import (  # noqa: F401  (each adds its checks to the list)
        rules_channels,
        rules_entry,
        rules_handoff,
        rules_messages,
        rules_people,
    )

    return sorted(CHECKS, key=lambda one: one.section)


def chosen(checks: Iterable[Check], only: Sequence[str]) -> list[Check]:
    """Those of the named sections (``5``) or whose names begin so (``5.send``). Raises ``ValueError``."""
    checks = list(checks)
    for name in only:
        if not any(_is(one, name) for one in checks):
            raise ValueError(name)
    return [one for one in checks if not only or any(_is(one, name) for name in only)]


def _is(one: Check, name: str) -> bool:
    return str(one.section) == name or (one.name.startswith(name) and not name.isdigit())


async def run_checks(target: Target, checks: Sequence[Check]) -> AsyncIterator[Result]:
    """Every check in its encodings, in order, each result as soon as those before it are known."""
    people = People(list(target.tokens))
    room = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_one(target, people, one, encoding, room)) for one in checks for encoding in one.encodings
        ]
        for task in tasks:
            yield await task


async def _one(target: Target, people: People, one: Check, encoding: Encoding, room: asyncio.Semaphore) -> Result:
    async with room:
        outcome, reason = await _outcome(target, people, one, encoding)
    return Result(one.name, one.section, one.text, encoding, outcome, reason)


async def _outcome(target: Target, people: People, one: Check, encoding: Encoding) -> tuple[Outcome, str]:
    stack = AsyncExitStack()
    try:
        async with asyncio.timeout(MAX_S):
            await one.run(Bench(target, people, encoding, stack))
    except Skipped as skipped:
        return "skip", str(skipped)
    except Broken as broken:
        return "fail", str(broken)
    except InvalidStatus as refused:
        return "fail", f"the handshake was refused with HTTP {refused.response.status_code}"
    except (InvalidHandshake, OSError, TimeoutError) as failed:
        return "fail", f"no connection, or no end: {failed or type(failed).__name__}"
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as odd:
        return "fail", f"a frame is not as the protocol has it: {type(odd).__name__}: {odd}"
    finally:
        with suppress(WebSocketException, OSError):
            await stack.aclose()
    return "pass", ""
