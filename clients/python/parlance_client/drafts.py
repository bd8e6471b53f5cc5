"""Replies in the making: the text of ``delta`` frames, until their message comes. Pure.

A delta that is lost leaves its attempt as it was; one that is met in the middle is not shown at all. The message
brings the whole in either case (section 5 of the protocol).
"""

from __future__ import annotations

from dataclasses import dataclass

from parlance_client.frames import Delta, Message


@dataclass(slots=True)
class Draft:
    """``text``: what has been written so far."""

    message_id: str
    attempt: int
    text: str = ""
    next_seq: int = 0


class Drafts:
    """By conversation, the reply that is being written."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def text(self, channel: str) -> str | None:
        """Of the reply in the making; None where there is none that can be shown."""
        draft = self._drafts.get(channel)
        return draft.text if draft is not None and draft.text else None

    def take(self, delta: Delta) -> None:
        draft = self._drafts.get(delta.channel)
        if delta.aborted:
            self._end(delta.channel, delta.message_id)
            return
        if draft is None or draft.message_id != delta.message_id or delta.attempt > draft.attempt:
            draft = self._drafts[delta.channel] = Draft(delta.message_id, delta.attempt)
        if delta.attempt == draft.attempt and delta.seq == draft.next_seq:
            draft.text += delta.text
            draft.next_seq += 1

    def end(self, message: Message) -> None:
        """Its message is here."""
        self._end(message.channel, message.message_id)

    def clear(self) -> None:
        """The connection is lost: what was said meanwhile can't be joined."""
        self._drafts.clear()

    def _end(self, channel: str, message_id: str) -> None:
        draft = self._drafts.get(channel)
        if draft is not None and draft.message_id == message_id:
            del self._drafts[channel]
