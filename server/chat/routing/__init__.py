"""How the people's side is run: who is good at what, who gets which conversation, when somebody is there. Pure.

``parsing`` reads the desk's file, ``assign`` decides who is offered which waiting conversation, ``hours`` says whether
the house is open and when it opens next.
"""

from server.chat.routing.assign import ORDERS, Candidate, Order, assign, required_skills
from server.chat.routing.hours import ALWAYS, Hours, is_open, next_opening_ms
from server.chat.routing.parsing import NO_PLAN, DeskError, DeskPlan, parse_desk

__all__ = [
    "ALWAYS",
    "NO_PLAN",
    "ORDERS",
    "Candidate",
    "DeskError",
    "DeskPlan",
    "Hours",
    "Order",
    "assign",
    "is_open",
    "next_opening_ms",
    "parse_desk",
    "required_skills",
]
