"""What the HTTP routes call. Apart from them, so that composing a worker does not load FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from server.chat.accounts import Accounts
from server.chat.administration import Administration
from server.chat.agent_desk import AgentDesk
from server.chat.alerting.office import AlertOffice
from server.chat.articles import Articles
from server.chat.audit import Audit
from server.chat.conversations import ConversationVerbs
from server.chat.editing import Editing
from server.chat.experiment_office import ExperimentOffice
from server.chat.flags import FlagOffice
from server.chat.gaps import Gaps
from server.chat.inbox import Inbox
from server.chat.insight import Insight
from server.chat.intent_desk import IntentDesk
from server.chat.messages import Messages
from server.chat.notices import Notices
from server.chat.overview import Overview
from server.chat.peer import Caller, Claims
from server.chat.policies import Policies
from server.chat.quotas import Doorkeeper
from server.chat.service import Verb
from server.chat.versions import Versions
from server.errors import BadFrame
from server.wire.catalogue import frame_type
from server.wire.frames import Ack, ServerFrame
from server.wire.requests import Connect, Incoming, Send

FrameT = TypeVar("FrameT", bound=Incoming)


@dataclass(frozen=True, slots=True)
class Desk:
    """``authenticate``: a frame and the client's address to claims. ``verbs``: what answers a frame of a type, the same
    as over the socket. ``explain``: see ``Caller``."""

    authenticate: Callable[[Connect, str], Awaitable[Claims]]
    doorkeeper: Doorkeeper
    accounts: Accounts
    messages: Messages
    conversations: ConversationVerbs
    notices: Notices
    administration: Administration
    inbox: Inbox
    articles: Articles
    gaps: Gaps
    versions: Versions
    insight: Insight
    intents: IntentDesk
    policies: Policies
    experiments: ExperimentOffice
    alerts: AlertOffice
    audit: Audit
    overview: Overview
    agents: AgentDesk
    editing: Editing
    flags: FlagOffice
    verbs: Mapping[type[Incoming], Verb]
    explain: bool

    async def caller(self, token: str, address: str) -> Caller:
        """Who brings the token; one request of theirs is counted, but services ask for many people and are not.

        ``Unauthenticated``, ``Banned``; ``RateLimited`` for too many requests of the user, or bad tokens from there.
        """
        claims = await self.authenticate(Connect(id=0, token=token), address)
        if claims.user.kind != "service":
            await self.doorkeeper.charge(self.doorkeeper.quotas.requests, claims.user.id)
        await self.accounts.admit(claims)
        return Caller(claims.user, self.explain)

    async def send(self, caller: Caller, frame: Send) -> Ack:
        """Count, commit, ring; the ack. ``RateLimited``, and what ``Messages.prepare_send`` says."""
        await self.messages.charge(caller)
        acks: list[Ack] = []
        await self.messages.prepare_send(caller, frame, acks.append)
        return acks[0]

    async def ask(self, caller: Caller, kind: type[Incoming], /, **fields: Any) -> ServerFrame | None:
        """Let the verb for a frame of ``kind`` answer; see ``request``."""
        return await self.verbs[kind](caller, request(kind, **fields))


def request(kind: type[FrameT], /, **fields: Any) -> FrameT:
    """The frame that asks for the same over the socket; what is None is left out. ``BadFrame``."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return msgspec.convert({"type": frame_type(kind), "id": 0, **given}, kind)
    except msgspec.ValidationError as error:
        raise BadFrame(str(error)) from None
