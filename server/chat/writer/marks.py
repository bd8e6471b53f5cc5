"""Marks that a language sets besides those at a sentence's end."""

from __future__ import annotations

import re
from typing import Final

_SENTENCE: Final = re.compile(r"[^.!?…]+[.!?…]+")
_OPENED: Final = re.compile(r"[¡¿]")


def opened(text: str) -> str:
    """Spanish: a sentence that ends with ``!`` has its ``¡``, one that ends otherwise has none. Questions stay as their
    author has opened them, since the mark may stand within the sentence."""

    def one(match: re.Match[str]) -> str:
        said = match.group()
        if said.endswith("?"):
            return said
        if not said.endswith("!"):
            return said.replace("¡", "")
        if _OPENED.search(said):
            return said
        start = len(said) - len(said.lstrip())
        return f"{said[:start]}¡{said[start:]}"

    return _SENTENCE.sub(one, text)
