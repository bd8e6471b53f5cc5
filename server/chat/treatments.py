"""What a variant does to one turn: who answers, how it sounds, what is asked back, and when a person takes over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from adapters.experiments.changes import Change, Scalar
from adapters.experiments.design import Experiment
from adapters.names import suggestion
from adapters.personas import Persona
from adapters.policies import POLICY_NAMES, Policy
from inference.analysis import Analysis
from server.chat.language.book import problem_of
from server.chat.variant_policies import STILL_POLICIES, Chooser
from server.chat.writer import Written
from server.chat.writer.conditions import KINDS
from server.chat.writer.kinds import CONFIDENT_FROM, is_lost, is_unsure

MAX_TEMPLATE_CODE_POINTS: Final = 2_000
TOPICAL: Final = frozenset({"question", "request", "complaint", "other", "information"})
"""Answers about a topic, which a template can be for by the name of the intent."""

TONES: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "professional": {"formality": 0.85, "enthusiasm": 0.35, "humor": 0.1},
        "friendly": {"formality": 0.25, "enthusiasm": 0.7, "humor": 0.5, "agreeableness": 0.8},
        "neutral": {"formality": 0.5, "enthusiasm": 0.5, "humor": 0.3},
    }
)
"""What a tone is, in traits: the writer hears of nothing else."""

ATTRIBUTES: Final = (
    "language", "intent", "act", "sentiment_score", "urgency", "turns", "guest", "hour_of_day", "weekday",
)  # fmt: skip
"""What targeting rules can ask of a customer's message; see ``Trials``."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Treatment:
    """The changes of the variants that concern one turn, those of later experiments over those of earlier ones.

    ``persona`` or ``policy`` choose in place of the server's policy; ``log`` is the name under which such decisions are
    logged. ``traits_to``, then ``traits_by`` bend whoever was chosen. ``templates``: texts by kind of answer or by
    intent. ``handoff_threshold``: of urgency and of negative sentiment, whichever is larger. ``parameters``: of a
    language model.
    """

    persona: str | None = None
    policy: Chooser | None = None
    log: str = ""
    traits_to: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    traits_by: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    templates: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    sentiment_below: float | None = None
    urgency_at_least: float | None = None
    handoff_threshold: float | None = None
    max_turns: float | None = None
    clarification: str = "immediate"
    parameters: Mapping[str, Scalar] = field(default_factory=lambda: _NOTHING)

    def voice(self, persona: Persona) -> Persona:
        """The persona as it speaks here."""
        if not self.traits_to and not self.traits_by:
            return persona
        traits = {**persona.traits, **self.traits_to}
        for name, by in self.traits_by.items():
            traits[name] = min(1.0, max(0.0, traits[name] + by))
        return replace(persona, traits=MappingProxyType(traits))

    def reading(self, analysis: Analysis, *, asked_back: bool, previous_intent: str | None) -> Analysis:
        """The analysis as the writer shall take it: a guess as sure, or what is not quite sure as a guess.

        ``after_failure``: the likeliest reading is answered, and asked about only where that has failed before: the
        customer denies or complains, or is still at the same. ``proactive``: what is likely but not confident is asked
        about too, once in a row."""
        if self.clarification == "after_failure" and is_unsure(analysis) and not is_lost(analysis):
            failed = analysis.act in ("deny", "complaint") or analysis.intent == previous_intent
            return analysis if failed else replace(analysis, sure=True)
        if self.clarification == "proactive" and not asked_back and not is_unsure(analysis):
            hesitant = analysis.sure is None and analysis.intent_confidence < CONFIDENT_FROM
            return replace(analysis, sure=False) if hesitant else analysis
        return analysis

    def wording(self, written: Written) -> Written:
        """The answer, or the template in its place."""
        text = self.templates.get(written.kind)
        if text is None and written.kind in TOPICAL and written.intent is not None:
            text = self.templates.get(written.intent)
        return written if text is None else replace(written, text=text, phrases=())

    def person_wanted(self, analysis: Analysis, turn_number: int) -> str | None:
        """Why a person shall take over after this turn; None: for nothing."""
        score, urgency = analysis.sentiment.score, analysis.urgency
        if self.max_turns is not None and turn_number >= self.max_turns:
            return f"{turn_number} turns without an end"
        if self.urgency_at_least is not None and urgency >= self.urgency_at_least:
            return f"urgency {urgency:.2f}"
        if self.sentiment_below is not None and score < self.sentiment_below:
            return f"sentiment {score:.2f}"
        if self.handoff_threshold is not None and max(urgency, -score) >= self.handoff_threshold:
            return f"urgency {urgency:.2f}, sentiment {score:.2f}"
        return None


NO_TREATMENT: Final = Treatment()

MakePolicy = Callable[[str, Mapping[str, Scalar]], Policy]
"""A policy over the personas by name and parameters; ``ValueError`` says what is wrong."""


