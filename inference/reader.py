"""Texts to analyses in four steps: tokens, words, one forward pass a batch, the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from inference.analysis import Analysis
from inference.assemble import Wording, assemble, read_words
from inference.entities import NO_PRODUCTS
from inference.heads import RawOutputs, Runner, read
from inference.lexicon import Lexicon
from inference.pack import Pack
from inference.products import Products
from inference.tokenise import pad
from inference.words import TokenIds


class Prepared(Protocol):
    """A text in NFC that is ready to run; ``started_ns`` is when its latency began.

    ``tokens`` are needed before the run, ``wording`` only after it.
    """

    text: str
    started_ns: int
    tokens: TokenIds
    wording: Wording | None


class Reader:
    """The whole of understanding but the waiting. Safe to use from several threads.

    ``clock`` counts nanoseconds and never goes back; ``runner`` stands in for the pack's model.
    """

    def __init__(
        self,
        pack: Pack,
        lexicon: Lexicon,
        clock: Callable[[], int],
        runner: Runner | None = None,
        products: Products = NO_PRODUCTS,
    ) -> None:
        self.encode = pack.tokeniser.encode
        self._clock = clock
        self._manifest = pack.manifest
        self._model = pack.manifest.model
        self._run = runner or pack.run
        self._lexicon = lexicon
        self._products = products

    def words(self, text: str) -> Wording:
        """What the words alone say."""
        return read_words(text, self._lexicon, self._products)

    def run(self, batch: Sequence[Prepared]) -> RawOutputs:
        """The forward pass: most of the time, and all of it without the interpreter's lock."""
        return self._run(*pad([item.tokens for item in batch], self._manifest.pad_id))

    def finish(self, batch: Sequence[Prepared], raw: RawOutputs) -> list[Analysis]:
        """One analysis a text, in order, from the run of the same batch."""
        return [
            assemble(
                item.wording or self.words(item.text),
                readings,
                self._lexicon,
                model=self._model,
                latency_us=(self._clock() - item.started_ns) // 1_000,
            )
            for item, readings in zip(batch, read(raw, self._manifest), strict=True)
        ]
