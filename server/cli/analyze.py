"""``parlance analyze``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from server.cli.lines import lines
from server.cli.options import ConfigOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from rich.panel import Panel
    from rich.text import Text

    from inference.analysis import Analysis
    from inference.engine import Engine
    from inference.lexicon import Lexicon

BATCH_LINES = 256
"""Texts handed to the engine at once: enough to sort by length, few enough that answers come several times a second."""

BAR_CELLS = 20
MAX_TITLE = 80


def analyze(
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The text to understand.")] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read one text a line from standard input, write one JSON object a line.")
    ] = False,
    as_json: JsonOption = False,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="DIR", help="Folder of a model pack; the champion's if unset.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show how a text is understood: intent, act, sentiment, emotions, urgency, politeness, toxicity, entities; and
    its keywords and reading ease.

    With --jsonl every line of standard input (UTF-8) gives one line of JSON, in order; an empty line is the analysis
    of an empty text. Example: parlance analyze --jsonl < texts.txt > analyses.jsonl
    """
    if (text is None) != jsonl:
        problem = "TEXT and --jsonl exclude each other." if text is not None else "There is no text."
        raise StartupError(problem, "Give one TEXT, or --jsonl and texts on standard input.")
    from server.contents import champion_folder

    settings = load(config=config, check=False, make=False).settings
    engine = open_engine(model or champion_folder(settings), products=settings.products_file, intents=settings.intents)
    if text is None:
        stream(engine, sys.stdin.buffer, sys.stdout.buffer)
        return
    analysis = engine.analyse_now([_storable(text)])[0]
    aside = remarks(text, analysis, engine.lexicon)
    if as_json:
        print_json(described(analysis, aside))
    else:
        console().print(panel(text, analysis, aside))


def open_engine(
    folder: Path, *, products: Path | None = None, intents: Path | None = None, cache_entries: int | None = None
) -> Engine:
    """An engine on the model in ``folder``, with the user's ``products`` and own ``intents``. Raises ``StartupError``
    where one of them can't be used."""
    from inference.engine import CACHE_ENTRIES, Engine
    from inference.errors import ModelError
    from inference.pack import load_pack
    from server.contents import read_products, read_trained

    entries = CACHE_ENTRIES if cache_entries is None else cache_entries
    try:
        pack = load_pack(folder)
    except ModelError as error:
        raise StartupError(str(error)) from None
    own = None
    if intents is not None:
        from inference.intents.trained import space_of

        own = read_trained(intents, space_of(pack.manifest))
    named = read_products(products)
    return Engine(pack, clock=time.perf_counter_ns, cache_entries=entries, products=named, intents=own)


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a turn does not pay for: ``keywords`` with their scores, the highest first, and the Flesch ``reading_ease``,
    None where its language has no formula or there is no word."""

    keywords: tuple[tuple[str, float], ...]
    reading_ease: float | None


def remarks(text: str, analysis: Analysis, lexicon: Lexicon) -> Remarks:
    """``text`` is the one that was analysed."""
    from inference.keywords import keywords, stop_words_of
    from inference.readability import flesch_reading_ease

    spoken = "en" if analysis.language == "und" else analysis.language
    found = keywords(text, stop_words_of(lexicon.stop_words, spoken))
    return Remarks(found, flesch_reading_ease(text, spoken))


def described(analysis: Analysis, aside: Remarks) -> dict[str, Any]:
    """The protocol's ``analysis``, the likeliest ``intents``, the likeliest first, and the remarks."""
    ease = aside.reading_ease
    return {
        **analysis.to_wire(),
        "intents": [{"name": name, "confidence": round(confidence, 4)} for name, confidence in analysis.intents],
        "keywords": [{"text": text, "score": score} for text, score in aside.keywords],
        "reading_ease": None if ease is None else round(ease, 1),
    }


