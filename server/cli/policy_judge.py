"""What ``parlance policy evaluate`` does: a log and a target as values, judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import Progress

from adapters.ope import (
    Estimate,
    Evaluation,
    Gates,
    Log,
    LogError,
    Question,
    Refusal,
    estimator_named,
    evaluate,
    evaluate_alone,
    in_words,
)
from adapters.ope.log import Matrix
from adapters.ope.targets import Advance, frozen, progressive, rejection
from adapters.policies import Policy, make_policy, parameters_of
from server.chat.fold import known as known_name
from server.cli.output import refusal
from server.cli.policy_file import FileLog
from server.cli.policy_log import PolicyLog, Span, fitted
from server.errors import StartupError
from server.store.decision_ports import LoggedDecision

T = TypeVar("T")
Learning = Literal["progressive", "frozen", "rejection"]
PROGRESS_STEP = 500  # rows, some ten milliseconds


@dataclass(frozen=True, slots=True)
class Ask:
    """What was asked for. ``trained``: share of the log that a frozen policy learns from before it is judged on the
    rest. ``ceiling``: of the weights in a rejection, None for the largest that the log can have."""

    estimator: str = "dr"
    tau: float = 10.0
    alpha: float = 0.05
    learning: Learning = "progressive"
    trained: float = 0.5
    ceiling: float | None = None
    seed: int = 0
    gates: Gates = field(default_factory=Gates)


@dataclass(frozen=True, slots=True)
class Judged:
    """``found`` about ``target`` on ``log``; ``decisions`` were read, ``unknown`` of them without a reward.
    ``known_shares``: the least and the largest share of known rewards among the arms, where they are told."""

    found: Evaluation | Refusal
    target: str
    log: str
    decisions: int
    unknown: int
    known_shares: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """better, worse, unclear or refused."""
        return "refused" if isinstance(self.found, Refusal) else self.found.verdict

    @property
    def words(self) -> str:
        said = in_words(self.found)
        if self.known_shares is not None and self.known_shares[0] < self.known_shares[1] - 0.1:
            low, high = self.known_shares
            said += (
                f" Rewards are known for {low:.0%} to {high:.0%} of the decisions, depending on the persona: if that is"
                " no chance, the figures lean."
            )
        return said

    def to_json(self) -> dict[str, Any]:
        """Plain values; the estimates are missing where the log can't carry them."""
        found, seen = self.found, self.found.diagnostics
        told: dict[str, Any] = {
            "target": self.target,
            "log": self.log,
            "decisions": self.decisions,
            "unknown_rewards": self.unknown,
            "verdict": self.verdict,
            "words": self.words,
        }
        if isinstance(found, Refusal):
            told["refusal"] = found.reason.value
        else:
            estimates = {"target": found.target, "logged": found.logged, "difference": found.difference}
            told |= {
                "estimator": found.estimator,
                "alpha": found.alpha,
                "estimates": {name: _estimate_json(estimate) for name, estimate in estimates.items()},
            }
        return told | {
            "rows": seen.rows,
            "effective_rows": seen.effective_rows,
            "largest_weight": seen.largest_weight,
            "mean_weight": seen.mean_weight,
            "covered": seen.covered,
        }


def _estimate_json(estimate: Estimate) -> dict[str, Any]:
    bounds = estimate.bounds
    return {"value": estimate.value, "interval": list(bounds.interval), "sequence": list(bounds.sequence)}


def judge_decisions(log: PolicyLog, span: Span, policy: Policy, target: str, ask: Ask) -> Judged:
    """``policy``, which has learned nothing yet, on the server's own decisions."""
    # Where an agent chose, the logged probabilities are not those of the choice.
    read = log.decisions(span, with_people=policy.name == "personal")  # to the others everybody is alike
    decisions = [decision for decision in read if decision.mode != "apprentice"]
    known = [decision for decision in decisions if decision.reward is not None]
    values, times_ms = as_log(known, policy.arms, policy.dim), [float(decision.at_ms) for decision in known]
    return Judged(
        found=judged(values, times_ms, policy, ask),
        target=target,
        log=log.name,
        decisions=len(decisions),
        unknown=len(decisions) - len(known),
        known_shares=_known_shares(decisions),
    )


def judge_file(read: FileLog, name: str, policy: str | None, parameters: dict[str, Any], ask: Ask) -> Judged:
    """The file's own target, or a policy that learns on its features."""
    log = read.log
    if policy is not None:
        found = judged(log, read.times_ms, _policy_for(log, policy, parameters), ask)
        target = described(policy, parameters, ask)
    elif read.target is not None:
        found, target = _evaluated(log, read.target, ask), "the file's target"
    else:
        remedy = "Give --policy NAME, or columns target_ARM (or target) in the file."
        raise StartupError("Whom shall the log judge?", remedy)
    return Judged(found, target, name, log.rows + read.unknown, read.unknown)


