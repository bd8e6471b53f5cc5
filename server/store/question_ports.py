"""Questions that customers asked, what they cited, and which are alike.

Part of ``ports.Store``, whose text says what holds for every method. A question is stored in the commit of its answer
(``Answer.question``); what followed it is derived later from what the ledger holds. Clusters change by one writer at a
time: whoever files names the revision that it has read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from server.knowledge.questions import GapState, Trouble


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A question that is in no cluster yet; ``embedding``: float16, by ``model``."""

    turn_id: str
    text: str
    model: str
    embedding: bytes


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """``direction``: the sum of its ``size`` embeddings by ``model``, float32, little-endian."""

    number: int
    model: str
    direction: bytes
    size: int


@dataclass(frozen=True, slots=True)
class ClusterChanges:
    """Clusters that have changed since a revision, by number; ``last``: the highest number ever given."""

    revision: int
    last: int
    rows: tuple[ClusterRow, ...]


@dataclass(frozen=True, slots=True)
class Filing:
    """``placed``: turn ids with their clusters (0: none will have them) and how close they are to its mean."""

    placed: Sequence[tuple[str, int, float]] = ()
    rows: Sequence[ClusterRow] = ()
    last: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Questions that are alike, and what became of those of a time.

    ``turns`` by ``people``; ``answered`` from an article, ``solved`` by it, ``troubled``: with what went wrong in
    ``troubles``. ``satisfaction``: the mean of the troubled ones', None where nobody has shown any; ``known`` of how
    many. ``article_id``: of the draft that was written for it. ``first_ms``, ``last_ms``: of the turns.
    """

    number: int
    name: str
    state: GapState
    article_id: str | None
    changed_by: str
    changed_ms: int
    turns: int
    people: int
    answered: int
    solved: int
    troubled: int
    known: int
    satisfaction: float | None
    first_ms: int
    last_ms: int
    troubles: Mapping[Trouble, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArticleFigures:
    """What a version of an article did: answers that cite it, of those known to have helped, thumbs, and hand-offs
    after."""

    article_id: str
    version: int
    shown: int
    solved: int
    thumbs_up: int
    thumbs_down: int
    handoffs: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Questions of one day (UTC), which begins at ``day_ms``. ``satisfaction``: the sum over ``known`` questions."""

    day_ms: int
    questions: int
    answered: int
    offered: int
    solved: int
    handoffs: int
    known: int
    satisfaction: float


class QuestionStore(Protocol):
    """What ``ports.Store`` promises of questions."""

    async def follow_up(self, now_ms: int, limit: int) -> int:
        """See what has followed the answers that are due for a look, at most ``limit``, and write it down; how many.
        Each is looked at ever more seldom, for a day. Those that another worker looks at now are passed over."""

    async def unplaced_questions(self, limit: int) -> list[Unplaced]:
        """The earliest first."""

    async def question_clusters(self, after_revision: int) -> ClusterChanges:
        """Clusters that have grown since ``after_revision`` (0: all)."""

    async def file_questions(self, revision: int, filing: Filing) -> bool:
        """Place questions and write clusters as they are then; False, and nothing done, where ``revision`` is not
        current any more."""

    async def clusters(
        self, since_ms: int, *, troubled: int = 0, people: int = 0, number: int | None = None, limit: int
    ) -> list[Cluster]:
        """Clusters with at least one question, ``troubled`` troubled ones and ``people`` people since then, or the one
        of ``number``; those with the most troubled ones, then the most questions first."""

    async def cluster_texts(
        self, numbers: Sequence[int], limit: int, *, troubled_first: bool = False
    ) -> dict[int, list[str]]:
        """Texts of questions, at most ``limit`` of each cluster, those nearest to its mean first."""

    async def cluster_articles(self, numbers: Sequence[int], since_ms: int) -> dict[int, list[tuple[str, int]]]:
        """Which articles answered them how often, the most frequent first."""

    async def question_sample(self, limit: int) -> list[str]:
        """Texts of the latest questions."""

    async def unnamed_clusters(self, limit: int) -> list[tuple[int, int]]:
        """Numbers and sizes of clusters without a name, or grown by half since they got it."""

    async def name_clusters(self, names: Sequence[tuple[int, str, int]]) -> None:
        """Numbers, names, and the sizes at which those were made."""

    async def set_gap_state(
        self, number: int, state: GapState, *, by: str, at_ms: int, article_id: str | None = None
    ) -> None:
        """``article_id`` None leaves the draft's as it is. ``NotFound``."""

    async def move_gaps(self, turns: int, by: str, at_ms: int) -> tuple[int, int]:
        """Resolve gaps with ``turns`` solved questions since the last troubled one and since their own last change, and
        open resolved ones again that have as many troubled ones since then: how many of each."""

    async def article_figures(
        self, since_ms: int, *, article_id: str | None = None, limit: int
    ) -> list[ArticleFigures]:
        """By version, those shown most first."""

    async def question_days(self, since_ms: int, until_ms: int) -> list[DayFigures]:
        """By day, ascending; days without questions are left out."""

    async def lapse_questions(self, before_ms: int, limit: int) -> int:
        """Forget at most ``limit`` questions from before then, and clusters without any left; how many went. Messages
        and turns stay."""
