"""Writers that another package brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.chat.language.plugins import WriterOptions, load_writer
from server.errors import StartupError

OPTIONS = WriterOptions("http://127.0.0.1/", "m", "k", 2.0)
MODULE = """
class Mine:
    def __init__(self, options):
        self.model = f"mine on {options.url}"
    async def stream(self, request):
        yield None
    async def close(self):
        pass

def broken(options):
    raise ValueError("no licence")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, as pip would leave it."""
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    names = "mine = mine_of_the_tests:Mine\nbroken = mine_of_the_tests:broken\ngone = mine_of_the_tests:nothing\n"
    (info / "entry_points.txt").write_text(f"[parlance.writers]\n{names}")
    (tmp_path / "mine_of_the_tests.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_a_writer_is_found_by_its_name() -> None:
    assert load_writer("mine", OPTIONS).model == "mine on http://127.0.0.1/"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("yours", r"no such entry point of the group parlance\.writers \(.*broken, gone, mine"),
        ("broken", "could not be made: ValueError"),
        ("gone", "could not be made: AttributeError"),
    ],
)
def test_what_can_not_be_made_is_said(name: str, said: str) -> None:
    with pytest.raises(StartupError, match=said):
        load_writer(name, OPTIONS)


def test_without_any_the_error_says_so() -> None:
    with pytest.raises(StartupError, match="there is no such entry point"):
        load_writer("mine-that-nobody-installed", OPTIONS)