def stream(engine: Engine, source: BinaryIO, target: BinaryIO) -> None:
    """Analyse ``source`` line by line into ``target``; what came before a bad line is written.

    Raises:
        StartupError: names the line that is not UTF-8 or is too long.
    """
    texts: list[str] = []
    try:
        for text in _texts(source):
            if text is not None:
                texts.append(text)
            if texts and (text is None or len(texts) == BATCH_LINES):
                _write(engine, texts, target)
                texts.clear()
    except StartupError:
        _write(engine, texts, target)
        raise


def _write(engine: Engine, texts: list[str], target: BinaryIO) -> None:
    import orjson

    for text, analysis in zip(texts, engine.analyse_now(texts), strict=True):
        target.write(orjson.dumps(described(analysis, remarks(text, analysis, engine.lexicon))) + b"\n")
    target.flush()


def _texts(source: BinaryIO) -> Iterator[str | None]:
    """Each line's text; None wherever reading on may have to wait, and at the end."""
    for line in lines(source):
        yield None if line is None else _decoded(line[1].removesuffix(b"\n"), line[0])


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise StartupError(
            f"Line {number} of standard input is not UTF-8 (byte {error.start + 1} of the line).",
            "Convert the input, for example with `iconv -f latin1 -t utf-8`.",
        ) from None


def _storable(text: str) -> str:
    """An argument whose bytes are not UTF-8 arrives with lone surrogates, which can't be printed."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise StartupError("TEXT is not UTF-8.", "Set a UTF-8 locale, or use --jsonl.") from None
    return text


def panel(text: str, analysis: Analysis, aside: Remarks) -> Panel:
    """The analysis as a person reads it, with bars."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    heading = ""
    for name, bar, value, words in _rows(analysis, aside):
        table.add_row(name if name != heading else "", bar, value, Text(words))
        heading = name
    shown = text if len(text) <= MAX_TITLE else f"{text[: MAX_TITLE - 1]}…"
    foot = f"{analysis.model} · {analysis.latency_us / 1_000:.1f} ms · language {analysis.language}"
    return Panel(table, title=Text(" ".join(shown.split())), subtitle=foot, title_align="left", expand=False)


def _rows(analysis: Analysis, aside: Remarks) -> Iterator[tuple[str, Text, str, str]]:
    from rich.text import Text

    for name, confidence in analysis.intents:
        yield "intent", _bar(confidence, "cyan"), f"{confidence:.2f}", name
    yield "out of scope", _bar(analysis.out_of_scope, "yellow"), f"{analysis.out_of_scope:.2f}", ""
    yield "act", Text(), "", analysis.act
    mood = analysis.sentiment
    yield "sentiment", _balance(mood.score), f"{mood.score:+.2f}", f"{mood.label} ({mood.confidence:.2f})"
    for name, share in sorted(analysis.emotions.items(), key=lambda entry: -entry[1]):
        yield "emotions", _bar(share, "magenta"), f"{share:.2f}", name
    yield "urgency", _bar(analysis.urgency, "red"), f"{analysis.urgency:.2f}", ""
    yield "politeness", _balance(analysis.politeness), f"{analysis.politeness:+.2f}", ""
    yield "toxicity", _bar(analysis.toxicity, "red"), f"{analysis.toxicity:.2f}", ""
    for entity in analysis.entities:
        yield "entities", Text(entity.type), f"{entity.start}–{entity.end}", entity.text
    for phrase, score in aside.keywords:
        yield "keywords", Text(), f"{score:.1f}", phrase
    if aside.reading_ease is not None:
        yield "reading ease", Text(), f"{aside.reading_ease:.0f}", ""


def _bar(value: float, colour: str) -> Text:
    """``value`` in [0, 1]."""
    from rich.text import Text

    filled = round(value * BAR_CELLS)
    return Text.assemble(("█" * filled, colour), ("░" * (BAR_CELLS - filled), "dim"))


def _balance(value: float) -> Text:
    """``value`` in [-1, 1]: the bar grows from the middle to its side."""
    from rich.text import Text

    half = BAR_CELLS // 2
    left, right = round(max(0.0, -value) * half), round(max(0.0, value) * half)
    return Text.assemble(
        ("░" * (half - left), "dim"), ("█" * left, "red"), ("█" * right, "green"), ("░" * (half - right), "dim")
    )
