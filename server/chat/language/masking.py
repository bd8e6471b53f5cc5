"""Personal data kept from a model: placeholders in what it reads, and the values back in what it says (pure).

The same value has the same placeholder throughout a prompt, so that a model can still tell two numbers apart. What
should not be said in a chat by anybody, such as a card's number, does not come back: the customer reads its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from server.chat.language.draft import Found

NEVER_SAID: Final = frozenset({"card", "iban", "national_id"})
"""Kinds that stay hidden from the customer's eyes, too."""


class Mask:
    """The placeholders of one prompt. ``personal`` finds personal data; None: nothing is hidden."""

    def __init__(self, personal: Callable[[str], Sequence[Found]] | None) -> None:
        self._personal = personal
        self._placeholders: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """``text`` with placeholders in place of personal data: ``write to [email-1]``."""
        if self._personal is None:
            return text
        # A placeholder is an edge where there was a letter before, so more may come to light.
        while found := self._personal(text):
            for one in reversed(found):
                text = f"{text[: one.start]}{self._placeholder(one)}{text[one.end :]}"
        return text

    def _placeholder(self, found: Found) -> str:
        key = f"{found.type}/{found.text.casefold()}"
        known = self._placeholders.get(key)
        if known is None:
            number = 1 + sum(one.startswith(f"{found.type}/") for one in self._placeholders)
            known = self._placeholders[key] = f"[{found.type}-{number}]"
            self.values[known] = f"[{found.type}]" if found.type in NEVER_SAID else found.text
        return known
