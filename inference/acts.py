"""The act of a text: greeting, thanks, goodbye, question, request, complaint, affirm, deny or other (pure rules).

Form before guess: what the words and the sentence's form say plainly wins over what the model's intent suggests. The
rules are tried in order; the first that knows decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast, get_args

from inference.analysis import Act
from inference.lexical import Cues
from inference.lexicon import Lexicon

ACTS: tuple[Act, ...] = get_args(Act)
SOCIAL: tuple[Act, ...] = ("goodbye", "deny", "affirm", "thanks", "greeting")
"""The order in which social marks win over each other: "no thanks, bye" takes leave, "yes thanks" says yes."""

COMPLAINS = 0.6
COMPLAINS_IN_A_QUESTION = 0.7
TOXIC = 0.5
INTENT_IS_SURE = 0.5
MOOD_IS_BAD = -0.4


class Situation(NamedTuple):
    """Everything that a rule may look at. ``intent`` is "" where the text is out of scope or the model unsure."""

    cues: Cues
    lexicon: Lexicon
    intent: str
    sentiment_score: float
    toxicity: float


def act(
    cues: Cues,
    lexicon: Lexicon,
    *,
    intent: str = "",
    intent_confidence: float = 0.0,
    out_of_scope: float = 1.0,
    sentiment_score: float = 0.0,
    toxicity: float = 0.0,
) -> Act:
    """What the text does in the conversation; ``other`` where no rule knows."""
    sure = intent_confidence * (1.0 - out_of_scope) >= INTENT_IS_SURE
    situation = Situation(cues, lexicon, intent if sure else "", sentiment_score, toxicity)
    for rule in RULES:
        if (found := rule(situation)) is not None:
            return found
    return "other"


def wordless(s: Situation) -> Act | None:
    """Only emoji or punctuation."""
    if s.cues.words:
        return None
    if s.cues.emoji_mark:
        return _as_act(s.cues.emoji_mark)
    if s.cues.questions:
        return "question"
    return "complaint" if s.cues.complaint >= 0.5 else "other"


def only_social(s: Situation) -> Act | None:
    """Nothing but greeting, thanks, leave-taking, yes or no."""
    if not s.cues.only_social or s.cues.complaint >= COMPLAINS:
        return None
    if "goodbye" in s.cues.marks:
        return "goodbye"
    for mark in s.cues.marks:
        if mark in {"affirm", "deny"}:
            return "affirm" if mark == "affirm" else "deny"
    return next((found for found in SOCIAL if found in s.cues.marks), "affirm")


def grievance(s: Situation) -> Act | None:
    """Words of complaint or abuse, or milder ones in a bad mood."""
    chance = 1.0 - (1.0 - s.cues.complaint) * (1.0 - 0.35 * max(0.0, -s.sentiment_score))
    asks = s.cues.questions > 0 or _opens_question(s) or s.cues.forms
    needed = COMPLAINS_IN_A_QUESTION if asks else COMPLAINS
    if s.toxicity >= TOXIC or (s.cues.complaint > 0 and chance >= needed):
        return "complaint"
    return None


def plain_answer(s: Situation) -> Act | None:
    """A yes or no up front, and nothing asked after it; "yes, cancel it" agrees, "no, cancel it" commands."""
    index = _first(s.cues, skipping=("filler", "greeting"))
    if index is None or s.cues.strong(index) not in {"affirm", "deny"}:
        return None
    if s.cues.questions or s.cues.forms or _opens_question(s):
        return None
    if s.cues.marks[index] == "affirm":
        return "affirm"
    return None if _opens_command(s) else "deny"


def asked(s: Situation) -> Act | None:
    """The form of a question or of a request."""
    if _opens_with_question_word(s) or "question" in s.cues.forms:
        return "question"
    if "request" in s.cues.forms:
        return None if _thanks_for_help(s) else "request"
    if _opens_command(s):
        return "request"
    if _opens_question(s) or s.cues.questions:
        return "question"
    return None


def social_edge(s: Situation) -> Act | None:
    """Thanks, leave or greeting at the beginning or end, and no other form between."""
    edges = {s.cues.strong(index) for index in (*range(min(3, len(s.cues.marks))), len(s.cues.marks) - 1)}
    if "thanks" in edges:
        return "thanks"
    if "goodbye" in edges:
        return "goodbye"
    return None


def usual_for_intent(s: Situation) -> Act | None:
    """What the model's intent usually is."""
    found = s.lexicon.intent_acts.get(s.intent)
    if found in SOCIAL and len(s.cues.words) > 8:
        return None
    return None if found is None else _as_act(found)


def bad_mood(s: Situation) -> Act | None:
    """A statement that the model reads as negative."""
    return "complaint" if s.sentiment_score <= MOOD_IS_BAD else None


def agreeing_start(s: Situation) -> Act | None:
    """An "ok" or a "hello" up front with a statement behind it."""
    first = s.cues.strong(0)
    if first == "okay":
        return "affirm"
    return "greeting" if first == "greeting" else None


Rule = Callable[[Situation], Act | None]
RULES: tuple[Rule, ...] = (
    wordless,
    only_social,
    grievance,
    plain_answer,
    asked,
    social_edge,
    usual_for_intent,
    bad_mood,
    agreeing_start,
)


def _as_act(mark: str) -> Act:
    return "affirm" if mark == "okay" else cast(Act, mark)


def _first(cues: Cues, skipping: tuple[str, ...]) -> int | None:
    return next((index for index, mark in enumerate(cues.marks) if mark not in skipping), None)


def _opening(s: Situation) -> tuple[str, str]:
    """The first two words after greeting, thanks, fillers and "ok"; "please" too, which opens commands."""
    words, marks = s.cues.words, s.cues.marks
    for index, word in enumerate(words):
        if not marks[index] or (marks[index] == "filler" and word in s.lexicon.subjects):
            return word, words[index + 1] if index + 1 < len(words) else ""
    return "", ""


def _opens_with_question_word(s: Situation) -> bool:
    first, second = _opening(s)
    return first in s.lexicon.question_words and not (first == "what" and second in {"a", "an"})


def _opens_question(s: Situation) -> bool:
    first, second = _opening(s)
    return _opens_with_question_word(s) or (first in s.lexicon.auxiliaries and second in s.lexicon.subjects)


def _opens_command(s: Situation) -> bool:
    return _opening(s)[0] in s.lexicon.imperatives


def _thanks_for_help(s: Situation) -> bool:
    """ "Thanks for your help" asks for nothing, although "help" does."""
    asking = {"need", "want", "can", "could", "would", "please", "pls", "plz"}
    return s.cues.strong(0) == "thanks" and not s.cues.questions and asking.isdisjoint(s.cues.words)
