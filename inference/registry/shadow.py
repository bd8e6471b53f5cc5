"""The shadow: reads what another version has answered, is compared with that, and is never heard.

It must neither delay nor fail a turn. So it reads one text at a time, begins after the answer has had time to go out,
steps back while anybody waits for an answer's analysis, and reads no more than a sample where it can't keep up. The
threads have no lower priority for the scheduler: one that is kept waiting while it holds the interpreter's lock would
stop the event loop with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from inference.analysis import Analysis
from inference.engine import Engine
from inference.errors import EngineClosed
from inference.registry.comparison import disagreements

MAX_WAITING = 8
"""Some twenty milliseconds of work; a sample serves as well as all texts."""

BEGIN_S = 0.02
"""By then the answer is committed, as a rule."""

STEP_BACK_S = 0.005
TIMEOUT_S = 2.0


class Tally(Protocol):
    """Counts what became of the shadow's texts."""

    def compared(self, found: Analysis, differing: tuple[str, ...]) -> None: ...

    def dropped(self) -> None: ...

    def failed(self, error: Exception) -> None: ...


class Shadow:
    """``offer`` belongs to the event loop. ``is_busy`` says whether a text is read for an answer."""

    def __init__(self, engine: Engine, tally: Tally, is_busy: Callable[[], bool]) -> None:
        self.engine = engine
        self._tally = tally
        self._is_busy = is_busy
        self._line: deque[tuple[str, Analysis]] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Texts it has not begun with."""
        return len(self._line)

    def offer(self, text: str, answered: Analysis) -> None:
        """Let it read ``text`` and be compared with ``answered``, some time, perhaps. Never waits, never raises."""
        if self._closed or len(self._line) >= MAX_WAITING:
            self._tally.dropped()
            return
        self._line.append((text, answered))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="shadow")

    def end(self) -> None:
        """Forget what waits; the engine is left as it is. Idempotent."""
        self._closed = True
        self._line.clear()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _read(self) -> None:
        try:
            await asyncio.sleep(BEGIN_S)
            while self._line:
                while self._is_busy():  # noqa: ASYNC110  (nobody says when a line gets empty)
                    await asyncio.sleep(STEP_BACK_S)
                text, answered = self._line.popleft()
                await self._compare(text, answered)
        except EngineClosed:
            self.end()
        finally:
            self._reading = None

    async def _compare(self, text: str, answered: Analysis) -> None:
        try:
            found = await self.engine.analyse(text, timeout_s=TIMEOUT_S)
        except EngineClosed:
            raise
        except Exception as error:  # whatever it was, nobody but the counts may notice
            self._tally.failed(error)
        else:
            self._tally.compared(found, disagreements(answered, found))
