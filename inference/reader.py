"""Texts to analyses, on the calling thread: tokenise, one forward pass a batch, heads, rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inference.analysis import Analysis
from inference.assemble import assemble
from inference.heads import Runner, read
from inference.lexicon import Lexicon
from inference.pack import Pack
from inference.tokenise import pad
from inference.words import TokenIds


class Encoded(NamedTuple):
    """A text in NFC that is ready to run; ``started_ns`` is when its latency began."""

    text: str
    tokens: TokenIds
    started_ns: int


class Reader:
    """The whole of understanding but the waiting. Safe to use from several threads.

    ``clock`` counts nanoseconds and never goes back; ``runner`` stands in for the pack's model.
    """

    def __init__(self, pack: Pack, lexicon: Lexicon, clock: Callable[[], int], runner: Runner | None = None) -> None:
        self.clock = clock
        self.encode = pack.tokeniser.encode
        self._manifest = pack.manifest
        self._model = pack.manifest.model
        self._run = runner or pack.run
        self._lexicon = lexicon

    def read(self, batch: Sequence[Encoded]) -> list[Analysis]:
        """One analysis a text, in order, by one run of the model."""
        raw = self._run(*pad([item.tokens for item in batch], self._manifest.pad_id))
        return [
            assemble(
                item.text,
                readings,
                self._lexicon,
                model=self._model,
                latency_us=(self.clock() - item.started_ns) // 1_000,
            )
            for item, readings in zip(batch, read(raw, self._manifest), strict=True)
        ]
