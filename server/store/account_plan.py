"""What a group commit does to users: a pure function of their locked accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from server.errors import NotFound
from server.store.operations import AbsenceOp, RevokeOp, SaveUserOp, SawOp, StatusOp, UserOp
from server.store.ports import Account, Revocation
from server.wire.parts import User


@dataclass(slots=True)
class AccountPlan:
    """``outcomes`` stand in the order of the operations; ``revoked`` names each user once, the last revocation last.

    An absence ends for all of ``present`` before it begins for ``absent``.
    """

    outcomes: list[Account | Revocation | NotFound | None] = field(default_factory=list)
    changed: dict[str, Account] = field(default_factory=dict)
    revoked: dict[str, None] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


def plan_accounts(known: Mapping[str, Account], operations: Sequence[UserOp]) -> AccountPlan:
    """Outcomes and new rows of one commit's operations on users, in their order; ``known`` is not changed."""
    planner = _Planner(known)
    for operation in operations:
        planner.plan.outcomes.append(planner.take(operation))
    return planner.plan


class _Planner:
    def __init__(self, known: Mapping[str, Account]) -> None:
        self._known = dict(known)
        self.plan = AccountPlan()

    def take(self, operation: UserOp) -> Account | Revocation | NotFound | None:
        match operation:
            case SaveUserOp(user, at_ms):
                account = self._known.get(user.id) or new_account(user, at_ms)
                self._known[user.id] = replace(account, user=user)
                return self._known[user.id]
            case StatusOp(user_id, status, text):
                return self._change(user_id, lambda found: replace(found, status=status, status_text=text))
            case SawOp(user_ids, at_ms):
                for user_id in user_ids:
                    self._change(user_id, lambda found: _seen(found, at_ms))
            case RevokeOp():
                return self._revoke(operation)
            case AbsenceOp(absent, present):
                self.plan.absent |= set(absent)
                self.plan.absent -= set(present)
                self.plan.present |= set(present)
        return None

    def _change(self, user_id: str, change: Callable[[Account], Account]) -> NotFound | None:
        found = self._known.get(user_id)
        if found is None:
            return NotFound(f"There is no user {user_id!r}.")
        changed = change(found)
        if changed != found:
            self._known[user_id] = self.plan.changed[user_id] = changed
        return None

    def _revoke(self, operation: RevokeOp) -> Revocation | NotFound:
        found = self._known.get(operation.user_id)
        if found is None:
            return NotFound(f"There is no user {operation.user_id!r}.")
        tokens_from_ms = max(found.tokens_from_ms, operation.tokens_from_ms)
        banned = found.banned if operation.banned is None else operation.banned
        self._change(found.user.id, lambda one: replace(one, tokens_from_ms=tokens_from_ms, banned=banned))
        self.plan.revoked.pop(found.user.id, None)
        self.plan.revoked[found.user.id] = None
        return Revocation(found.user.id, tokens_from_ms, banned)


def new_account(user: User, at_ms: int) -> Account:
    """A user who was not known until ``at_ms``."""
    return Account(user, "online", None, last_seen_ms=at_ms, tokens_from_ms=0, banned=False)


def _seen(account: Account, at_ms: int) -> Account:
    if account.status == "invisible":  # who looks offline has not been seen
        return account
    return replace(account, last_seen_ms=max(account.last_seen_ms, at_ms))
