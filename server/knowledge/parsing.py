"""An article from a Markdown file with front matter (pure: the reader of YAML is an argument)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Final, cast

from server.knowledge.errors import KnowledgeError
from server.knowledge.values import MAX_SOURCE_CODE_POINTS, TONES, Article, Tone

ReadYaml = Callable[[str], object]
"""YAML's text to plain values; a ``ValueError`` has the line within the text as its attribute ``line``, if known."""

KEYS: Final = ("id", "title", "category", "tags", "language", "owner", "expires", "asks", "variants")
MAX_TITLE_CODE_POINTS: Final = 120
MAX_NAME_CODE_POINTS: Final = 64
MAX_TAGS: Final = 20
MAX_VARIANT_CODE_POINTS: Final = 1_000
MAX_ASKS: Final = 50
MAX_ASK_CODE_POINTS: Final = 200
ARTICLE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_FENCE: Final = re.compile(r"---[ \t]*")


def parse_article(file: str, source: str, read_yaml: ReadYaml) -> Article:
    """The article in ``source``. ``file``: how it is called in errors; without its folders and ``.md`` the article's
    id, unless the front matter gives one. Raises ``KnowledgeError`` with the line."""
    source = unicodedata.normalize("NFC", source.removeprefix("\ufeff")).replace("\r\n", "\n")
    if len(source) > MAX_SOURCE_CODE_POINTS:
        raise KnowledgeError(file, 0, f"{len(source):,} characters are too many", "Split it into several articles.")
    if "\0" in source or any("\ud800" <= char <= "\udfff" for char in source):
        raise KnowledgeError(file, 0, "it is no valid text (NUL or a lone surrogate)", "Save it as UTF-8.")
    front, body, body_line = _split(file, source)
    sheet = _Sheet(file, front, _values(file, front, read_yaml))
    article = Article(
        article_id=sheet.article_id(),
        title=sheet.text("title", MAX_TITLE_CODE_POINTS),
        category=sheet.text("category", MAX_NAME_CODE_POINTS),
        source=source,
        body=body,
        body_line=body_line,
        tags=sheet.texts("tags", MAX_TAGS, MAX_NAME_CODE_POINTS, "tags: [parcel, late]"),
        language=sheet.language(),
        owner=sheet.text("owner", MAX_NAME_CODE_POINTS, needed=False),
        expires_ms=sheet.expires_ms(),
        asks=sheet.texts("asks", MAX_ASKS, MAX_ASK_CODE_POINTS, "asks: with a line '- How do I pay?' for each"),
        variants=sheet.variants(),
    )
    if not body.strip():
        raise KnowledgeError(file, body_line, "the article has no text", "Write it below the front matter.")
    return article


def _split(file: str, source: str) -> tuple[str, str, int]:
    """The front matter, the body and the body's first line."""
    lines = source.split("\n")
    if not _FENCE.fullmatch(lines[0]):
        raise KnowledgeError(
            file, 1, "there is no front matter", "Begin with a line ---, then title: and category:, then a line ---."
        )
    for number, line in enumerate(lines[1:], start=1):
        if _FENCE.fullmatch(line):
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise KnowledgeError(file, 1, "the front matter has no end", "Close it with a line ---.")


def _values(file: str, front: str, read_yaml: ReadYaml) -> Mapping[str, object]:
    try:
        found = read_yaml(front)
    except ValueError as error:
        line = getattr(error, "line", 0) + 1 if getattr(error, "line", 0) else 1
        raise KnowledgeError(file, line, f"no valid YAML: {error}", "Put values in quotes.") from error
    if not isinstance(found, Mapping):
        raise KnowledgeError(file, 2, "the front matter holds no 'key: value' lines", "Give title: and category:.")
    return cast(Mapping[str, object], found)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The front matter, checked value by value."""

    file: str
    front: str
    values: Mapping[str, object]

    def __post_init__(self) -> None:
        for key in self.values:
            if key not in KEYS:
                near = get_close_matches(str(key), KEYS, n=1)
                remedy = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(KEYS)}."
                raise self.error(str(key), f"unknown key {key!r}", remedy)

    def error(self, key: str, problem: str, remedy: str) -> KnowledgeError:
        """About the line on which ``key`` stands."""
        for number, line in enumerate(self.front.split("\n"), start=2):
            if re.match(rf"\s*['\"]?{re.escape(key)}['\"]?\s*:", line):
                return KnowledgeError(self.file, number, problem, remedy)
        return KnowledgeError(self.file, 1, problem, remedy)

    def text(self, key: str, most: int, *, needed: bool = True) -> str:
        value = self.values.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or not value.strip():
            problem = f"{key} is missing" if value is None else f"{key} is no text"
            raise self.error(key, problem, f"Write {key}: followed by words, in quotes where they hold a colon.")
        words = " ".join(value.split())
        if len(words) > most:
            raise self.error(key, f"{key} has {len(words)} characters", f"Keep it within {most}.")
        return words

    def article_id(self) -> str:
        given = self.values.get("id")
        stem = self.file.replace("\\", "/").rpartition("/")[2].removesuffix(".md")
        name = stem if given is None else given
        if not isinstance(name, str) or not ARTICLE_ID.fullmatch(name):
            whose = "the file's name" if given is None else "id"
            remedy = "Use at most 64 small letters, digits and -, such as 'late-parcels'."
            raise self.error("id", f"{whose} {name!r} can't name an article", remedy)
        return name

    def texts(self, key: str, most: int, length: int, example: str) -> tuple[str, ...]:
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.error(key, f"{key} is no list of texts", f"Write {example}, in quotes where they hold a colon.")
        texts = tuple(dict.fromkeys(" ".join(one.split()) for one in value))
        if len(texts) > most or any(len(text) > length for text in texts):
            raise self.error(key, f"too many {key}, or too long ones", f"At most {most} of {length} characters.")
        return texts

    def language(self) -> str:
        value = self.values.get("language", "en")
        if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
            # YAML 1.1 reads a bare no as a truth value.
            raise self.error("language", f"{value!r} is no language", 'Write its code in quotes: "en", "de", "no".')
        return value

    def expires_ms(self) -> int | None:
        """The end of the given day, UTC."""
        value = self.values.get("expires")
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, datetime) or not isinstance(value, date):
            raise self.error("expires", "expires is no day", "Write it as 2027-03-31, the last day on which it holds.")
        end = datetime(value.year, value.month, value.day, tzinfo=UTC) + timedelta(days=1)
        return int(end.timestamp() * 1_000)

    def variants(self) -> dict[Tone, str]:
        value = self.values.get("variants")
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error("variants", "variants is no mapping", "Write 'casual: words' lines below it, indented.")
        found: dict[Tone, str] = {}
        for tone, words in value.items():
            if tone not in TONES:
                near = get_close_matches(str(tone), TONES, n=1)
                remedy = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(TONES)}."
                raise self.error(str(tone), f"unknown tone {tone!r}", remedy)
            if not isinstance(words, str) or not 1 <= len(" ".join(words.split())) <= MAX_VARIANT_CODE_POINTS:
                remedy = f"Write 1 to {MAX_VARIANT_CODE_POINTS} characters, in quotes where they hold a colon."
                raise self.error(str(tone), f"the variant {tone!r} is no text of that length", remedy)
            found[tone] = " ".join(words.split())
        return found
