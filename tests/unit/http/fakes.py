"""A desk whose verbs remember what they were asked and answer with the examples."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from adapters.mood import outlook
from adapters.personas import Persona
from adapters.similarity import NearPersona
from adapters.traits import Traits
from server.backplane.memory import MemoryLimiter
from server.chat.administration import Administration, Issued, Profile
from server.chat.alerting.office import AlertOffice
from server.chat.articles import Articles
from server.chat.audit import Audit
from server.chat.editing import Editing
from server.chat.experiment_office import ExperimentOffice
from server.chat.gaps import Coverage, Frequent, Gap, GapDesk, Gaps
from server.chat.inbox import Inbox
from server.chat.insight import Felt, Insight, MoodHistory, NearConversation
from server.chat.overview import Overview
from server.chat.peer import Caller, Claims
from server.chat.policies import ArmChange, Policies
from server.chat.quotas import Doorkeeper, Quotas
from server.chat.service import Verb
from server.chat.versions import Json, Versions
from server.clock import ManualClock
from server.errors import Unauthenticated
from server.knowledge.index import Hit, Outcome, Row
from server.knowledge.values import Article, Passage, VersionState
from server.store.alert_ports import AuditRow
from server.store.inbox_ports import Agreement, Doubt, InboxItem
from server.store.knowledge_ports import KnowledgeFigures, Version, VersionChange
from server.store.ports import Account, Notice, Opened, PastTurn, Revocation
from server.store.question_ports import ArticleFigures, Cluster, DayFigures
from server.store.usage_ports import UsageSum
from server.transport.http import (
    alert_models,
    editing,
    experiment_models,
    overview_models,
    policy_models,
    registry_models,
)
from server.transport.http.desk import Desk
from server.wire import examples, frames, requests
from server.wire.catalogue import REQUESTS
from server.wire.parts import Conversation, User
from tests.unit.http.fakes_turned import Primer, Switchboard

CARL = User("carl", "customer", "Carl")
ROOT = User("root", "admin", "Root")
SHOP = User("shop", "service", "Shop")
NO_QUOTAS = Quotas()
TOKENS = {"carls": CARL, "roots": ROOT, "shops": SHOP}


DOUBT = Doubt("parcel", 0.31, (("parcel", 0.31), ("refund", 0.3)), 0.12, "en", "nlu-1.2.0")
ARTICLE = Version("returning", 2, "active", "Returning", "shop", ("a",), "en", "", None, "ann", 5)
OPEN = InboxItem("m7", examples.CHANNEL, 3, 5, "it is broken", DOUBT)


def account(user: User) -> Account:
    return Account(user, "online", None, last_seen_ms=1, tokens_from_ms=0, banned=False)


@dataclass
class Verbs:
    """``asked``: every request so far, with who asked. ``error``: raised instead of an answer."""

    asked: list[tuple[User, Any]] = field(default_factory=list)
    error: Exception | None = None
    duplicate: bool = False
    more: bool = False
    addresses: list[str] = field(default_factory=list)
    charged: int = 0
    noted: list[tuple[str, str, str, object]] = field(default_factory=list)

    def forget(self) -> None:
        """As new."""
        self.asked, self.error, self.duplicate, self.more, self.addresses = [], None, False, False, []
        self.charged = 0
        self.noted = []

    def hear(self, caller: Caller, what: Any) -> None:
        self.asked.append((caller.user, what))
        if self.error is not None:
            raise self.error

    # ------------------------------------------------------------------ the desk's parts

    async def authenticate(self, frame: requests.Connect, address: str) -> Claims:
        self.addresses.append(address)
        user = TOKENS.get(frame.token or "")
        if user is None:
            raise Unauthenticated("The token is not a JWT.")
        return Claims(user, None)

    async def admit(self, claims: Claims) -> Account:
        return account(claims.user)

    def verb(self, kind: type[requests.Incoming]) -> Verb:
        answer = next(entry.answer for entry in REQUESTS if entry.frame is kind)

        async def answer_with_example(caller: Caller, frame: Any) -> frames.ServerFrame | None:
            self.hear(caller, frame)
            return None if answer is None else cast(frames.ServerFrame, examples.examples_of(answer)[0])

        return answer_with_example

    async def charge(self, caller: Caller) -> None:
        self.charged += 1

    def prepare_send(
        self, caller: Caller, frame: requests.Send, acked: Callable[[frames.Ack], None]
    ) -> Coroutine[Any, Any, None]:
        self.hear(caller, frame)

        async def commit() -> None:
            acked(frames.Ack(0, frame.channel, frame.key, "m", 1, 1, self.duplicate))

        return commit()

    async def history(self, caller: Caller, frame: requests.History) -> frames.HistoryPage:
        self.hear(caller, frame)
        messages = [examples.ASKED, examples.ANSWERED]
        return frames.HistoryPage(0, frame.channel, examples.EPOCH, messages, self.more)

    async def open(self, caller: Caller, frame: requests.Open) -> Opened:
        self.hear(caller, frame)
        return Opened(examples.EMPTY, examples.EPOCH, self.duplicate)

    async def conversations(self, caller: Caller, frame: requests.Conversations) -> frames.ConversationsPage:
        self.hear(caller, frame)
        return frames.ConversationsPage(0, [examples.CONVERSATION], self.more)

    async def conversation(self, caller: Caller, channel: str) -> Conversation:
        self.hear(caller, channel)
        return examples.CONVERSATION

    async def analyses(self, caller: Caller, channel: str, limit: int) -> list[PastTurn]:
        self.hear(caller, (channel, limit))
        answered = PastTurn("m1", "d1", "warm", "hi", {"intent": "greeting"}, {}, 1, 2)
        return [answered, replace(answered, turn_id="m2", analysis={})]

    async def unseen(self, caller: Caller, limit: int) -> tuple[list[frames.Notification], int]:
        self.hear(caller, limit)
        return [examples.NOTICE], 7


@dataclass
class Tray(Inbox):
    """Remembers too."""

    verbs: Verbs

    async def page(self, caller: Caller, **which: Any) -> tuple[list[InboxItem], bool]:
        self.verbs.hear(caller, which)
        return [OPEN], self.verbs.more

    async def label(self, caller: Caller, turn_id: str, intent: str | None, *, new: bool) -> InboxItem:
        self.verbs.hear(caller, (turn_id, intent, new))
        return replace(OPEN, state="labelled", label=intent, judged_by=caller.user.id, judged_at_ms=9)

    async def dismiss(self, caller: Caller, turn_id: str) -> InboxItem:
        self.verbs.hear(caller, turn_id)
        return replace(OPEN, state="dismissed", judged_by=caller.user.id, judged_at_ms=9)

    async def agreement(self, caller: Caller) -> list[Agreement]:
        self.verbs.hear(caller, "agreement")
        return [Agreement("nlu-1.2.0", 3, 2)]


@dataclass
class Seer(Insight):
    """Remembers too."""

    verbs: Verbs

    async def user_mood(self, caller: Caller, user_id: str) -> MoodHistory:
        self.verbs.hear(caller, user_id)
        return MoodHistory((Felt(examples.CHANNEL, 1, 5, -0.5),), outlook([-0.5]))

    async def conversation_mood(self, caller: Caller, channel: str) -> MoodHistory:
        self.verbs.hear(caller, channel)
        return MoodHistory((), outlook([]))

    def personas(self, caller: Caller) -> tuple[Persona, ...]:
        self.verbs.hear(caller, "personas")
        return (Persona("warm", "Warm", "Kind.", Traits(empathy=0.9).as_dict(), {}),)

    def similar_personas(self, caller: Caller, name: str, count: int) -> list[NearPersona]:
        self.verbs.hear(caller, (name, count))
        return [NearPersona("calm", 0.875, (("humor", -0.25),))]

    async def similar_conversations(self, caller: Caller, channel: str, count: int) -> list[NearConversation]:
        self.verbs.hear(caller, (channel, count))
        return [NearConversation("conv:other", 0.25, 3)]

    async def model_usage(self, caller: Caller, since_ms: int | None, until_ms: int | None) -> list[UsageSum]:
        self.verbs.hear(caller, (since_ms, until_ms))
        return [
            UsageSum("small", "warm", None, 3, 2, 300, 30, 1_500_000, 200.0, 900.0),
            UsageSum("small", "calm", "short", 1, 1, 100, 10, 500_000, None, 500.0),
        ]


@dataclass
class Office(Administration):
    """Remembers too."""

    verbs: Verbs

    async def user(self, caller: Caller, user_id: str) -> Profile:
        self.verbs.hear(caller, user_id)
        return Profile(account(CARL), None)

    async def users(self, caller: Caller, after: str | None, limit: int) -> tuple[list[Profile], bool]:
        self.verbs.hear(caller, (after, limit))
        return [Profile(account(CARL), None)], self.verbs.more

    async def revoke(self, caller: Caller, user_id: str) -> Revocation:
        self.verbs.hear(caller, user_id)
        return Revocation(user_id, 5, False)

    async def ban(self, caller: Caller, user_id: str, banned: bool) -> Revocation:
        self.verbs.hear(caller, (user_id, banned))
        return Revocation(user_id, 5, banned)

    async def issue(self, caller: Caller, user_id: str, kind: Any, name: str | None, ttl_s: int) -> Issued:
        self.verbs.hear(caller, (user_id, kind, name, ttl_s))
        return Issued("a.b.c", User(user_id, kind, name or user_id), 9)

    async def notify(self, caller: Caller, notice: Notice) -> tuple[frames.Notification, int]:
        self.verbs.hear(caller, notice)
        return examples.NOTICE, 3

    async def announce(self, caller: Caller, name: Any, data: Any) -> frames.Event:
        self.verbs.hear(caller, (name, data))
        return frames.Event("system", name, data)


MODELS = registry_models.Models.example


@dataclass
class Library(Articles):
    """Remembers, too."""

    verbs: Verbs

    async def page(self, caller: Caller, **which: Any) -> tuple[list[Version], bool]:
        self.verbs.hear(caller, which)
        return [ARTICLE], self.verbs.more

    async def article(
        self, caller: Caller, article_id: str, version: int | None = None
    ) -> tuple[Version, str, list[Version], list[VersionChange]]:
        self.verbs.hear(caller, (article_id, version))
        return ARTICLE, "text", [ARTICLE], [VersionChange(2, "active", "ann", 5)]

    async def save(self, caller: Caller, article_id: str, source: str) -> tuple[Version, bool]:
        self.verbs.hear(caller, (article_id, source))
        return ARTICLE, not self.verbs.duplicate

    async def set_state(self, caller: Caller, article_id: str, version: int, state: VersionState) -> Version:
        self.verbs.hear(caller, (article_id, version, state))
        return replace(ARTICLE, state=state)

    async def preview(self, caller: Caller, article_id: str, source: str) -> tuple[Article, tuple[Passage, ...]]:
        self.verbs.hear(caller, (article_id, source))
        read = Article(article_id, "Returning", "shop", source, "Send it.", asks=("back?",), variants={"casual": "Do."})
        return read, (Passage("returning#how", "How", "Send it."),)

    async def search(self, caller: Caller, question: str, **which: Any) -> tuple[list[Hit], Outcome]:
        self.verbs.hear(caller, (question, which))
        row = Row(1, "returning", "passage", "returning", 2, "Returning", "shop", "en", None, "", "Send it.", "")
        return [Hit("returning", 2, "Returning", "shop", 0.81234, row, row, 0.9, 1.0, 0.03)], "answered"

    async def figures(self, caller: Caller) -> KnowledgeFigures:
        self.verbs.hear(caller, "figures")
        return KnowledgeFigures({"active": 1}, {"passage": 2}, {"nlu-1": 2})


CLUSTER = Cluster(12, "gift wrap", "open", None, "", 0, 9, 7, 1, 0, 8, 2, 0.25, 3, 5, {"uncited": 8})


@dataclass
class Drawer(GapDesk):
    """Remembers, too."""

    verbs: Verbs
    caller: Caller

    async def gaps(self, **which: Any) -> tuple[list[Gap], bool]:
        self.verbs.hear(self.caller, which)
        return [Gap(CLUSTER, 0.75, 6.0, ("do you wrap?",))], self.verbs.more

    async def gap(self, number: int, days: int) -> Gap:
        self.verbs.hear(self.caller, (number, days))
        return Gap(replace(CLUSTER, satisfaction=None), None, 4.0)

    async def set_state(self, number: int, state: Any, by: str) -> Gap:
        self.verbs.hear(self.caller, (number, state, by))
        return Gap(replace(CLUSTER, state=state, changed_by=by, changed_ms=9), 0.75, 6.0)

    async def draft(self, number: int, article_id: str | None, category: str | None, by: str) -> tuple[Gap, bool]:
        self.verbs.hear(self.caller, (number, article_id, category, by))
        written = replace(CLUSTER, state="draft_written", article_id=article_id)
        return Gap(written, 0.75, 6.0), not self.verbs.duplicate

    async def frequent(self, **which: Any) -> list[Frequent]:
        self.verbs.hear(self.caller, which)
        return [Frequent(CLUSTER, ("do you wrap?",), (("wrap", 4),))]

    async def coverage(self, days: int) -> Coverage:
        self.verbs.hear(self.caller, days)
        return Coverage(5, 4, 1, 1, 0, 2, 0.25, None, (DayFigures(0, 4, 1, 1, 0, 2, 0, 0.0),))

    async def figures(self, **which: Any) -> list[ArticleFigures]:
        self.verbs.hear(self.caller, which)
        return [ArticleFigures("wrap", 2, 9, 4, 3, 2, 1, 5)]


@dataclass
class Cabinet(Gaps):
    """Lets customers in, too; who may is asked of the real one elsewhere."""

    verbs: Verbs

    def read(self, caller: Caller) -> GapDesk:
        return Drawer(self.verbs, caller)

    change = read


@dataclass
class Shelf(Versions):
    """Remembers likewise."""

    verbs: Verbs

    async def overview(self, caller: Caller) -> Json:
        return self._told(caller, "overview")

    async def version(self, caller: Caller, name: str) -> Json:
        self.verbs.hear(caller, name)
        return registry_models.ModelVersion.example or {}

    async def shadow(self, caller: Caller, version: str | None) -> Json:
        return self._told(caller, ("shadow", version))

    async def canary(self, caller: Caller, version: str | None, share: float = 0.0, *, force: bool = False) -> Json:
        return self._told(caller, ("canary", version, share, force))

    async def promote(self, caller: Caller, version: str, *, force: bool = False) -> Json:
        return self._told(caller, ("promote", version, force))

    async def rollback(self, caller: Caller) -> Json:
        return self._told(caller, "rollback")

    async def remove(self, caller: Caller, version: str, *, force: bool = False) -> None:
        self._told(caller, ("remove", version, force))

    def _told(self, caller: Caller, what: Any) -> Json:
        self.verbs.hear(caller, what)
        return MODELS or {}


@dataclass
class Rack(Policies):
    """Remembers likewise."""

    verbs: Verbs

    async def overview(self, caller: Caller) -> Json:
        self.verbs.hear(caller, "overview")
        return policy_models.PolicyList.example or {}

    async def snapshot(self, caller: Caller, name: str) -> Json:
        self.verbs.hear(caller, ("snapshot", name))
        return policy_models.PolicySnapshot.example or {}

    async def show(self, caller: Caller, name: str) -> Json:
        return self._told(caller, name)

    async def roll_back(self, caller: Caller, name: str, to: int) -> Json:
        return self._told(caller, ("rollback", name, to))

    async def add_arm(
        self, caller: Caller, name: str, persona: Mapping[str, Any], *, like: str | None, weight: float
    ) -> Json:
        return self._told(caller, ("add", name, persona, like, weight))

    async def change_arm(self, caller: Caller, name: str, kind: ArmChange, arm: str) -> Json:
        return self._told(caller, (kind, name, arm))

    def _told(self, caller: Caller, what: Any) -> Json:
        self.verbs.hear(caller, what)
        return policy_models.PolicyDetail.example or {}


@dataclass
class Asked:
    """Stands for ``Experiments``: what a route asks of them."""

    verbs: Verbs
    caller: Caller

    def __getattr__(self, verb: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def heard(*arguments: Any) -> Any:
            self.verbs.hear(self.caller, (verb, *arguments))

        return heard


@dataclass
class Bench(ExperimentOffice):
    """Remembers likewise."""

    verbs: Verbs

    async def all(self, caller: Caller) -> list[Json]:
        self.verbs.hear(caller, "all")
        return [experiment_models.ExperimentDocument.example or {}]

    def templates(self, caller: Caller) -> list[Json]:
        self.verbs.hear(caller, "templates")
        return [experiment_models.Template.example or {}]

    async def one(self, caller: Caller, experiment_id: str) -> Json:
        self.verbs.hear(caller, experiment_id)
        return experiment_models.ExperimentDocument.example or {}

    async def report(self, caller: Caller, experiment_id: str) -> Json:
        self.verbs.hear(caller, ("report", experiment_id))
        return experiment_models.ExperimentReport.example or {}

    async def create(self, caller: Caller, document: Any) -> Json:
        self.verbs.hear(caller, document)
        return experiment_models.ExperimentDocument.example or {}

    async def change(self, caller: Caller, change: Any) -> Json:
        await change(Asked(self.verbs, caller), caller.user.id)
        return experiment_models.ExperimentDocument.example or {}

    async def event(self, caller: Caller, user_id: str, key: str, name: str, at_ms: int | None) -> bool:
        self.verbs.hear(caller, (user_id, key, name, at_ms))
        return not self.verbs.duplicate


@dataclass
class Watch(AlertOffice):
    """Remembers likewise."""

    verbs: Verbs

    async def page(self, caller: Caller, **which: Any) -> tuple[list[Json], bool]:
        self.verbs.hear(caller, which)
        return [alert_models.ALERT], self.verbs.more

    def rules(self, caller: Caller) -> list[Json]:
        self.verbs.hear(caller, "rules")
        return [alert_models.RULE]

    async def acknowledge(self, caller: Caller, alert_id: str) -> Json:
        self.verbs.hear(caller, alert_id)
        return alert_models.ALERT

    async def silences(self, caller: Caller) -> list[Json]:
        self.verbs.hear(caller, "silences")
        return [alert_models.SILENCE]

    async def silence(self, caller: Caller, **which: Any) -> Json:
        self.verbs.hear(caller, which)
        return alert_models.SILENCE

    async def end_silence(self, caller: Caller, silence_id: str) -> Json:
        self.verbs.hear(caller, silence_id)
        return alert_models.SILENCE


@dataclass
class Chronicle(Audit):
    """``noted``: action, subject and what was given, of each change."""

    verbs: Verbs

    async def note(self, caller: Caller, action: str, subject: str, given: object) -> None:
        self.verbs.noted.append((caller.user.id, action, subject, given))

    async def page(self, caller: Caller, **which: Any) -> tuple[list[AuditRow], bool]:
        self.verbs.hear(caller, which)
        return [AuditRow(5, "root", "admin", "ban_user", "/v1/users/carl/ban", {"a": 1}, 7)], self.verbs.more


@dataclass
class Lookout(Overview):
    """Remembers likewise."""

    verbs: Verbs

    async def intents(self, caller: Caller, hours: int) -> Json:
        self.verbs.hear(caller, hours)
        return overview_models.IntentCounts.example or {}

    async def outcomes(self, caller: Caller, days: int) -> Json:
        self.verbs.hear(caller, ("outcomes", days))
        return overview_models.Outcomes.example or {}

    async def conversations(self, caller: Caller, minutes: int, limit: int) -> list[Json]:
        self.verbs.hear(caller, (minutes, limit))
        return []

    async def turns(self, caller: Caller, channel: str, limit: int) -> list[Json]:
        self.verbs.hear(caller, (channel, limit))
        return []


@dataclass
class Pen(Editing):
    """Remembers likewise."""

    verbs: Verbs

    async def show(self, caller: Caller, kind: str) -> Json:
        self.verbs.hear(caller, kind)
        return editing.BotDocument.example or {}

    async def change(self, caller: Caller, kind: str, revision: int, document: Mapping[str, Any] | None) -> Json:
        self.verbs.hear(caller, (kind, revision, document))
        return editing.BotDocument.example or {}


def desk_of(verbs: Verbs, quotas: Quotas = NO_QUOTAS) -> Desk:
    """``quotas`` count on a clock that stands still."""
    parts = cast(Any, verbs)
    clock = ManualClock()
    return Desk(
        authenticate=verbs.authenticate,
        doorkeeper=Doorkeeper(MemoryLimiter(clock), quotas, clock),
        accounts=parts,
        messages=parts,
        conversations=parts,
        notices=parts,
        administration=Office(verbs),
        inbox=Tray(verbs),
        articles=Library(verbs),
        gaps=Cabinet(verbs),
        versions=Shelf(verbs),
        insight=Seer(verbs),
        intents=Primer(verbs),
        policies=Rack(verbs),
        experiments=Bench(verbs),
        alerts=Watch(verbs),
        audit=Chronicle(verbs),
        overview=Lookout(verbs),
        agents=parts,
        editing=Pen(verbs),
        flags=Switchboard(verbs),
        verbs={entry.frame: verbs.verb(entry.frame) for entry in REQUESTS},
        explain=False,
    )
