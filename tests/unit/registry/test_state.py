"""The deployment's file: whole at any moment, no change lost, and what is broken is named and left alone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.errors import RegistryError
from inference.registry import deployment as states
from inference.registry.deployment import Canary, Deployment
from inference.registry.state import DEPLOYMENT_FILE, HISTORY_FILE, Change, State, replace_file
from tests.unit.registry.hammer import promote_many


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "models", now_ms=lambda: 5, lock_timeout_s=0.0)


def promote(state: State, name: str) -> Deployment:
    return state.change(lambda d: states.promote(d, name), action=f"promote {name}", forced=())


def test_without_a_file_the_settings_hold(state: State, tmp_path: Path) -> None:
    assert state.read() == Deployment()
    assert state.history() == []
    assert not (tmp_path / "models").exists()


def test_a_change_is_there_for_everybody(state: State, tmp_path: Path) -> None:
    after = promote(state, "a")
    assert after == Deployment("a", previous=(None,), revision=1)
    assert State(tmp_path / "models", now_ms=lambda: 9).read() == after
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "deployment.json", "deployment.lock", "history.jsonl",
    ]  # fmt: skip


def test_a_transition_that_changes_nothing_writes_nothing(state: State, tmp_path: Path) -> None:
    promote(state, "a")
    path = tmp_path / "models" / DEPLOYMENT_FILE
    before = path.stat()
    assert promote(state, "a").revision == 1
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(state.history()) == 1


def test_whoever_watches_sees_each_change(state: State, tmp_path: Path) -> None:
    path, seen = tmp_path / "models" / DEPLOYMENT_FILE, set()
    for name in "abcdef":
        promote(state, name)
        with path.open() as kept:  # held open, so that its inode is not used again
            seen.add((os.fstat(kept.fileno()).st_ino, path.stat().st_mtime_ns))
    assert len(seen) == 6


@pytest.mark.parametrize(
    "pool",
    [
        lambda: ThreadPoolExecutor(4),
        lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
    ],
    ids=["threads", "processes"],
)
def test_changes_at_the_same_moment_lose_nothing(tmp_path: Path, pool: Callable[[], Executor]) -> None:
    with pool() as workers:
        done = [workers.submit(promote_many, tmp_path, who, 15) for who in ("ann", "bob")]
        assert sum(one.result(timeout=60) for one in done) == 30
    state = State(tmp_path, now_ms=lambda: 0)
    last = state.read()
    history = state.history()
    assert last.revision == 30
    assert [change.revision for change in history] == list(range(1, 31))
    promoted = [change.champion for change in history]
    assert sorted(map(str, promoted)) == sorted(f"{who}-{number}" for who in ("ann", "bob") for number in range(15))
    # Each took up exactly where the one before had left.
    assert (*last.previous, last.champion) == tuple(promoted[-17:])


def test_a_change_that_is_refused_changes_nothing(state: State) -> None:
    before = promote(state, "a")
    with pytest.raises(RegistryError, match="is the champion"):
        state.change(lambda d: states.shadow(d, "a"), action="shadow a", forced=())
    assert state.read() == before
    assert promote(state, "b").revision == 2  # the lock was given back


def test_a_lock_that_somebody_keeps(state: State) -> None:
    def slow(deployment: Deployment) -> Deployment:
        with pytest.raises(RegistryError, match=r"Another change holds .*deployment.lock. Try again"):
            promote(state, "b")
        return states.promote(deployment, "a")

    assert state.change(slow, action="promote a", forced=()).champion == "a"
    assert promote(state, "b").previous == (None, "a")


def test_a_broken_file_is_named_and_not_overwritten(state: State, tmp_path: Path) -> None:
    promote(state, "a")
    path = tmp_path / "models" / DEPLOYMENT_FILE
    path.write_bytes(b'{"schema": 1, "champion"')
    for attempt in (state.read, lambda: promote(state, "b")):
        with pytest.raises(RegistryError) as caught:
            attempt()
        assert caught.value.problem.startswith(f"{path} can't be used")
    assert path.read_bytes() == b'{"schema": 1, "champion"'


def test_a_folder_in_the_place_of_the_file(state: State, tmp_path: Path) -> None:
    (tmp_path / "models" / DEPLOYMENT_FILE).mkdir(parents=True)
    with pytest.raises(RegistryError, match="can't be read"):
        state.read()


def test_a_file_in_the_place_of_the_folder(state: State, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    assert state.read() == Deployment()
    with pytest.raises(RegistryError, match="can't be written"):
        promote(state, "a")


def test_the_history_tells_what_was_asked_and_overruled(state: State) -> None:
    state.change(lambda d: states.canary(d, "b", 0.5), action="canary b", forced=("act_accuracy: 0.1",))
    assert state.history() == [Change(5, 1, "canary b", None, None, Canary("b", 0.5), ("act_accuracy: 0.1",))]


def test_a_line_that_a_crash_cut_short_costs_only_itself(state: State, tmp_path: Path) -> None:
    promote(state, "a")
    promote(state, "b")
    path = tmp_path / "models" / HISTORY_FILE
    path.write_bytes(path.read_bytes()[:-20])
    promote(state, "c")
    assert [change.action for change in state.history()] == ["promote a", "promote c"]


def test_a_history_that_can_not_be_written_stops_no_change(state: State, tmp_path: Path) -> None:
    (tmp_path / "models" / HISTORY_FILE).mkdir(parents=True)
    assert promote(state, "a").champion == "a"
    assert state.read().champion == "a"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    replace_file(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
