"""A trained set of intents has its say in analyses (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inference.analysis import Analysis
from inference.intents.trained import TrainedIntents


def apply(analyses: Sequence[Analysis], intents: TrainedIntents) -> list[Analysis]:
    """The same analyses with the set's intents, probabilities and whether it is ``sure``.

    Where it is, the text is in scope at least as likely as the intent. Everything else stays the model's: the act and
    the urgency have been read with the model's own intent, which knows courtesies and the like.
    """
    if not analyses:
        return []
    read = intents.read(np.stack([analysis.embedding for analysis in analyses]))
    return [_said(analysis, found, intents.manifest.threshold) for analysis, found in zip(analyses, read, strict=True)]


def _said(analysis: Analysis, found: tuple[tuple[str, float], ...], threshold: float) -> Analysis:
    intent, confidence = found[0]
    sure = confidence >= threshold
    foreign = min(analysis.out_of_scope, 1.0 - confidence) if sure else analysis.out_of_scope
    return replace(
        analysis, intent=intent, intent_confidence=confidence, intents=found, out_of_scope=foreign, sure=sure
    )
