"""A worker and the pipe to its parent."""

from __future__ import annotations

import asyncio
import multiprocessing

from server.serving import when_closed


async def test_a_parent_that_has_gone_is_noticed_once() -> None:
    ours, theirs = multiprocessing.Pipe()
    noticed = 0

    def leave() -> None:
        nonlocal noticed
        noticed += 1

    with theirs:
        when_closed(theirs, leave)
        for _ in range(3):
            await asyncio.sleep(0)
        assert noticed == 0
        ours.close()
        for _ in range(10):  # of the loop's own rounds, each of which looks at what can be read
            await asyncio.sleep(0)
        assert noticed == 1
        assert not asyncio.get_running_loop().remove_reader(theirs.fileno())
