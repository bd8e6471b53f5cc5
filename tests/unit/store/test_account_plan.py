"""What a commit does to users, with values alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from server.errors import NotFound
from server.store.account_plan import AccountPlan, new_account, plan_accounts
from server.store.operations import AbsenceOp, RevokeOp, SaveUserOp, SawOp, StatusOp, UserOp
from server.store.ports import Account, Revocation
from server.wire.parts import User

ANN, BEN = User("ann", "customer", "Ann"), User("ben", "customer", "Ben")


def known(*users: User) -> dict[str, Account]:
    return {user.id: new_account(user, 5) for user in users}


def test_a_new_user_has_a_new_account_and_an_old_one_keeps_it() -> None:
    banned = replace(new_account(ANN, 5), banned=True)
    plan = plan_accounts({ANN.id: banned}, [SaveUserOp(User("ann", "agent", "A"), 9), SaveUserOp(BEN, 9)])
    assert plan.outcomes == [replace(banned, user=User("ann", "agent", "A")), new_account(BEN, 9)]
    assert plan.changed == {}


def test_what_changes_nothing_is_not_written() -> None:
    plan = plan_accounts(known(ANN), [StatusOp("ann", "online", None), SawOp(("ann", "nobody"), 4)])
    assert (plan.outcomes, plan.changed) == ([None, None], {})


def test_unknown_users_are_not_found() -> None:
    plan = plan_accounts(known(ANN), [StatusOp("ben", "busy", None), RevokeOp("ben", 7, None), SawOp(("ben",), 9)])
    assert [type(one) for one in plan.outcomes] == [NotFound, NotFound, type(None)]
    assert (plan.changed, plan.revoked) == ({}, {})


def test_a_user_of_the_same_group_is_known() -> None:
    plan = plan_accounts({}, [SaveUserOp(ANN, 9), StatusOp("ann", "away", "later")])
    assert plan.outcomes[1] is None
    assert plan.changed["ann"] == replace(new_account(ANN, 9), status="away", status_text="later")


def test_a_revocation_tells_how_things_stand() -> None:
    operations = [RevokeOp("ann", 70, None), RevokeOp("ben", 1, True), RevokeOp("ann", 60, True)]
    plan = plan_accounts(known(ANN, BEN), operations)
    assert plan.outcomes == [Revocation("ann", 70, False), Revocation("ben", 1, True), Revocation("ann", 70, True)]
    assert list(plan.revoked) == ["ben", "ann"]
    assert (plan.changed["ann"].tokens_from_ms, plan.changed["ann"].banned) == (70, True)


def test_absence_goes_by_the_last_word() -> None:
    plan = plan_accounts(known(ANN, BEN), [AbsenceOp(("ann", "ben"), ()), AbsenceOp((), ("ann",))])
    assert (plan.absent, plan.present) == ({"ben"}, {"ann"})
    plan = plan_accounts(known(ANN), [AbsenceOp((), ("ann",)), AbsenceOp(("ann",), ())])
    assert (plan.absent, plan.present) == ({"ann"}, {"ann"})


OPERATIONS: st.SearchStrategy[list[UserOp]] = st.lists(
    st.one_of(
        st.builds(SaveUserOp, st.sampled_from([ANN, BEN, User("ann", "agent", "Dr Ann")]), st.integers(0, 9)),
        st.builds(StatusOp, st.sampled_from(["ann", "ben"]), st.sampled_from(["online", "busy"]), st.none()),
        st.builds(SawOp, st.sampled_from([("ann",), ("ben", "ann")]), st.integers(0, 20)),
        st.builds(RevokeOp, st.sampled_from(["ann", "ben"]), st.integers(0, 20), st.sampled_from([None, True, False])),
    ),
    max_size=12,
)


def after(accounts: dict[str, Account], operations: Sequence[UserOp], plan: AccountPlan) -> dict[str, Account]:
    """The rows as they are stored: who comes is saved, then what changed is written."""
    rows = dict(accounts)
    for one in operations:
        if isinstance(one, SaveUserOp):
            rows[one.user.id] = replace(rows.get(one.user.id) or new_account(one.user, one.at_ms), user=one.user)
    for user_id, changed in plan.changed.items():
        rows[user_id] = replace(changed, user=rows[user_id].user)
    return rows


@given(OPERATIONS)
def test_how_operations_are_grouped_does_not_matter(operations: list[UserOp]) -> None:
    start = known(BEN)
    whole = plan_accounts(start, operations)
    rows, outcomes = dict(start), []
    for one in operations:
        plan = plan_accounts(rows, [one])
        outcomes += plan.outcomes
        rows = after(rows, [one], plan)
    assert list(map(repr, outcomes)) == list(map(repr, whole.outcomes))
    assert rows == after(start, operations, whole)


@given(OPERATIONS)
def test_tokens_and_last_seen_never_go_back(operations: list[UserOp]) -> None:
    rows = known(ANN, BEN)
    for one in operations:
        later = after(rows, [one], plan_accounts(rows, [one]))
        for user_id, account in rows.items():
            assert later[user_id].tokens_from_ms >= account.tokens_from_ms
            assert later[user_id].last_seen_ms >= account.last_seen_ms
        rows = later
