"""What a commit does to receipts, with values alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid, NotFound
from server.store.operations import ReceiptOp
from server.store.ports import Receipt
from server.store.prepare import prepare_receipt
from server.store.receipts import Mark, Pair, plan_receipts
from server.wire.parts import ReceiptKind, User

PAIR = ("c", "ann")


def op(
    offset: int, kind: ReceiptKind = "read", *, at_ms: int = 9, to: str = "c", members_only: bool = False
) -> ReceiptOp:
    return prepare_receipt(Receipt(f"conv:{to}", User("ann", "customer", "Ann"), kind, offset, at_ms, members_only))


def test_read_moves_delivered_and_not_the_other_way_round() -> None:
    plan = plan_receipts({"c": 9}, {}, {}, [op(3), op(5, "delivered", at_ms=10), op(4, "delivered", at_ms=11)])
    assert plan.outcomes == [True, True, False]
    assert plan.moved == {PAIR: Mark(delivered=5, read=3, at_ms=10)}


def test_what_stands_already_is_not_written() -> None:
    plan = plan_receipts({"c": 9}, {}, {PAIR: Mark(7, 7)}, [op(7), op(7, "delivered"), op(0)])
    assert (plan.outcomes, plan.moved) == ([False] * 3, {})


def test_who_may_not_and_what_is_not_there() -> None:
    refused = [op(1, to="zz"), op(10), op(1, members_only=True)]
    plan = plan_receipts({"c": 9}, {}, {}, [*refused, op(1)])
    assert [type(one) for one in plan.outcomes] == [NotFound, Invalid, NotFound, bool]
    assert plan_receipts({"c": 9}, {PAIR: True}, {}, [op(1, members_only=True)]).outcomes == [True]


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["read", "delivered"])), max_size=12), st.integers(0, 12))
def test_marks_never_go_back_however_they_are_grouped(steps: list[tuple[int, ReceiptKind]], cut: int) -> None:
    operations = [op(offset, kind, at_ms=place) for place, (offset, kind) in enumerate(steps)]
    known: dict[Pair, Mark] = {}
    outcomes = []
    for group in (operations[:cut], operations[cut:]):
        plan = plan_receipts({"c": 10}, {}, known, group)
        before, after = known.get(PAIR, Mark()), plan.moved.get(PAIR, known.get(PAIR, Mark()))
        assert after.delivered >= before.delivered and after.read >= before.read
        assert after.read <= after.delivered <= 10
        outcomes += plan.outcomes
        known = {**known, **plan.moved}
    whole = plan_receipts({"c": 10}, {}, {}, operations)
    assert list(map(repr, outcomes)) == list(map(repr, whole.outcomes))
    assert known == whole.moved
