"""Situations to look at: ``python -m tests.unit.writer.examples [persona …]`` prints each answered by each persona."""

from __future__ import annotations

import random
import sys
import textwrap
from collections.abc import Callable

from adapters.personas import Persona
from server.chat.writer import BuiltInWriter, Situation
from tests.unit.writer.support import analysis, book, personas, situation

Case = Callable[[Persona], Situation]

CASES: dict[str, Case] = {
    "Hello!": lambda who: situation(analysis("greeting", "greeting", score=0.3), who, turn=1),
    "Where is my order?": lambda who: situation(analysis(), who, turn=1, name="Anna"),
    "Where is my order #4711? This is the third time I ask, unbelievable!": lambda who: situation(
        analysis(act="complaint", score=-0.7, feeling=("anger", 0.7), entities=(("order_id", "#4711"),)), who
    ),
    "it's #4711  (after: where is my order?)": lambda who: situation(
        analysis("routing", "other", confidence=0.2, oos=0.6, entities=(("order_id", "#4711"),)),
        who,
        text="it's #4711",
        previous="order_status",
    ),
    "Still nothing? Where is it?  (again)": lambda who: situation(
        analysis(score=-0.3, urgency=0.8), who, previous="order_status"
    ),
    "My card was declined at the store": lambda who: situation(
        analysis("card_declined", "complaint", score=-0.4, feeling=("sadness", 0.4)), who
    ),
    "Somebody stole my card!!": lambda who: situation(
        analysis("report_lost_card", "request", score=-0.5, feeling=("fear", 0.7), urgency=0.9), who, turn=1
    ),
    "I want to book a flight to Rome on Friday": lambda who: situation(
        analysis("book_flight", "request", score=0.3, entities=(("date", "Friday"),)), who
    ),
    "How do I roast a chicken?": lambda who: situation(analysis("recipe", "question"), who),
    "How do I improve my credit score?": lambda who: situation(analysis("improve_credit_score", "question"), who),
    "Tell me a joke": lambda who: situation(analysis("tell_joke", "request", score=0.2), who),
    "Are you a bot?": lambda who: situation(analysis("are_you_a_bot", "question"), who),
    "the thing with the payment": lambda who: situation(
        analysis("pay_bill", "other", confidence=0.31, second=("card_declined", 0.24)), who
    ),
    "Who won the 1954 world cup?": lambda who: situation(analysis("oos", "question", oos=0.95), who),
    "You are all useless idiots": lambda who: situation(
        analysis("oos", "complaint", oos=0.9, score=-0.9, feeling=("anger", 0.9), toxicity=0.9), who
    ),
    "I want to talk to a person": lambda who: situation(
        analysis("oos", "request", oos=0.8), who, text="I want to talk to a person", previous="card_declined"
    ),
    "yes  (after: where is my order?)": lambda who: situation(analysis("yes", "affirm"), who, previous="order_status"),
    "no": lambda who: situation(analysis("no", "deny"), who, previous="order_status"),
    "Thank you so much, that was great": lambda who: situation(
        analysis("thank_you", "thanks", score=0.9, feeling=("joy", 0.8)), who
    ),
    "bye": lambda who: situation(analysis("goodbye", "goodbye"), who),
}


def table(names: list[str], seed: int = 1) -> str:
    """Every case answered by the personas of these names (none: all)."""
    writer = BuiltInWriter(book())
    lines = []
    for text, case in CASES.items():
        lines.append(f"\n=== {text}")
        for who in (personas()[name] for name in names or personas()):
            written = writer.write(case(who), random.Random(f"{seed}{who.name}{text}"))
            answer = textwrap.fill(written.text, 108, subsequent_indent=" " * 15)
            lines.append(f"{who.name:>13}: {answer}\n{'':>13}  {written.kind} {list(written.suggestions)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(sys.argv[1:]) + "\n")
