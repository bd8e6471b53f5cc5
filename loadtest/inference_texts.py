"""The texts that understanding is measured on: turns of a chat, and running words of an exact length."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

from inference.pack import Pack

TURNS = (
    "hi",
    "where is my order #4711???",
    "thanks a lot, that helped!",
    "could you please help me change the address on my account",
    "this is ridiculous, I want my money back NOW",
    "what is my current balance",
    "no",
    "my card was declined at the supermarket this morning and I don't know why",
    "yes please",
    "how long does the delivery to Spain take and what does it cost",
    "ok bye",
    "the app crashes every time I open it, I already installed it again",
)
"""About as long as chat turns are: 10 tokens at the median, 17 at p95."""

LONG = (
    "hello there i ordered a blue jacket and two pairs of shoes from your shop about three weeks ago and paid with my "
    "credit card but until today only one of the boxes has come and it was damaged so could you please tell me where "
    "the other one is and whether i can send the jacket back because it is too small for me and i need a new one "
    "before we leave for our holiday on friday"
)


def text_of(pack: Pack, tokens: int, start: int) -> str:
    """Running words, from word ``start`` on, of exactly ``tokens`` tokens with the two special ones."""
    words: list[str] = []
    for word in islice(cycle(LONG.split()), start, None):
        words.append(word)
        if len(pack.tokeniser.encode(" ".join(words))) >= tokens:
            break
    while len(pack.tokeniser.encode(" ".join(words))) > tokens:
        words.pop()
    missing = tokens - len(pack.tokeniser.encode(" ".join(words)))
    return " ".join([*words, *["please"] * missing])


def read_turns(path: Path) -> tuple[str, ...]:
    """The lines of a UTF-8 file that are not empty. Raises ``OSError`` or ``ValueError``, which names the file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: convert it, for example with iconv") from error
    turns = tuple(line for line in lines if line.strip())
    if not turns:
        raise ValueError(f"{path} holds no text: give a file of one chat turn a line")
    return turns