def treatment_of(changes: Iterable[tuple[str, Change]], chooser: Callable[[str, Change], Chooser | None]) -> Treatment:
    """All ``changes``, each with the log for decisions that it takes away from the server's policy, in order.
    ``chooser``: the policy of such a log."""
    found: dict[str, Any] = {"traits_to": {}, "traits_by": {}, "templates": {}, "parameters": {}}
    for log, change in changes:
        values: dict[str, Any] = dict(change.values)
        match change.kind:
            case "persona":
                found.update(persona=values["name"], policy=None, log=log)
            case "policy":
                found.update(persona=None, policy=chooser(log, change), log=log)
            case "writer_style":
                found["traits_to"] |= TONES.get(values.get("tone", ""), {})
                found["traits_to"] |= {name: values[name] for name in ("verbosity",) if name in values}
            case "trait_overrides":
                found["traits_to"] |= values
            case "trait_adjustments":
                found["traits_by"] |= values
            case "reply_templates":
                found["templates"] |= values
            case "model_parameters":
                found["parameters"] |= values
            case _:  # escalation and flow, whose keys are fields
                found |= values
    return Treatment(**found)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this server has, that variants may change. ``intents``: the names of those that are understood now.
    ``parameters``: of the language model; ``learns``: whether variants' policies would get to know customers'
    rewards."""

    personas: Collection[str]
    intents: Callable[[], Collection[str]]
    make_policy: MakePolicy
    parameters: Collection[str] = ()
    learns: bool = True


def objections(experiment: Experiment, can: Abilities) -> Iterator[str]:
    """What of ``experiment`` could not act here, a sentence each."""
    for rule in experiment.rules:
        if rule.attribute not in ATTRIBUTES:
            yield f"rules: nothing is known by the name {rule.attribute!r}. {suggestion(rule.attribute, ATTRIBUTES)}"
    for variant in experiment.variants:
        kinds = [change.kind for change in variant.changes]
        if {"persona", "policy"} <= set(kinds):
            yield f"variant {variant.name!r}: beside a persona of its own a policy has nothing to choose; give one."
        for change in variant.changes:
            for problem in _OBJECT.get(change.kind, _no_objection)(change.values, can):
                yield f"variant {variant.name!r}, {change.kind}: {problem}"


def can_decide(change: Change, can: Abilities) -> bool:
    """Whether a change that takes the decision away from the server's policy still can: what was there when the
    experiment was made may be gone since."""
    return change.kind not in ("persona", "policy") or not any(_OBJECT[change.kind](change.values, can))


def _no_objection(_values: Mapping[str, Scalar], _can: Abilities) -> Iterator[str]:
    yield from ()


def _persona_is_there(values: Mapping[str, Scalar], can: Abilities) -> Iterator[str]:
    name = str(values.get("name"))
    if "name" not in values or name not in can.personas:
        yield f"there is no persona {name!r}. {suggestion(name, tuple(can.personas))}"


def _policy_can_be_made(values: Mapping[str, Scalar], can: Abilities) -> Iterator[str]:
    name = str(values.get("name"))
    if name in POLICY_NAMES and name not in STILL_POLICIES and not can.learns:
        yield (
            f"{name} would learn from customers, and here only agents' choices are learned from (policy_mode ="
            f" apprentice): give one of {', '.join(STILL_POLICIES)}, or set policy_mode = live."
        )
        return
    try:
        can.make_policy(name, {key: value for key, value in values.items() if key != "name"})
    except (ValueError, TypeError) as error:
        yield str(error)


def _templates_have_a_place(values: Mapping[str, Scalar], can: Abilities) -> Iterator[str]:
    places = [*(kind for kind in KINDS if kind != "error"), *can.intents()]
    for key, text in values.items():
        if key not in places:
            yield f"there is no kind of answer and no intent {key!r}. {suggestion(key, places)}"
        if len(str(text)) > MAX_TEMPLATE_CODE_POINTS or "\0" in str(text):
            yield f"{key}: give a text of at most {MAX_TEMPLATE_CODE_POINTS:,} characters, without NUL."


def _parameters_are_known(values: Mapping[str, Scalar], can: Abilities) -> Iterator[str]:
    for name, number in values.items():
        if not can.parameters:
            yield (
                f"{name} can't act: this server answers without a language model, and its own models have no"
                " parameters for a turn. Compare versions of the model with `parlance model canary` instead."
            )
        elif name not in can.parameters:
            yield f"there is no parameter {name!r}. {suggestion(name, tuple(can.parameters))}"
        elif problem := problem_of(name, number):
            yield f"{name}: {problem}."


_OBJECT: Final[Mapping[str, Callable[[Mapping[str, Scalar], Abilities], Iterator[str]]]] = MappingProxyType(
    {
        "persona": _persona_is_there,
        "policy": _policy_can_be_made,
        "reply_templates": _templates_have_a_place,
        "model_parameters": _parameters_are_known,
    }
)
