"""Messages that no bot answers, understood for the staff who look on.

The bot tells what it understood of the turns that it answers. While a person has claimed a conversation there are none;
then this is who reads. Nothing of it is stored, and a burst is read in part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, Final

import structlog

from inference.errors import InferenceError
from server.chat.understanding import Analyser, analysis_told
from server.errors import ProtocolError
from server.fanout.hub import Fanout
from server.wire.frames import Message

# In work at a time. What comes then is not read: turns, which somebody waits for, use the same model.
MAX_OVERHEARD: Final = 32

_log = structlog.get_logger(__name__)


class Overhearing:
    """Has messages understood that nobody answers by machine."""

    def __init__(self, *, analyser: Analyser, fanout: Fanout, timeout_s: float) -> None:
        self._analyser = analyser
        self._fanout = fanout
        self._timeout_s = timeout_s
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, message: Message) -> None:
        """Read a message that was just stored, and tell; in the background."""
        if len(self._tasks) < MAX_OVERHEARD:
            self._spawn(self._read(message))

    async def close(self) -> None:
        """Drop what is in work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, message: Message) -> None:
        try:
            analysis = await self._analyser.analyse(
                message.text, timeout_s=self._timeout_s, conversation=message.channel
            )
            await self._fanout.publish(analysis_told(message, analysis.to_wire()))
        except (InferenceError, ProtocolError) as error:
            _log.warning("message not understood", message=message.message_id, reason=str(error))
        except Exception:
            _log.exception("message not understood", message=message.message_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # Of its own context: what one session does must not log under the name of another.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
