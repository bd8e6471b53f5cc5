"""One server at a time on a data directory and on a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from server.data_dir import hold_data_dir, hold_database
from server.errors import StartupError

Hold = Callable[[Path], IO[str]]
both = pytest.mark.parametrize("hold", [hold_data_dir, hold_database])


@both
def test_a_second_server_is_refused_until_the_first_is_gone(hold: Hold, tmp_path: Path) -> None:
    with hold(tmp_path / "held"), pytest.raises(StartupError, match="another Parlance server"):
        hold(tmp_path / "held")
    hold(tmp_path / "held").close()


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    hold_data_dir(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


@both
def test_a_place_that_can_not_be_written_is_named_with_a_remedy(hold: Hold, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="Choose another with --"):
        hold(tmp_path / "file" / "below")
