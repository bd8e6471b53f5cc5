"""From a turn to what a model is asked: instructions, data between marks, and as much of the chat as fits (pure).

Whoever wrote it, a text from outside stands between marks that hold a random nonce, with look-alikes of the marks taken
out: to close them early one would have to guess the nonce (S. Willison, "Delimiters won't save you", 2023, is why the
checks afterwards exist all the same).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.personas import Persona
from server.chat.language.book import PromptBook
from server.chat.language.style import Style, in_words, style_of
from server.chat.language.tokens import MESSAGE_OVERHEAD, estimate_tokens, within_tokens
from server.chat.language.values import Exchange, Parameters, Passage, Prompt, PromptMessage, Role

MAX_PASSAGES: Final = 8
MAX_EXAMPLES: Final = 3
MAX_NAME_CODE_POINTS: Final = 60
MAX_PREFERENCES: Final = 8
# Of the room that is left beside the instructions: for what was found, and for examples. The chat has the rest.
PASSAGES_SHARE: Final = 0.5
EXAMPLES_SHARE: Final = 0.15
# The question itself is worth more than anything else, up to this share of the whole.
QUESTION_SHARE: Final = 0.5
# A turn longer ago is cut to this, so that one long text does not push all others out.
MAX_LINE_TOKENS: Final = 400

_MARKS: Final = re.compile(r"</?\s*(?:data|customer|passage|system)\b[^>]{0,80}>?", re.IGNORECASE)
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """An earlier message of the chat; ``ours``: the bot's or an agent's."""

    ours: bool
    text: str


@dataclass(frozen=True, slots=True)
class Matter:
    """What a prompt is made of. ``window``: earlier messages, the oldest first; ``mood``: a word, "" for neutral;
    ``placeholders``: those that stand in its texts for personal data."""

    question: str
    persona: Persona
    bot_name: str
    window: Sequence[Line] = ()
    passages: Sequence[Passage] = ()
    examples: Sequence[Exchange] = ()
    customer_name: str | None = None
    preferences: Sequence[str] = ()
    mood: str = ""
    placeholders: Sequence[str] = ()
    variant: str | None = None


def build_prompt(book: PromptBook, matter: Matter, *, nonce: str, most_tokens: int) -> tuple[Prompt, Parameters]:
    """A prompt of at most ``most_tokens`` by ``estimate_tokens``, as long as the instructions alone leave room for it.

    What has no room goes in this order: examples, earlier messages (the oldest first), passages (the last first).
    """
    variant = book.variant(matter.variant)
    mark = f"data-{nonce}"
    question = _enclosed(within_tokens(matter.question, int(most_tokens * QUESTION_SHARE)), mark)
    slots = _slots(book, matter, variant.apply(style_of(matter.persona.traits)), mark)
    bare = _system(book, {**slots, "no_passages": " "})
    room = most_tokens - _cost(bare) - _cost(question)
    passages = _passages(matter.passages[:MAX_PASSAGES], mark, int(room * PASSAGES_SHARE))
    examples = _examples(matter.examples[:MAX_EXAMPLES], mark, int(room * EXAMPLES_SHARE))
    slots |= {"passages": "\n".join(passages), "no_passages": "" if passages else " ", "examples": "\n".join(examples)}
    system = _system(book, slots)
    window = _window(matter.window, mark, most_tokens - _cost(system) - _cost(question))
    messages = (PromptMessage("system", system), *_alternating([*window, PromptMessage("user", question)]))
    prompt = Prompt(
        messages=messages,
        passages=tuple(matter.passages[: len(passages)]),
        tokens=sum(_cost(message.content) for message in messages),
        instructions=_system(book, dict.fromkeys(("passages", "no_passages", "examples", "placeholders"), " ")),
        nonce=nonce,
    )
    return prompt, variant.parameters


def _slots(book: PromptBook, matter: Matter, style: Style, mark: str) -> dict[str, str]:
    preferences = [_one_line(text, mark) for text in matter.preferences[:MAX_PREFERENCES]]
    return {
        "bot_name": _one_line(matter.bot_name, mark),
        "customer_name": _enclosed(_one_line(matter.customer_name, mark), mark) if matter.customer_name else "",
        "preferences": _enclosed("; ".join(preferences), mark) if preferences else "",
        "tone": book.sentences["tone"][style.tone],
        "verbosity": book.sentences["verbosity"][style.verbosity],
        "character": book.sentences["character"][style.character],
        "traits": in_words(matter.persona.traits, book.sentences["traits"], book.degrees),
        "mood": matter.mood,
        "placeholders": ", ".join(matter.placeholders[:MAX_PREFERENCES]),
        "mark": mark,
    }


def _system(book: PromptBook, slots: dict[str, str]) -> str:
    filled = (paragraph.fill(slots) for paragraph in book.system)
    return "\n\n".join(text.strip() for text in filled if text is not None)


def _cost(content: str) -> int:
    return estimate_tokens(content) + MESSAGE_OVERHEAD


def _clean(text: str, mark: str) -> str:
    """Without anything that looks like a mark, whatever is left when one is taken out."""
    nonce = mark.rpartition("-")[2]
    while (cleaned := _MARKS.sub("", text).replace(nonce, "")) != text:
        text = cleaned
    return text


def _one_line(text: str, mark: str) -> str:
    return _SPACES.sub(" ", _clean(text, mark)).strip()[:MAX_NAME_CODE_POINTS]


def _enclosed(text: str, mark: str, about: str = "") -> str:
    return f"<{mark}{about}>{_clean(text, mark).strip()}</{mark}>"


def _passages(passages: Sequence[Passage], mark: str, room: int) -> list[str]:
    """Numbered from 1, as many as fit; the first is cut where even that does not."""
    found: list[str] = []
    for number, passage in enumerate(passages, start=1):
        title = _one_line(passage.title, mark)
        whole = f"[{number}] {_enclosed(f'{title}: {passage.text}', mark)}"
        if estimate_tokens(whole) > room and not found and room > MESSAGE_OVERHEAD:
            whole = f"[{number}] {_enclosed(f'{title}: {within_tokens(passage.text, room * 3 // 4)}', mark)}"
        room -= estimate_tokens(whole)
        if room < 0:
            break
        found.append(whole)
    return found


def _examples(examples: Sequence[Exchange], mark: str, room: int) -> list[str]:
    found: list[str] = []
    for example in examples:
        text = f"{_enclosed(example.question, mark)} was answered {_enclosed(example.answer, mark)}"
        room -= estimate_tokens(text)
        if room < 0:
            break
        found.append(text)
    return found


def _window(lines: Sequence[Line], mark: str, room: int) -> list[PromptMessage]:
    """The newest that fit, in their order; a chat begins with the customer."""
    found: list[PromptMessage] = []
    for line in reversed(lines):
        text = within_tokens(line.text, MAX_LINE_TOKENS)
        content = _clean(text, mark) if line.ours else _enclosed(text, mark)
        room -= _cost(content)
        if room < 0:
            break
        found.append(PromptMessage("assistant" if line.ours else "user", content))
    while found and found[-1].role == "assistant":
        found.pop()
    return found[::-1]


def _alternating(messages: Sequence[PromptMessage]) -> list[PromptMessage]:
    """Neighbours of one role as one: the chat templates of some models take nothing else."""
    found: list[PromptMessage] = []
    for message in messages:
        if found and found[-1].role == message.role:
            role: Role = message.role
            found[-1] = PromptMessage(role, f"{found[-1].content}\n{message.content}")
        else:
            found.append(message)
    return found
