"""Where the time of str → ``Analysis`` goes: each step by itself, in the order of a turn, on one thread.

Measured within whole analyses, not in loops of their own: each run of the model drives 24 MB of weights through the
core's caches, and the Python after it takes several times what it takes in a loop (``inference.worker``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from inference import lexical
from inference.assemble import Wording, assemble
from inference.entities import entities
from inference.heads import read
from inference.language import language
from inference.lexicon import Lexicon
from inference.pack import Pack
from inference.tokenise import normalise, pad

PARTS = ("tokenise", "pad", "model", "word lists", "language", "entities", "heads", "assemble")
KEPT = 0.95
"""Share of the times that count: the longest are other processes'."""


def parts(pack: Pack, lexicon: Lexicon, texts: Sequence[str], clock: Callable[[], int]) -> dict[str, float]:
    """Mean microseconds of each of ``PARTS`` over ``texts``, without the longest; ``clock`` counts nanoseconds."""
    taken = zip(*(_one(pack, lexicon, text, clock) for text in texts), strict=True)
    return {name: _mean(spent) / 1_000 for name, spent in zip(PARTS, taken, strict=True)}


def _one(pack: Pack, lexicon: Lexicon, text: str, clock: Callable[[], int]) -> list[int]:
    times = [clock()]
    text = normalise(text)
    ids = pack.tokeniser.encode(text)
    times.append(clock())
    batch = pad([ids], pack.tokeniser.pad_id)
    times.append(clock())
    raw = pack.run(*batch)
    times.append(clock())
    cues = lexical.scan(text, lexicon)
    toxicity = lexical.toxicity(cues)
    times.append(clock())
    spoken = language(text, cues.words, lexicon.stop_words)
    times.append(clock())
    found = entities(text)
    times.append(clock())
    (readings,) = read(raw, pack.manifest)
    times.append(clock())
    assemble(Wording(cues, toxicity, spoken, found), readings, lexicon, model=pack.manifest.model, latency_us=0)
    times.append(clock())
    return [later - earlier for earlier, later in pairwise(times)]


def _mean(spent: Sequence[int]) -> float:
    kept = sorted(spent)[: max(1, int(KEPT * len(spent)))]
    return sum(kept) / len(kept)
