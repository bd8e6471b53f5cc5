"""An answer in the making, told to everybody in the conversation (PROTOCOL §5, ``delta``)."""

from __future__ import annotations

from server.backplane.ports import Envelope
from server.clock import Clock
from server.fanout.hub import Fanout
from server.wire.codec import JSON
from server.wire.frames import Delta

# The first words go out at once; later ones gather for as long as nobody sees, so that a fast model does not cost
# every subscriber a hundred frames a second.
GATHER_MS = 25.0


class Deltas:
    """The deltas of one message. ``begun``: somebody may have seen something of it."""

    def __init__(self, fanout: Fanout, clock: Clock, channel: str, message_id: str) -> None:
        self._fanout = fanout
        self._clock = clock
        self._channel = channel
        self._message_id = message_id
        self._attempt = 0
        self._seq = 0
        self._gathered = ""
        self._sent_ms = float("-inf")

    @property
    def begun(self) -> bool:
        return self._seq > 0 or self._attempt > 0

    @property
    def patience_s(self) -> float | None:
        """After which time ``flush`` is due; None: nothing waits."""
        if not self._gathered:
            return None
        return max(0.0, self._sent_ms + GATHER_MS - self._clock.mono_ms()) / 1000

    async def say(self, text: str) -> None:
        """Words that follow."""
        self._gathered += text
        if self.patience_s == 0:
            await self.flush()

    async def flush(self) -> None:
        """Send what has gathered."""
        text, self._gathered = self._gathered, ""
        if text:
            self._sent_ms = self._clock.mono_ms()
            await self._send(text)

    async def instead(self, text: str) -> None:
        """What was said is withdrawn, and this stands in its place; nothing where nothing was said."""
        self._gathered = ""
        if self.begun:
            self._attempt, self._seq = self._attempt + 1, 0
            await self._send(text)

    async def abort(self) -> None:
        """No message will come; nothing where nothing was said."""
        self._gathered = ""
        if self.begun:
            await self._send("", aborted=True)

    async def _send(self, text: str, aborted: bool | None = None) -> None:
        delta = Delta(self._channel, self._message_id, self._attempt, self._seq, text, aborted)
        self._seq += 1
        await self._fanout.publish(Envelope(self._channel, 0, JSON.encode(delta)))
