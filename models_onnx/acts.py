"""Which of the nine acts a labelled row of the data sets is. Pure functions of a row's text and labels.

The sets label topics and small talk, seldom acts. Where a label tells the act (a greeting, a refusal, a
complaint) it counts; where it tells a topic only, the sentence's form decides between question and request, and
a row that neither settles has no act. A turn that is two things at once ("hi, can you cancel it") is shared
between them. `authored/ACTS.md` says what each act means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from models_onnx.labels import ACTS

Acts = tuple[float, ...]
"""A distribution over `ACTS`."""

SETTLED = 0.6
"""Rows whose likeliest act has at least this share are measured; the others only train."""

_LEAD = re.compile(
    r"^(?:(?:hi+|hello|hey|hai|hiya|good (?:morning|afternoon|evening|day)|ok|okay|so|well|um+|uh|yes|yeah|yep|sure|"
    r"and|but|also|great|thanks|thank you|no|there|sir|madam|mam|dear|please|pls|actually|sorry|excuse me|just)\b"
    r"[\s,.!:;-]*)+",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:what(?!ever| an? )|when(?! i )|where|why|who|whose|whom|which|how)\b"
    r"|\b(?:do you know|any (?:idea|news|updates?)|wonder(?:ing)? (?:if|how|whether|what|when|why)"
    r"|(?:want|wanted|need|like|love|wanna) to know"
    r"|(?:can|could|would|will) (?:you|u|someone) (?:please )?(?:tell|explain|say)"
    r"|may i know|tell me (?:what|why|when|where|how|if|which|who)|let me know|is it possible|what about|curious)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"\b(?:(?:can|could|would|will) (?:you|u|ya|someone|anyone|we)|(?:can|could|may) i (?:get|have|speak|talk|please)"
    r"|kindly|help(?: me)?|assist(?:ance)?"
    r"|i(?:'?d| would)? (?:want|need|like|love|wish|require)(?! (?:it|this|that|the way)\b)"
    r"|(?:i|we) (?:have|ve|'ve)? ?(?:got to|gotta|must)|i have to|wanna|i'?m (?:trying|looking|calling|here) to)\b",
    re.IGNORECASE,
)
_PLEASE = re.compile(r"\b(?:please|pls|plz)\b", re.IGNORECASE)
_IMPERATIVE = re.compile(
    r"^(?:add|activate|arrange|book|block|bring|buy|call|cancel|change|charge|check|close|confirm|connect|contact|convert|"
    r"correct|create|delete|disable|download|email|enable|exchange|extend|file|find|fix|flip|freeze|get|give|go|hold|"
    r"increase|issue|list|locate|lock|look|lower|make|move|name|need|open|order|pause|pay|pick|place|play|provide|put|"
    r"read|rebook|record|redeem|refund|register|remind|remove|rename|reorder|replace|report|request|reschedule|reserve|"
    r"reset|resend|restore|return|roll|run|save|schedule|search|send|set|share|shop|show|skip|sort|spell|start|stop|"
    r"submit|subscribe|swap|switch|take|talk|tell|text|track|transfer|translate|try|turn|unblock|unlock|unsubscribe|"
    r"update|upgrade|use|want|whisper|withdraw)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:is|are|am|was|were|do|does|did|can|could|should|shall|will|would|has|have|had|may|might|isn't|aren't|don't|"
    r"doesn't|didn't|can't|won't|haven't|hasn't) (?:i|you|u|we|they|he|she|it|there|this|that|these|those|the|my|your|"
    r"any|a|an|our)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^[\s,.!]*(?:(?:hi+|hello+|hey+|hai|hiya|gud|good|morning|mrng|mrg|afternoon|evening|day|there|sir|madam|mam|team|all|"
    r"greetings|how|are|you|doing|today|and|nice|to|meet|everyone)[\s,.!?]*)+\w*[\s,.!]*$",
    re.IGNORECASE,
)
_BYE = re.compile(
    r"\b(?:bye+|byee+|goodbye|good ?night|see (?:you|ya)|have a|take care|cya|cheerio|adios)\b", re.IGNORECASE
)


def form(text: str) -> str | None:
    """`question` or `request` by the sentence's form, None where it has neither."""
    body = _LEAD.sub("", text.strip())
    if _QUESTION.search(body):
        return "question"
    if _REQUEST.search(body) or _IMPERATIVE.search(body) or (_PLEASE.search(text) and len(body.split()) > 1):
        return "request"
    if _ASKING.search(body) or text.rstrip().endswith("?"):
        return "question"
    return None


