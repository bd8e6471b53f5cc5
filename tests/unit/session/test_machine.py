"""The life of one connection (PROTOCOL §3): every row of the state table."""

from __future__ import annotations

import pytest

from server.errors import BadFrame, Unauthenticated, Unavailable
from server.session.machine import Answer, Authenticate, Effect, Perform, Phase, Session, Shut
from server.wire.closing import CloseCode
from server.wire.codec import Rejected
from server.wire.frames import Error, Pong
from server.wire.parts import MAX_CHANNELS, User
from server.wire.requests import ClientFrame, Connect, Open, Ping, Subscribe

ALICE = User("alice", "customer", "Alice")


def fresh() -> Session:
    return Session(opened_ms=1_000.0, connect_timeout_ms=10_000)


def ready(expires_ms: int | None = None) -> Session:
    session = fresh()
    session.receive(Connect(id=1), 0, 0)
    session.accepted(ALICE, expires_ms)
    return session


def closes(effects: list[Effect]) -> CloseCode | None:
    last = effects[-1] if effects else None
    return last.code if isinstance(last, Shut) else None


def test_the_first_frame_is_connect() -> None:
    session = fresh()
    assert session.receive(Connect(id=1, token="t"), 0, 0) == [Authenticate(Connect(id=1, token="t"))]
    assert session.phase is Phase.AUTHENTICATING


@pytest.mark.parametrize("frame", [Ping(id=1), Subscribe(id=1, channel="conv:x")])
def test_any_other_first_frame_closes(frame: ClientFrame) -> None:
    session = fresh()
    assert closes(session.receive(frame, 0, 0)) is CloseCode.PROTOCOL_VIOLATED
    assert session.phase is Phase.CLOSED


def test_a_malformed_first_frame_is_told_and_closed() -> None:
    answer, shut = fresh().receive(Rejected(BadFrame("what is this"), 9), 0, 0)
    assert isinstance(answer, Answer)
    assert isinstance(answer.frame, Error)
    assert answer.frame.id == 9
    assert shut == Shut(CloseCode.PROTOCOL_VIOLATED, "the first frame must be a valid connect")


def test_a_second_connect_closes() -> None:
    assert closes(ready().receive(Connect(id=2), 0, 0)) is CloseCode.PROTOCOL_VIOLATED


def test_a_refused_token_is_told_then_closed() -> None:
    session = fresh()
    session.receive(Connect(id=5, token="bad"), 0, 0)
    answer, shut = session.refused(Unauthenticated("no"), 5)
    assert isinstance(answer, Answer)
    assert isinstance(answer.frame, Error)
    assert (answer.frame.code, answer.frame.id) == (401, 5)
    assert isinstance(shut, Shut)
    assert shut.code is CloseCode.UNAUTHENTICATED


def test_a_store_that_is_away_is_no_bad_token() -> None:
    session = fresh()
    session.receive(Connect(id=5), 0, 0)
    assert closes(session.refused(Unavailable("the database is away"), 5)) is CloseCode.INTERNAL


def test_ping_is_answered_with_the_time() -> None:
    assert ready().receive(Ping(id="a"), 77, 0) == [Answer(Pong(id="a", time_ms=77))]


def test_frames_are_performed() -> None:
    frame = Subscribe(id=2, channel="conv:x")
    assert ready().receive(frame, 0, 0) == [Perform(frame)]


def test_an_invalid_frame_is_answered_and_the_connection_goes_on() -> None:
    session = ready()
    (answer,) = session.receive(Rejected(BadFrame("no"), 3), 0, 0)
    assert isinstance(answer, Answer)
    assert session.phase is Phase.READY


def test_channels_are_bounded() -> None:
    session = ready()
    session.channels.update(f"conv:{number}" for number in range(MAX_CHANNELS))
    for frame in (Subscribe(id=2, channel="conv:new"), Open(id=2, key="k")):
        (answer,) = session.receive(frame, 0, 0)
        assert isinstance(answer, Answer)
        assert isinstance(answer.frame, Error)
        assert answer.frame.code == 429
    known = Subscribe(id=3, channel="conv:1")
    assert session.receive(known, 0, 0) == [Perform(known)]


class TestTime:
    def test_no_connect_in_time_closes(self) -> None:
        session = fresh()
        assert session.tick(10_999.0, 0) == []
        assert closes(session.tick(11_000.0, 0)) is CloseCode.NO_CONNECT

    def test_a_slow_token_check_is_not_the_clients_fault(self) -> None:
        session = fresh()
        session.receive(Connect(id=1), 0, 0)
        assert session.tick(99_999.0, 0) == []

    def test_the_tokens_end_closes(self) -> None:
        session = ready(expires_ms=5_000)
        assert session.tick(0.0, 4_999) == []
        assert closes(session.tick(0.0, 5_000)) is CloseCode.UNAUTHENTICATED

    def test_no_frame_is_performed_after_the_tokens_end(self) -> None:
        assert closes(ready(expires_ms=5_000).receive(Ping(id=1), 5_000, 0)) is CloseCode.UNAUTHENTICATED

    def test_without_an_end_nothing_happens(self) -> None:
        assert ready().tick(1e12, 10**15) == []


def test_after_the_close_nothing_has_an_effect() -> None:
    session = ready()
    assert closes(session.undecodable("garbage")) is CloseCode.PROTOCOL_VIOLATED
    assert session.receive(Ping(id=1), 0, 0) == []


def test_a_user_is_required() -> None:
    assert ready().require_user() == ALICE
    with pytest.raises(BadFrame):
        fresh().require_user()