def judged(log: Log, times_ms: Sequence[float] | None, policy: Policy, ask: Ask) -> Evaluation | Refusal:
    """As ``ask`` says; ``policy`` has learned nothing yet of these rows."""
    try:
        if ask.learning == "progressive":
            target = _with_progress(log.rows, lambda advance: progressive(policy, log, times_ms, advance))
            return _evaluated(log, target, ask)
        if ask.learning == "frozen":
            cut = round(ask.trained * log.rows)
            earlier, later = log.taking(slice(0, cut)), log.taking(slice(cut, log.rows))
            _with_progress(earlier.rows, lambda advance: progressive(policy, earlier, times_ms, advance))
            return _evaluated(later, _with_progress(later.rows, lambda advance: frozen(policy, later, advance)), ask)
        ceiling = ask.ceiling or (1.0 / float(log.propensities.min()) if log.rows else 1.0)
        rng = np.random.default_rng(ask.seed)
        replayed = _with_progress(
            log.rows, lambda advance: rejection(policy, log, ceiling, rng, times_ms=times_ms, advance=advance)
        )
        return evaluate_alone(log, replayed, _question(ask))
    except (LogError, ValueError) as error:
        raise refusal(error) from None


def as_log(decisions: Sequence[LoggedDecision], arms: Sequence[str], dim: int) -> Log:
    """Decisions with rewards; the arms are all that were ever there, and those of the target. ``StartupError``."""
    names = {arm: place for place, arm in enumerate(dict.fromkeys([a for d in decisions for a in d.arms] + list(arms)))}
    contexts = np.array([fitted(decision.features, dim) for decision in decisions]).reshape(len(decisions), dim)
    probabilities = np.zeros((len(decisions), len(names)))
    for row, decision in enumerate(decisions):
        probabilities[row, [names[arm] for arm in decision.arms]] = decision.probabilities
    actions = np.array([names[decision.arm] for decision in decisions], dtype=np.int64)
    rewards = np.array([decision.reward for decision in decisions], dtype=np.float64)
    try:
        return Log.of(
            list(names),
            contexts,
            actions,
            rewards,
            probabilities,
            users=[known_name(decision.user) for decision in decisions],
            segments=[known_name(decision.segment) for decision in decisions],
        )
    except LogError as error:
        raise refusal(error) from None


def described(policy: str, parameters: dict[str, Any], ask: Ask) -> str:
    """A target in a few words."""
    own = ", ".join(f"{name}={_plain(value)}" for name, value in parameters.items())
    how = {"progressive": "learning along the log", "frozen": "frozen", "rejection": "acting by itself"}[ask.learning]
    return f"{policy}({own}), {how}" if own else f"{policy}, {how}"


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _policy_for(log: Log, name: str, parameters: dict[str, Any]) -> Policy:
    try:
        known = parameters_of(name)
        ranged = {"reward_low": log.reward_low, "reward_high": log.reward_high}
        own = {key: value for key, value in ranged.items() if key in known} | parameters
        contexts = log.contexts.shape[1]
        if not contexts:
            raise StartupError("The log has no features for a policy to go by.", "Give columns x_NAME.")
        return make_policy(name, log.arms, contexts, 0, **own)
    except ValueError as error:
        raise refusal(error) from None


def _evaluated(log: Log, target: Matrix, ask: Ask) -> Evaluation | Refusal:
    try:
        return evaluate(log, target, _question(ask))
    except (LogError, ValueError) as error:
        raise refusal(error) from None


def _question(ask: Ask) -> Question:
    return Question(estimator_named(ask.estimator, ask.tau), alpha=ask.alpha, gates=ask.gates)


def _known_shares(decisions: Sequence[LoggedDecision]) -> tuple[float, float] | None:
    """Of arms taken often enough for a share to mean something."""
    counts: dict[str, list[int]] = {}
    for decision in decisions:
        of_arm = counts.setdefault(decision.arm, [0, 0])
        of_arm[0] += 1
        of_arm[1] += decision.reward is not None
    shares = [known / taken for taken, known in counts.values() if taken >= 50]
    return (min(shares), max(shares)) if shares else None


def _with_progress(rows: int, work: Callable[[Advance], T]) -> T:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("asking the policy", total=rows)

        def advance(row: int) -> None:
            if row % PROGRESS_STEP == 0:
                progress.update(task, completed=row)

        return work(advance)
