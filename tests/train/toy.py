"""A few rows in the format of the real data, so that tests depend on no file outside the repository."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

INTENTS = ("balance", "greeting", "transfer", "weather")

_CLINC = (
    ("what is my balance", "balance"),
    ("how much money do i have in my account", "balance"),
    ("hello there", "greeting"),
    ("good morning to you", "greeting"),
    ("send ten dollars to my brother", "transfer"),
    ("move money from savings to checking please", "transfer"),
    ("will it rain tomorrow", "weather"),
    ("tell me the weather for the weekend in paris", "weather"),
    ("who invented the zip fastener", "oos"),
    ("how many bones does a shark have", "oos"),
)
_GOEMOTIONS = (
    ("I love this so much!", ["love"]),
    ("This makes me furious.", ["anger", "annoyance"]),
    ("I am scared of what comes next", ["fear"]),
    ("I miss him every day", ["sadness", "grief"]),
    ("Wow, I did not expect that at all, what a strange turn of events", ["surprise"]),
    ("The bus leaves at nine.", ["neutral"]),
)
_XED = (
    ("We won !", ["joy", "trust"]),
    ("Get out of my house !", ["anger", "disgust"]),
    ("Someone is behind the door .", ["fear"]),
    ("She is gone .", ["sadness"]),
    ("What ?", ["surprise"]),
    ("He is in the kitchen .", ["neutral"]),
    ("Soon .", ["anticipation"]),
)
_DYNASENT = (
    ("The noodles were great.", "positive"),
    ("The waiter forgot us twice.", "negative"),
    ("We came on a Monday.", "neutral"),
)
_UCI = (("Best phone ever.", "positive"), ("The battery died after a week.", "negative"))
_REVIEWS = (
    ("Awful quality", "It fell apart in the first wash.", 1),
    ("Not for me", "Runs small and itches.", 2),
    ("", "It is fine for the price.", 3),
    ("Nice", "Soft and warm, I would buy it again.", 4),
    ("Love this dress", "Fits perfectly and looks stunning, I got many compliments on it.", 5),
)
_MULTIDOGO = (
    ("hi", "openinggreeting"),
    ("ok", "confirmation"),
    ("no thanks", "rejection"),
    ("thank you", "thankyou"),
    ("bye", "closinggreeting"),
    ("1234", "contentonly"),
    ("my phone screen is cracked", "reportbrokenphone"),
    ("i want to check my seat", "getseatinfo"),
)
_BITEXT = (
    ("where is my order", "track_order", "BL"),
    ("i want to lodge a complaint", "complaint", "BL"),
    ("cancel my damn order", "cancel_order", "BLW"),
)
_NLUPP = (
    ("Yes, that's right", ["affirm"]),
    ("my card does not work", ["wrong_notworking_notshowing", "card"]),
    ("How do I book a table?", ["how", "booking"]),
)
_BANKING = (("how to get virtual card", "getting_virtual_card"), ("my card is lost", "lost_or_stolen_card"))
_POLITENESS = (("Could you please have a look?", 0.9), ("What? No.", -1.1), ("Where is the log file?", 0.1))
_OFFENSIVE = (("you are an idiot", "offensive"), ("lovely weather today", "neither"), ("I hate those people", "hate"))


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes gzipped JSON lines, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def write_toy_data(folder: Path, *, copies: int = 1) -> Path:
    """All sets, train and val alike, each row `copies` times; returns the folder."""
    sets: dict[str, list[dict[str, Any]]] = {
        "clinc150": [{"text": text, "intent": intent} for text, intent in _CLINC],
        "goemotions": [{"text": text, "emotions": emotions} for text, emotions in _GOEMOTIONS],
        "xed": [{"text": text, "emotions": emotions} for text, emotions in _XED],
        "dynasent": [{"text": text, "sentiment": sentiment} for text, sentiment in _DYNASENT],
        "uci_sentences": [{"text": text, "sentiment": sentiment} for text, sentiment in _UCI],
        "reviews_clothing": [{"title": title, "text": text, "stars": stars} for title, text, stars in _REVIEWS],
        "multidogo": [{"text": text, "intent": intent} for text, intent in _MULTIDOGO],
        "bitext": [{"text": text, "intent": intent, "tags": tags} for text, intent, tags in _BITEXT],
        "nlupp": [{"text": text, "intents": intents} for text, intents in _NLUPP],
        "banking77": [{"text": text, "intent": intent} for text, intent in _BANKING],
        "politeness": [{"text": text, "politeness": politeness} for text, politeness in _POLITENESS],
        "offensive": [{"text": text, "label": label} for text, label in _OFFENSIVE],
    }
    for name, rows in sets.items():
        for split in ("train", "val"):
            write_lines(folder / name / f"{split}.jsonl.gz", rows * copies)
    return folder
