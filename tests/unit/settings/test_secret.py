"""The made-up secret: once per data directory, private, and the same for two starts at the same moment."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.errors import StartupError
from server.settings import load_settings
from server.settings.secret import make_secret, read_secret


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "data" / "secret"
    assert read_secret(path) is None
    made = make_secret(path)
    assert len(made.encode()) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert make_secret(path) == made == read_secret(path)
    assert [item.name for item in path.parent.iterdir()] == ["secret"]


def test_two_data_directories_have_two(tmp_path: Path) -> None:
    assert make_secret(tmp_path / "a" / "secret") != make_secret(tmp_path / "b" / "secret")


def test_starts_at_the_same_moment_agree(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: make_secret(path), range(64)))) == 1


def test_settings_use_it_and_say_so(tmp_path: Path) -> None:
    loaded = load_settings({}, {}, tmp_path)
    assert loaded.origins["secret"] == "made (data/secret)"
    assert loaded.settings.secret_bytes == (read_secret(tmp_path / "data" / "secret") or "").encode()
    assert load_settings({}, {}, tmp_path, make=False).settings.secret_bytes == loaded.settings.secret_bytes


def test_a_given_secret_makes_none(tmp_path: Path) -> None:
    loaded = load_settings({}, {"PARLANCE_SECRET": "x" * 40}, tmp_path)
    assert loaded.origins["secret"] == "environment PARLANCE_SECRET"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe"])
def test_a_file_that_holds_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(StartupError, match=str(path)) as caught:
        make_secret(path)
    assert caught.value.remedy


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StartupError, match="--data-dir"):
        make_secret(tmp_path / "data" / "secret")


def test_the_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_secret(tmp_path / "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
