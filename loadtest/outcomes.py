"""What λ-returns are worth, where a conversation's goal shows at its end or at once: ``python -m loadtest.outcomes``.

In every conversation early turns ask for one thing and later ones for another; an answer's worth depends on its turn's
context. Where the goal is ``late``, the end is good with the chance that the answers' mean worth is, and what is seen
at once is noise around one half. Where it is not, what is seen at once is each answer's own worth, and the end is a
coin.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.credit import credited
from adapters.policies import make_policy
from loadtest.measure import print_table

SEEDS = 20
CONVERSATIONS = 1_000
LAMBDAS = (0.0, 0.3, 0.6, 0.8, 0.9, 1.0)
ARMS, DIM = 6, 8
TURNS = (3, 7)  # of a conversation, the least and the most
NOISE = 0.15  # of what is seen at once
CONFIDENCE_Z = 1.959963984540054  # of a normal's middle 95 %

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: ``contexts`` (turns, dim), ``worth`` and ``seen`` (turns, arms), and ``luck`` in [0, 1) at its
    end."""

    contexts: Matrix
    worth: Matrix
    seen: Matrix
    luck: float


def talks(seed: int, *, late: bool, conversations: int = CONVERSATIONS) -> list[Talk]:
    """The conversations of one seed; the same for every policy."""
    rng = np.random.default_rng(1000 + seed)
    theta = rng.normal(size=(ARMS, DIM))
    return [_talk(theta, late, rng) for _ in range(conversations)]


def _talk(theta: Matrix, late: bool, rng: np.random.Generator) -> Talk:
    turns = int(rng.integers(TURNS[0], TURNS[1] + 1))
    contexts = rng.normal(size=(turns, DIM)) / np.sqrt(DIM)
    contexts[:, 0] = 1.0
    contexts[:, 1] = np.linspace(-1.0, 1.0, turns)  # what is asked for changes on the way
    worth = 1.0 / (1.0 + np.exp(-1.5 * contexts @ theta.T))
    middle = np.full_like(worth, 0.5) if late else worth
    seen = np.clip(middle + NOISE * rng.normal(size=worth.shape), 0.0, 1.0)
    return Talk(contexts, worth, seen, float(rng.random()))


def mean_worth(conversations: Sequence[Talk], lambda_: float, seed: int, *, late: bool) -> float:
    """Of the answers that LinUCB chose, over all turns; rewards are corrected at each end."""
    arms = [str(k) for k in range(ARMS)]
    policy = make_policy("linucb", arms, DIM, seed)
    earned, turns = 0.0, 0
    for talk in conversations:
        chosen = []
        for x, seen, worth in zip(talk.contexts, talk.seen, talk.worth, strict=True):
            arm = policy.choose(x).arm
            own = float(seen[int(arm)])
            policy.learn(arm, x, own)
            chosen.append((arm, x, own, float(worth[int(arm)])))
        total = sum(worth for *_, worth in chosen)
        earned, turns = earned + total, turns + len(chosen)
        outcome = float(talk.luck < (total / len(chosen) if late else 0.5))
        for correction in credited([own for _, _, own, _ in chosen], outcome, lambda_):
            arm, x, own, _ = chosen[correction.index]
            policy.learn(arm, x, correction.reward, correction.previous)
    return earned / turns


def gain(
    lambda_: float, seeds: Sequence[int], *, late: bool, conversations: int = CONVERSATIONS
) -> tuple[float, float]:
    """Mean worth with λ less that without, by pairs of the same seed, and half of its 95 % interval."""
    differences = []
    for seed in seeds:
        of_seed = talks(seed, late=late, conversations=conversations)
        with_it, without = (mean_worth(of_seed, value, seed, late=late) for value in (lambda_, 0.0))
        differences.append(with_it - without)
    half = CONFIDENCE_Z * float(np.std(differences, ddof=1)) / np.sqrt(len(differences))
    return float(np.mean(differences)), half


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the λs in both kinds of worlds."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.outcomes", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="worlds of each kind (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    options = parser.parse_args(arguments)
    found = [
        {"lambda": lambda_, "late": gain(lambda_, range(options.seeds), late=True),
         "at_once": gain(lambda_, range(options.seeds), late=False)}
        for lambda_ in LAMBDAS[1:]
    ]  # fmt: skip
    if options.json:
        print(json.dumps(found, indent=2))
        return
    rows = [
        (str(row["lambda"]), *(f"{row[kind][0]:+.4f} ± {row[kind][1]:.4f}" for kind in ("late", "at_once")))  # type: ignore[index]
        for row in found
    ]
    headings = ("λ", "the goal shows at the end", "at once; the end is a coin")
    print_table("mean worth of an answer, beyond λ = 0 (95 % interval)", headings, rows, texts=3)


if __name__ == "__main__":
    main()
