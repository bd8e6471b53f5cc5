"""Token ids of words that came before: what a chat's few thousand words cost again and again otherwise.

A BERT tokenizer cuts plain ASCII text at blanks and around each punctuation mark, in small letters, and then each
word by itself, so a text's ids are its words' ids in a row. A word of the vocabulary is one token (WordPiece takes the
longest piece first); the library stays the only one that cuts the others, and here its results are kept. A text with
many such words not seen before, or with anything but plain ASCII, is the library's as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

TokenIds = list[int]

MAX_WORDS = 20_000
"""About 4 MB beside the vocabulary. Past it everything is forgotten: words in use are back within a few texts."""

MAX_CHARACTERS = 500
"""Longer texts are rare, and reading them for new words would hold the interpreter."""

MAX_UNSEEN = 4
"""New words of a text that are cut one by one: a few cost less than the whole text, more of them would cost more."""

_PIECES = re.compile(r"[0-9a-z]+|[^0-9a-z ]")
# Order numbers and codes seldom come twice: kept, they would crowd out the words.
_LASTING = re.compile(r"[a-z]+|\d{1,2}|[^0-9a-z]")


class KnownWords:
    """The ids of words by word. Safe to use from several threads. ``vocabulary``: the tokenizer's, word → id."""

    def __init__(self, tokenizer: Tokenizer, vocabulary: Mapping[str, int]) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._ids: dict[str, TokenIds] = {}
        self._ends = tokenizer.encode("").ids
        self._applies = _cuts_like_bert(tokenizer) and len(self._ends) == 2

    def encode(self, text: str) -> TokenIds | None:
        """``text``'s ids with the special tokens around them; None where the library must do it."""
        if not self._applies or len(text) > MAX_CHARACTERS or not (text.isascii() and text.isprintable()):
            return None
        vocabulary, known, ids = self._vocabulary, self._ids, self._ends[:1]
        unseen = 0
        for piece in _PIECES.findall(text.lower()):
            whole = vocabulary.get(piece)
            if whole is not None:
                ids.append(whole)
                continue
            found = known.get(piece)
            if found is None:
                unseen += 1
                if unseen > MAX_UNSEEN:
                    return self._all_of(text)
                found = self._cut(piece)
            ids += found
        ids += self._ends[1:]
        return ids

    def _all_of(self, text: str) -> TokenIds:
        ids: TokenIds = self._tokenizer.encode(text).ids
        return ids

    def _cut(self, piece: str) -> TokenIds:
        ids: TokenIds = self._tokenizer.encode(piece, add_special_tokens=False).ids
        if _LASTING.fullmatch(piece):
            if len(self._ids) >= MAX_WORDS:
                self._ids = {}
            self._ids[piece] = ids
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
