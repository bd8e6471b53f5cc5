"""What a turn of emoji alone is felt to be (pure).

The tokenizer has no emoji, so of a turn without words the model has read nothing: it says the same of a heart and of an
angry face. The lexicon knows what each of them is for.
"""

from __future__ import annotations

from typing import Final

from inference.analysis import EMOTIONS, Sentiment
from inference.heads import Readings
from inference.manifest import SENTIMENTS

MEANT: Final = 0.7
"""Of GoEmotions' 466 training rows with a joyful emoji 68 % are joyful, words or not; 76 % of those that have one
polarity are positive."""

_SIDE: Final = {"joy": 1, "anger": -1, "sadness": -1, "fear": -1}
"""A surprise may be either."""


def wordless(readings: Readings, mood: str) -> Readings:
    """``readings`` of a turn of emoji alone, the first telling one of which says ``mood``, one of ``EMOTIONS``; "": no
    emoji tells one.

    The mood gets ``MEANT`` of the emotions, the others share the rest as the model would have it; the milder sentiment
    of its side gets as much.
    """
    if not mood:
        return readings
    others = sum([chance for name, chance in readings.emotions.items() if name != mood]) or 1.0
    felt = {name: (1.0 - MEANT) * readings.emotions[name] / others for name in EMOTIONS} | {mood: MEANT}
    side = _SIDE.get(mood)
    if side is None:
        return readings._replace(emotions=felt)
    label = SENTIMENTS[len(SENTIMENTS) // 2 + side]
    return readings._replace(emotions=felt, sentiment=Sentiment(label, 0.5 * side, MEANT))