def share(**parts: float) -> Acts:
    """A distribution from parts by name, scaled to a sum of 1."""
    total = sum(parts.values())
    return tuple(parts.get(name, 0.0) / total for name in ACTS)


def only(name: str | None) -> Acts | None:
    """All of one act; None for None."""
    return None if name is None else share(**{name: 1.0})


def settled(acts: Acts | None) -> int | None:
    """Index of the act that a row is measured by, or None."""
    if acts is None or max(acts) < SETTLED:
        return None
    return acts.index(max(acts))


_CLINC_SMALL_TALK = {"greeting": "greeting", "goodbye": "goodbye", "thank_you": "thanks", "yes": "affirm", "no": "deny"}
_CLINC_PROBLEMS = {"account_blocked", "card_declined", "damaged_card", "lost_luggage"}


def clinc_act(text: str, intent: str) -> Acts | None:
    """CLINC150: its small talk by label, everything else by form."""
    if intent in _CLINC_SMALL_TALK:
        return only(_CLINC_SMALL_TALK[intent])
    return only(form(text) or ("complaint" if intent in _CLINC_PROBLEMS else None))


_BITEXT_PROBLEMS = {"payment_issue", "registration_problems"}


def bitext_act(text: str, intent: str) -> Acts | None:
    """Bitext: complaints by label, the rest by form; a bare topic ("cancel order 12") is a request."""
    found = form(text) or "request"
    if intent == "complaint":
        return share(complaint=0.7, **{found: 0.3})
    if intent in _BITEXT_PROBLEMS:
        return share(complaint=0.5, **{found: 0.5})
    return only(found)


_NLUPP_SOCIAL = (  # the first that holds wins: "no thanks, bye" takes leave
    ("end_call", "goodbye"),
    ("deny", "deny"),
    ("affirm", "affirm"),
    ("thank", "thanks"),
    ("acknowledge", "affirm"),
    ("greet", "greeting"),
)


def nlupp_act(text: str, intents: Iterable[str]) -> Acts | None:
    """NLU++: social intents that stand alone, problems, and form; both where both are said."""
    labels = set(intents)
    social = next((act for label, act in _NLUPP_SOCIAL if label in labels), None)
    topics = labels - {label for label, _ in _NLUPP_SOCIAL}
    found = form(text) or ("complaint" if "wrong_notworking_notshowing" in labels else None)
    if social is None:
        return only(found or ("request" if "handoff" in labels else None if topics else "other"))
    if found is None or not topics:
        return only(social)
    return share(**{social: 0.4, found: 0.6}) if social != found else only(social)


_DOGO_SOCIAL = {"confirmation": "affirm", "rejection": "deny", "closinggreeting": "goodbye"}
_DOGO_PROBLEMS = {"reportbrokensoftware", "reportbrokenphone", "disputecharge"}
_DOGO_SILENT = {"outofdomain"}


def multidogo_act(text: str, intent: str) -> Acts | None:
    """MultiDoGO: its dialogue labels, form for services, `other` for bare answers such as a name."""
    first, found = intent.split("<div>", maxsplit=1)[0], form(text)
    if first in _DOGO_SOCIAL:
        alone = found is None or len(text.split()) <= 3
        return only(_DOGO_SOCIAL[first]) if alone else share(**{_DOGO_SOCIAL[first]: 0.4, str(found): 0.6})
    if first == "thankyou":
        return share(goodbye=0.6, thanks=0.4) if _BYE.search(text) else only("thanks")
    if first == "openinggreeting":
        return _greeting(text, found)
    if first in _DOGO_PROBLEMS:
        return only("complaint") if found is None else share(complaint=0.5, **{found: 0.5})
    # a few rows carry their slots where the intent should be
    silent = first in _DOGO_SILENT or not first.isalpha()
    return only(found or ("other" if first == "contentonly" else None if silent else "request"))


def _greeting(text: str, found: str | None) -> Acts:
    if _GREETING.match(text) or len(text.split()) <= 3:
        return share(greeting=1.0)
    return share(greeting=0.5, other=0.5) if found is None else share(greeting=0.3, **{found: 0.7})


def merged(shares: Mapping[Acts, int]) -> Acts:
    """The mean of distributions by their counts: what many annotators made of one text."""
    total = sum(shares.values())
    return tuple(sum(acts[index] * count for acts, count in shares.items()) / total for index in range(len(ACTS)))
