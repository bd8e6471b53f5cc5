"""Events of a stream, each awaited under the deadline that stands over it, with word from outside in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from server.chat.language.rules import Deadlines
from server.chat.language.values import StreamEvent, Text, WriterFailure

# More than a server sends while one delta goes out; then it has to wait, and its socket fills.
MAX_AHEAD = 256
# Some servers tell what they have counted after the last word; nobody waits for that longer than for a breath.
AFTER_END_S = 0.25


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing has come for as long as the caller wanted to wait."""


@dataclass(frozen=True, slots=True)
class Over:
    """The stream is at its end."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Nobody waits for the answer any more: ``reason`` is "claimed" or "written_on"."""

    reason: str


class Interruption:
    """Word from outside that the answer is not wanted any more; whoever pumps hears it at once."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._heard = asyncio.Event()

    def tell(self, reason: str) -> None:
        """The first reason counts."""
        self.reason = self.reason or reason
        self._heard.set()

    async def wait(self) -> Interrupted:
        """Until it is told."""
        await self._heard.wait()
        return Interrupted(self.reason or "")


class Pump:
    """Reads ``source`` ahead in a task of its own, so that a deadline never cuts a read in two.

    Use it as a context manager: leaving it ends the task, and with it the request. ``until_s``: when all has to be
    done, on the loop's clock.
    """

    def __init__(
        self, source: AsyncIterator[StreamEvent], deadlines: Deadlines, interruption: Interruption, until_s: float
    ) -> None:
        self._source = source
        self._deadlines = deadlines
        self._interruption = interruption
        self._until_s = until_s
        self._events: asyncio.Queue[StreamEvent | Interrupted | Exception | Over] = asyncio.Queue(MAX_AHEAD)
        self._has_begun = False
        self._is_ending = False
        self._due_s = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        self._listening = asyncio.create_task(self._listen())
        self._expect(self._deadlines.first_token_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        self._listening.cancel()
        await asyncio.gather(self._task, self._listening, return_exceptions=True)

    async def next(self, patience_s: float | None = None) -> StreamEvent | Quiet | Over | Interrupted:
        """What comes next, or ``Quiet`` after ``patience_s``. Raises ``WriterFailure``."""
        if self._interruption.reason is not None:
            return Interrupted(self._interruption.reason)
        loop = asyncio.get_running_loop()
        left_s = self._due_s - loop.time()
        wait_s = left_s if patience_s is None else min(left_s, patience_s)
        try:
            event = self._events.get_nowait() if not self._events.empty() else await self._get(wait_s)
        except TimeoutError:
            if patience_s is not None and patience_s < left_s:
                return Quiet()
            return self._late()
        if isinstance(event, Exception):
            raise event
        if self._is_ending:
            return event
        # Empty pieces show that somebody is at work; a customer sees none of it.
        self._has_begun = self._has_begun or not (isinstance(event, Text) and not event.text)
        if self._has_begun:
            self._expect(self._deadlines.silence_s)
        return event

    def ending(self) -> None:
        """The last word is there; what may come still is only what was counted."""
        self._is_ending = True
        self._expect(AFTER_END_S)

    async def _get(self, within_s: float) -> StreamEvent | Interrupted | Exception | Over:
        async with asyncio.timeout(max(0.0, within_s)):
            return await self._events.get()

    def _expect(self, within_s: float) -> None:
        self._due_s = min(asyncio.get_running_loop().time() + within_s, self._until_s)

    def _late(self) -> Over:
        if self._is_ending:
            return Over()
        if self._due_s >= self._until_s:
            raise WriterFailure("whole", f"the answer was not done after {self._deadlines.whole_s:g} s")
        if self._has_begun:
            raise WriterFailure("silence", f"nothing came for {self._deadlines.silence_s:g} s in mid-answer")
        raise WriterFailure("first_token", f"no first token within {self._deadlines.first_token_s:g} s")

    async def _read(self) -> None:
        try:
            async for event in self._source:
                await self._events.put(event)
            await self._events.put(Over())
        except WriterFailure as failure:
            await self._events.put(failure)
        except Exception as error:  # a writer of somebody's own may raise anything
            # Its text may hold what was written.
            await self._events.put(WriterFailure("server", f"the writer raised {type(error).__name__}"))
        finally:
            if isinstance(self._source, AsyncGenerator):
                await self._source.aclose()

    async def _listen(self) -> None:
        word = await self._interruption.wait()
        if self._events.full():
            self._events.get_nowait()  # what nobody waits for makes room for the word of it
        self._events.put_nowait(word)
