"""The built-in writer: phrases that a user edits, an analysis and a persona become an answer. Pure, no I/O."""

from server.chat.writer.book import PhraseBook, with_intents
from server.chat.writer.errors import PhraseError
from server.chat.writer.lint import lint
from server.chat.writer.lint_languages import Coverage, coverage, lint_all
from server.chat.writer.parsing import parse_phrases
from server.chat.writer.situation import Situation, Written
from server.chat.writer.spoken import Spoken
from server.chat.writer.writer import BuiltInWriter

__all__ = [
    "BuiltInWriter",
    "Coverage",
    "PhraseBook",
    "PhraseError",
    "Situation",
    "Spoken",
    "Written",
    "coverage",
    "lint",
    "lint_all",
    "parse_phrases",
    "with_intents",
]
