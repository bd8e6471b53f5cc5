"""An article's passages: cut at headings, with ids that outlive edits, as plain text (pure).

The id is the article's with the path of headings, as slugs: ``returns#how-to/by-post``. What stands before the first
heading has the article's own. Further pieces of a long section are counted, ``….2``, and so is a heading that comes
again in the same place, ``…~2``. So neither new words nor other sections change an id, only another heading does:
what was cited or rated as one passage stays one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from server.knowledge.values import Article, Passage

MAX_WORDS: Final = 90
"""Of a passage, about 120 tokens: what the model reads at once, and what somebody reads in a chat."""
MAX_SLUG_CODE_POINTS: Final = 80
SEPARATOR: Final = " › "

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])[\"”’)]*\s+(?=[^\sa-z])")
_ENDS: Final = re.compile(r"[.!?…:;,][\"”’)]*$")


@dataclass(slots=True)
class _Section:
    path: tuple[str, ...]
    blocks: list[str] = field(default_factory=list)


def cut(article: Article) -> tuple[Passage, ...]:
    """Its passages in their order; none for an article of headings alone."""
    met: Counter[str] = Counter()
    passages: list[Passage] = []
    for section in _sections(article):
        slug = "/".join(map(_slug, section.path))
        met[slug] += 1
        again = f"~{met[slug]}" if met[slug] > 1 else ""
        base = f"{article.article_id}#{_short(slug)}{again}" if section.path else article.article_id
        for number, text in enumerate(_pieces(section.blocks), start=1):
            piece = f".{number}" if number > 1 else ""
            passages.append(Passage(base + piece, SEPARATOR.join(section.path), text))
    return tuple(passages)


def sentences(text: str) -> list[str]:
    """``text`` cut behind the marks that end a sentence; joined by spaces they are the text."""
    return [one for one in _SENTENCE.split(text) if one]


def _slug(heading: str) -> str:
    slug = "-".join(re.findall(r"[^\W_]+", heading.casefold()))
    return slug or blake2s(heading.encode(), digest_size=4).hexdigest()


def _short(slug: str) -> str:
    if len(slug) <= MAX_SLUG_CODE_POINTS:
        return slug
    return f"{slug[: MAX_SLUG_CODE_POINTS - 9]}-{blake2s(slug.encode(), digest_size=4).hexdigest()}"


def _sections(article: Article) -> list[_Section]:
    found = [_Section(())]
    above: list[tuple[int, str]] = []
    tokens = _MARKDOWN.parse(article.body)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            depth, heading = int(token.tag[1:]), _plain(tokens[place + 1])
            above = [one for one in above if one[0] < depth]
            # A title that is said again above the text is no section.
            if heading.casefold() != article.title.casefold():
                above.append((depth, heading))
            found.append(_Section(tuple(name for _, name in above if name)))
    _fill(found, tokens)
    return _joined(found)


def _joined(sections: Sequence[_Section]) -> list[_Section]:
    """What stands below the repeated title belongs to what stands above it."""
    lead = [section for section in sections if not section.path]
    first = _Section((), [block for section in lead for block in section.blocks])
    return [first, *(section for section in sections if section.path)]


def _fill(sections: Sequence[_Section], tokens: Sequence[Token]) -> None:
    current = iter(sections)
    section = next(current)
    for block in _blocks(tokens):
        if block is None:
            section = next(current)
        elif block:
            section.blocks.append(block)


def _blocks(tokens: Sequence[Token]) -> Iterator[str | None]:
    """Paragraphs, items and rows as sentences; None where a heading begins a section."""
    items: list[int | None] = []
    row: list[str] | None = None
    mark = ""
    for place, token in enumerate(tokens):
        match token.type:
            case "heading_open":
                yield None
            case "bullet_list_open":
                items.append(None)
            case "ordered_list_open":
                items.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                items.pop()
            case "list_item_open":
                number = items[-1]
                mark = "" if number is None else f"{number}) "
                items[-1] = None if number is None else number + 1
            case "tr_open":
                row = []
            case "tr_close":
                yield _ended(", ".join(filter(None, row or ())))
                row = None
            case "inline" if row is not None:
                row.append(_plain(token))
            case "inline" if tokens[place - 1].type != "heading_open":
                yield mark + _ended(_plain(token))
                mark = ""
            case "fence" | "code_block":
                yield _ended(" ".join(token.content.split()))
            case _:
                pass


def _ended(text: str) -> str:
    return f"{text}." if text and not _ENDS.search(text) else text


def _plain(token: Token) -> str:
    """The words alone: no marks, no addresses of links."""
    parts = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        else:
            parts.append(child.content)
    return " ".join("".join(parts).split())


def _pieces(blocks: Sequence[str]) -> list[str]:
    """Blocks together while they are short enough; a long one cut between sentences."""
    pieces: list[list[str]] = []
    room = 0
    for block in blocks:
        short = len(block.split()) <= MAX_WORDS
        for part in [block] if short else sentences(block):
            words = len(part.split())
            if not pieces or words > room:
                pieces.append([])
                room = MAX_WORDS
            pieces[-1].append(part)
            room -= words
    return [" ".join(piece) for piece in pieces]
