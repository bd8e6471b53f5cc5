"""Text to token ids and batches of them.

Long texts are truncated, not windowed, so that a turn costs one forward pass: what a customer wants stands at the
beginning or at the end of a message, so three quarters of the tokens are taken from its beginning and one quarter
from its end ("head+tail", Sun et al. 2019, *How to Fine-Tune BERT for Text Classification?*). Lexical rules and
entities always see the whole text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.words import KnownWords, TokenIds

Ids = NDArray[np.int64]

HEAD_CHARACTERS = 1_500
TAIL_CHARACTERS = 500
"""Past their sum only these are tokenised: about 350 and 110 English tokens, far more than any model here reads.
It keeps an 8,000-character message from holding the thread for milliseconds."""

_ONES: Ids = np.ones((1, 512), dtype=np.int64)
_ONES.setflags(write=False)
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")


def normalise(text: str) -> str:
    """``text`` in NFC, as PROTOCOL §5 stores it: every span counts code points of this."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class Tokeniser:
    """A loaded ``tokenizer.json`` that neither pads nor truncates by itself.

    Special tokens are never recognised inside a text: a customer who types ``[SEP]`` has typed six characters.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, pad_id: int) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        # Pieces of words (##) stand in no text.
        self._vocabulary = {word: place for word, place in tokenizer.get_vocab().items() if word[:2] != "##"}
        self._known = KnownWords(tokenizer, self._vocabulary)
        self._tail = max_tokens // 4
        self._head = max_tokens - self._tail
        self.max_tokens = max_tokens
        self.pad_id = pad_id

    def encode(self, text: str) -> TokenIds:
        """Ids with the first and last special token, at most ``max_tokens``. Any str is fine, lone surrogates too."""
        if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
            text = f"{text[:HEAD_CHARACTERS]} {text[-TAIL_CHARACTERS:]}"
        ids = self._known.encode(text) or self._cut(text)
        return ids if len(ids) <= self.max_tokens else ids[: self._head] + ids[-self._tail :]

    def _cut(self, text: str) -> TokenIds:
        # A list of one: the batch call is the one that releases the GIL and skips offsets, and one text keeps it
        # from waking a thread pool.
        try:
            ids: TokenIds = self._tokenizer.encode_batch_fast([text])[0].ids
        except TypeError:
            ids = self._tokenizer.encode_batch_fast([text.translate(_SURROGATES)])[0].ids
        return ids

    def words(self) -> frozenset[str]:
        """Whole words of the vocabulary in small letters: a word that is one of these is no typo."""
        return frozenset(word for word in self._vocabulary if word.isalpha())


def pad(rows: Sequence[TokenIds], pad_id: int) -> tuple[Ids, Ids]:
    """``input_ids`` and ``attention_mask``, both int64 [batch, longest row]. At least one row."""
    if len(rows) == 1:
        ids = np.array(rows, dtype=np.int64)
        return ids, _ONES[:, : ids.shape[1]]
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate(rows)
    return ids, mask.astype(np.int64)
