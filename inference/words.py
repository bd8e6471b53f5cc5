"""Token ids of words that came before: what a chat's few thousand words cost again and again otherwise.

A BERT tokenizer cuts plain ASCII text at blanks and around each punctuation mark, in small letters, and then each
word by itself, so a text's ids are its words' ids in a row. The library stays the only one that cuts a word; here its
results are kept. A text with a word not seen before, a long number, or anything but plain ASCII is the library's as a
whole.
"""

from __future__ import annotations

import re

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

TokenIds = list[int]

MAX_WORDS = 20_000
"""About 4 MB. Past it everything is forgotten: the words in use are back within a few texts."""

MAX_CHARACTERS = 500
"""Longer texts are rare, and reading them for new words would hold the interpreter."""

_PIECES = re.compile(r"[0-9a-z]+|[^0-9a-z ]")
# Order numbers and codes seldom come twice: kept, they would crowd out the words.
_LASTING = re.compile(r"[a-z]+|\d{1,2}|[^0-9a-z]")


class KnownWords:
    """The ids of words by word. Safe to use from several threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: dict[str, TokenIds] = {}
        self._ends = tokenizer.encode("").ids
        self._applies = _cuts_like_bert(tokenizer) and len(self._ends) == 2

    def encode(self, text: str) -> TokenIds | None:
        """``text``'s ids with the special tokens around them; None where the library must do it."""
        if not self._applies or len(text) > MAX_CHARACTERS or not (text.isascii() and text.isprintable()):
            return None
        known, ids = self._ids, self._ends[:1]
        pieces = _PIECES.findall(text.lower())
        for piece in pieces:
            found = known.get(piece)
            if found is None:
                return self._learn(text, pieces)
            ids += found
        ids += self._ends[1:]
        return ids

    def _learn(self, text: str, pieces: list[str]) -> TokenIds:
        encoding = self._tokenizer.encode(text)
        words: dict[int, TokenIds] = {}
        for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
            if word is not None:
                words.setdefault(word, []).append(token)
        if len(self._ids) + len(pieces) > MAX_WORDS:
            self._ids = {}
        pairs = zip(pieces, words.values(), strict=True)
        self._ids.update((piece, found) for piece, found in pairs if _LASTING.fullmatch(piece))
        ids: TokenIds = encoding.ids
        return ids


def _cuts_like_bert(tokenizer: Tokenizer) -> bool:
    """Whether it cuts words as described above: other tokenizers look across words, or keep capitals."""
    normalizer = tokenizer.normalizer
    return (
        isinstance(tokenizer.model, WordPiece)
        and isinstance(normalizer, BertNormalizer)
        and bool(normalizer.lowercase)
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and all(token.special for token in tokenizer.get_added_tokens_decoder().values())
    )
