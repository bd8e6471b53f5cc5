"""Reading what a recovery could not give (section 4 of the protocol: ``recovered`` false, reload with ``history``)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from parlance_client.connection import Connection
from parlance_client.frames import MAX_HISTORY, Message
from parlance_client.timeline import Timeline

MAX_REPAIRED = 1_000
"""More than this is not read one page after the other: who was away for so long begins with the newest page."""


async def read_missing(
    connection: Connection, channel: str, timeline: Timeline
) -> AsyncIterator[tuple[list[Message], bool]]:
    """Pages, ascending, until the timeline has no gap; True with a page that does not join what was heard before.

    The timeline is moved to before such a page. Raises what ``Connection.history`` raises.
    """
    while timeline.gap:
        if timeline.anew or timeline.expected - timeline.offset > MAX_REPAIRED:
            page = await connection.history(channel, limit=MAX_HISTORY)
            if page.messages:
                timeline.start_after(page.messages[0].offset - 1)
            timeline.anew = False
            yield page.messages, True
            continue
        before = timeline.offset
        page = await connection.history(channel, after=before, limit=MAX_HISTORY)
        yield page.messages, False
        if timeline.offset == before:
            return
