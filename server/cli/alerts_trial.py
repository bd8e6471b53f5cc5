"""What ``parlance alerts test`` does: a letter to each address, and what became of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ulid import ULID

from server.chat.alerting.courier import DeliveryError
from server.chat.alerting.letters import TEST_ALERT, letters
from server.chat.alerting.sending import Notice
from server.clock import SystemClock
from server.contents import check_receivers
from server.errors import StartupError
from server.store.alert_ports import AlertRow
from server.wiring.alerts import carriers_of

if TYPE_CHECKING:
    from server.chat.alerting.values import Plan
    from server.settings import Settings


def tried(plan: Plan, settings: Settings, receiver: str) -> list[tuple[str, str]]:
    """Each address of the receiver with what was wrong, empty where the letter was taken. ``StartupError``."""
    if receiver not in plan.receivers:
        known = ", ".join(plan.receivers) or "none"
        raise StartupError(f"There is no receiver {receiver!r}; there are: {known}.", "Name one of the file's.")
    check_receivers(plan, settings)
    return asyncio.run(_tried(plan, settings, receiver))


async def _tried(plan: Plan, settings: Settings, receiver: str) -> list[tuple[str, str]]:
    clock = SystemClock()
    now_ms, carriers, found = clock.now_ms(), carriers_of(settings, clock), []
    row = AlertRow(str(ULID()), TEST_ALERT, "warning", "raised", 0.0, now_ms, now_ms, {"note": "nothing is wrong"})
    notice = Notice(receiver, TEST_ALERT, "raised", (row,))
    try:
        for letter in letters(notice, plan, delivery_id=str(ULID()), now_ms=now_ms):
            try:
                await carriers[letter.target.channel].carry(letter)
            except DeliveryError as error:
                found.append((letter.target.address, str(error)))
            else:
                found.append((letter.target.address, ""))
    finally:
        for carrier in carriers.values():
            await carrier.close()
    return found
