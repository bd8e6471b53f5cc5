"""Off-policy evaluation: what another policy would have earned on a log of decisions, or why the log can't tell.

``evaluate(log, target, Question(estimator_named("dr")))``, with the target's probabilities (rows, arms).
"""

from __future__ import annotations

from adapters.ope.diagnostics import Diagnostics
from adapters.ope.estimator import ESTIMATOR_NAMES, Estimator, estimator_named
from adapters.ope.evaluate import Estimate, Evaluation, Question, evaluate, evaluate_alone
from adapters.ope.log import Log, LogError
from adapters.ope.refusal import Gates, Reason, Refusal
from adapters.ope.terms import Bounds
from adapters.ope.words import in_words

__all__ = [
    "ESTIMATOR_NAMES",
    "Bounds",
    "Diagnostics",
    "Estimate",
    "Estimator",
    "Evaluation",
    "Gates",
    "Log",
    "LogError",
    "Question",
    "Reason",
    "Refusal",
    "estimator_named",
    "evaluate",
    "evaluate_alone",
    "in_words",
]
