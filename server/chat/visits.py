"""How often a customer comes."""

from __future__ import annotations

import structlog

from server.chat.memory import Memory
from server.errors import ProtocolError
from server.store.ports import Store

MAX_VISITS = 50

_log = structlog.get_logger(__name__)


async def count_visits(store: Store, memory: Memory, user_id: str) -> None:
    """Note in ``memory`` how many conversations the user opened before this one, at most ``MAX_VISITS``; 0 where the
    store can't say: no answer waits for that."""
    try:
        opened = await store.conversations_opened(user_id, MAX_VISITS + 1)
    except ProtocolError as error:
        _log.debug("visits not counted", reason=str(error))
        opened = 0
    memory.visits = max(opened - 1, 0)
