"""What an error proposes has to work where it is read."""

from __future__ import annotations

import shlex
import sys

from server.errors import install_command


def test_an_extra_is_installed_for_the_python_that_lacks_it() -> None:
    assert shlex.split(install_command("report")) == [sys.executable, "-m", "pip", "install", "parlance[report]"]
