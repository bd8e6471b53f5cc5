"""A page of answers side by side: what each of several personas says in the same situations."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

import server.chat.writer
import server.knowledge
from adapters.personas import Persona
from inference.analysis import EMOTIONS, Analysis, Entity, Sentiment
from server.chat.writer import BuiltInWriter, Situation, Written
from server.contents import article_of, read_yaml
from server.errors import StartupError
from server.knowledge.index import NOTHING_FOUND, Found, Hit, Row
from server.knowledge.passages import cut
from server.knowledge.values import entries_of

CASES: Final = Path(server.chat.writer.__file__).with_name("voices.yaml")
DEMO: Final = Path(server.knowledge.__file__).with_name("demo")
ANSWERED: Final = 0.8
OFFERED: Final = 0.2

HEAD: Final = """# Voices

The same situations, answered by several personas: what the built-in writer says out of its phrases, without a language
model. What is understood of each message is given ([the file](../server/chat/writer/voices.yaml)), so that this page
shows the writing alone. It is made by

    parlance persona examples --out docs/voices.md

after a change to phrases or personas; with a configuration of yours it shows your own.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One language's part of the page. ``rows``: the answers of each persona to each case, case by case."""

    title: str
    intro: str
    personas: tuple[Persona, ...]
    cases: tuple[Mapping[str, Any], ...]
    rows: tuple[tuple[Written, ...], ...]


def page(writer: BuiltInWriter, personas: Sequence[Persona]) -> str:
    """The page in Markdown. ``StartupError`` where none of the personas that it is about is there."""
    parts = [part for document in read_yaml(CASES)["parts"] if (part := _part(document, writer, personas)).personas]
    if not parts:
        raise StartupError("None of the personas of the examples is there.", f"Name yours in {CASES}.")
    return "\n".join([HEAD, *(line for part in parts for line in _lines(part))])


def _part(document: Mapping[str, Any], writer: BuiltInWriter, personas: Sequence[Persona]) -> Part:
    speaking = tuple(one for name in document["personas"] for one in personas if one.name == name)
    cases = tuple(document["cases"])
    columns = [_conversation(writer, one, document["language"], cases) for one in speaking]
    return Part(document["title"], document["intro"], speaking, cases, tuple(zip(*columns, strict=True)))


def _conversation(
    writer: BuiltInWriter, persona: Persona, language: str, cases: Sequence[Mapping[str, Any]]
) -> list[Written]:
    """One persona's answers to all cases, none of them repeating what was said before."""
    used: list[str] = []
    answers: list[Written] = []
    for number, case in enumerate(cases):
        rng = random.Random(f"{persona.name}/{language}/{number}")
        before = answers[-1] if answers and not case.get("first") else None
        answers.append(writer.write(_situation(case, persona, language, used, before), rng))
        used += answers[-1].phrases
    return answers


def _situation(
    case: Mapping[str, Any], persona: Persona, language: str, used: Sequence[str], before: Written | None
) -> Situation:
    return Situation(
        analysis=_analysis(case, language),
        persona=persona,
        text=case["text"],
        turn_number=1 if case.get("first") else 2,
        used=tuple(used),
        previous_intent=before.intent if before is not None else None,
        customer_name=case.get("name"),
        known=before.known if before is not None else {},
        asked_back=before is not None and before.kind == "clarification",
        found=_found(case.get("found", {})),
        spoken=before.spoken if before is not None else None,
    )


def _analysis(case: Mapping[str, Any], language: str) -> Analysis:
    name, strength = case.get("feeling", ("neutral", 1.0))
    emotions = dict.fromkeys(EMOTIONS, 0.0)
    emotions["neutral"] = 1.0 - strength
    emotions[name] += strength
    intent, confidence = case.get("intent", "oos"), case.get("confidence", 0.95)
    score = case.get("score", 0.0)
    return Analysis(
        intent=intent,
        intent_confidence=confidence,
        intents=((intent, confidence), tuple(case.get("second", ("order", 0.02)))),
        out_of_scope=case.get("out_of_scope", 0.02 if language == "en" else 0.8),
        act=case.get("act", "question"),
        sentiment=Sentiment("negative" if score < 0 else "neutral", score, 0.9),
        emotions=emotions,
        urgency=case.get("urgency", 0.1),
        politeness=0.0,
        toxicity=0.01,
        language=language,
        entities=tuple(Entity(kind, words, 0, len(words)) for kind, words in case.get("entities", {}).items()),
        model="examples",
        cached=False,
        latency_us=0,
        embedding=np.zeros(1, np.float32),
    )


def _found(document: Mapping[str, Any]) -> Found:
    if "answer" in document:
        return Found(answer=_hit(document["answer"], ANSWERED))
    if "nearest" in document:
        return Found(nearest=tuple(_hit(file, OFFERED) for file in document["nearest"]))
    return NOTHING_FOUND


def _hit(file: str, confidence: float) -> Hit:
    """The opening of one of the demo shop's articles."""
    article = article_of(file, (DEMO / file).read_text(encoding="utf-8"))
    entry = next(one for one in entries_of(article, cut(article)) if one.kind == "passage")
    row = Row(
        1, entry.entry_id, entry.kind, article.article_id, 1, article.title, article.category, article.language, None,
        entry.heading, entry.text, entry.embedded, entry.variants,
    )  # fmt: skip
    return Hit(article.article_id, 1, article.title, article.category, confidence, row, row, 0.0, 0.0, 0.0)


def _lines(part: Part) -> Iterator[str]:
    yield f"\n## {part.title}\n\n{part.intro}\n"
    for case, answers in zip(part.cases, part.rows, strict=True):
        yield f"\n### {case['note']}\n\n> {case['text']}\n\n| | |\n| --- | --- |"
        for persona, answer in zip(part.personas, answers, strict=True):
            cell = answer.text.replace("|", r"\|")
            yield f"| **{persona.title}** | {cell} |"
        offered = max((answer.suggestions for answer in answers), key=len)
        if offered:
            yield "\nButtons: " + " · ".join(f"`{text}`" for text in offered)
