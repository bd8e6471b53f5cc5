"""Damages texts the way people in a hurry do, so that the model is used to it. Pure functions of the generator.

Capitals don't matter: the tokenizer takes all for small letters.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable

NOISY_SHARE = 0.12
"""How many of the examples of an epoch are damaged."""

_ENDINGS = ("!!!", "!!", "...", "??", " :)", " :(", " 🙂", " 😡", " 🙏", " 😭", " lol", " thx", " pls")
_SHORT = {
    "you": "u", "are": "r", "please": "pls", "thanks": "thx", "because": "cuz", "your": "ur", "for": "4", "to": "2",
    "tomorrow": "tmrw", "message": "msg", "really": "rly", "people": "ppl", "okay": "ok", "going to": "gonna",
    "want to": "wanna", "account": "acct", "password": "pw", "number": "no", "about": "abt", "with": "w",
}  # fmt: skip


def noisy(text: str, generator: random.Random) -> str:
    """`text` with one or two kinds of damage; never empty."""
    damaged = text
    for damage in generator.sample(KINDS, generator.choice((1, 1, 2))):
        damaged = damage(damaged, generator)
    return damaged if damaged.strip() else text


def _typo(text: str, generator: random.Random) -> str:
    """One letter swapped, dropped, doubled or replaced for every thirty, in words of four and more."""
    for _ in range(max(1, len(text) // 30)):
        places = [match.start() for match in re.finditer(r"(?<=\w)\w(?=\w\w)", text)]
        if not places:
            return text
        place = generator.choice(places)
        pair = text[place : place + 2]
        fixed = (pair[::-1], pair[1], pair[0] + pair, generator.choice(string.ascii_lowercase) + pair[1])
        text = text[:place] + generator.choice(fixed) + text[place + 2 :]
    return text


def _bare(text: str, _generator: random.Random) -> str:
    """No punctuation, apostrophes gone too."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s@#$%&+/-]", "", text))


def _ending(text: str, generator: random.Random) -> str:
    return text.rstrip(" .!?") + generator.choice(_ENDINGS)


def _shortened(text: str, generator: random.Random) -> str:
    pattern = r"\b(" + "|".join(_SHORT) + r")\b"
    return re.sub(
        pattern,
        lambda found: _SHORT[found[0].lower()] if generator.random() < 0.7 else found[0],
        text,
        flags=re.IGNORECASE,
    )


def _stretched(text: str, generator: random.Random) -> str:
    """One vowel drawn out: "pleeease"."""
    places = [match.start() for match in re.finditer(r"[aeiou](?=\w)", text)]
    if not places:
        return text
    place = generator.choice(places)
    return text[:place] + text[place] * generator.choice((2, 3)) + text[place:]


KINDS: tuple[Callable[[str, random.Random], str], ...] = (_typo, _typo, _bare, _ending, _shortened, _stretched)
