"""What one head says held against what the others say of the same text (pure).

The heads are calibrated each for itself, so together they may say what can't be: a question that is very negative and
felt by nobody. Reviews have taught the sentiment head that "broken" and "send back" are bad words; asked how to send
something back, it hears a complaint. Two bounds follow from what the classes mean:

- Whoever is very negative or very positive feels something: neither is likelier than any emotion but "neutral".
- Who greets, asks, requests, thanks, agrees or declines and feels nothing is not negative: that is no likelier than a
  complaint, another act, or an emotion. The two heads are taken as independent there.

What is beyond a bound goes to the milder neighbour. Nothing is fitted, so nothing can be fitted too well;
``models_onnx.measure_coherence`` tells what it does on the validation sets (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from inference.analysis import Act

UNMOVED: Final = "neutral"
PLAIN_ACTS: Final[tuple[Act, ...]] = ("greeting", "thanks", "goodbye", "question", "request", "affirm", "deny")
"""All but complaints, which may be negative in the calmest words, and what is none of these acts."""


def coherent(
    sentiments: Sequence[float], emotions: Mapping[str, float], acts: Mapping[Act, float] | None = None
) -> list[float]:
    """``sentiments`` (the five, from very negative to very positive) within the bounds; they still sum to 1.

    ``acts`` None: the pack has no such head, and only the first bound holds.
    """
    worst, bad, middle, good, best = sentiments
    moved = max(0.0, 1.0 - emotions[UNMOVED])
    worst, bad = min(worst, moved), bad + max(0.0, worst - moved)
    best, good = min(best, moved), good + max(0.0, best - moved)
    if acts is not None:
        plain = sum([acts.get(act, 0.0) for act in PLAIN_ACTS]) * emotions[UNMOVED]
        negative = worst + bad
        if negative > 1.0 - plain:
            kept = max(0.0, 1.0 - plain) / negative
            worst, bad, middle = kept * worst, kept * bad, middle + (1.0 - kept) * negative
    return [worst, bad, middle, good, best]
