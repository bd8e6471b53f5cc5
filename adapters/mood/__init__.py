"""Mood rules: what a customer's last messages ask of the persona that speaks, on top of the policy's choice.

``parse_mood_rules`` reads the file, ``heard`` says which rules fire and let the others fade, ``changes`` what that does
to traits and ``bent`` applies it. ``history`` sums up a series of sentiment scores.
"""

from adapters.mood.bending import FORGOTTEN, MAX_BEND, Reason, Strengths, bent, changes, firing, heard, reasons
from adapters.mood.history import Outlook, outlook
from adapters.mood.parsing import MoodError, parse_mood_rules
from adapters.mood.rules import NO_RULES, Condition, MoodRules, Rule
from adapters.mood.signs import MEASURES, Signs

__all__ = [
    "FORGOTTEN",
    "MAX_BEND",
    "MEASURES",
    "NO_RULES",
    "Condition",
    "MoodError",
    "MoodRules",
    "Outlook",
    "Reason",
    "Rule",
    "Signs",
    "Strengths",
    "bent",
    "changes",
    "firing",
    "heard",
    "outlook",
    "parse_mood_rules",
    "reasons",
]
