"""What pip would install: the client's own wheel, built without a network."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "clients" / "python"


def test_the_wheel_has_the_package_its_types_and_two_dependencies(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(SOURCE, tmp_path / "source", ignore=ignored)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(tmp_path / "source")]
    subprocess.run(command, check=True, capture_output=True, timeout=110)
    (wheel,) = tmp_path.glob("parlance_client-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        metadata = email.message_from_bytes(packed.read(next(name for name in names if name.endswith("/METADATA"))))
    modules = {f"parlance_client/{path.name}" for path in (SOURCE / "parlance_client").glob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == modules | {"parlance_client/py.typed"}
    assert sorted(metadata.get_all("Requires-Dist", [])) == ["msgpack>=1.1", "websockets>=15.0"]
    # Imported from the wheel alone: nothing of the server is needed.
    probe = f"import sys; sys.path[:0] = [{str(wheel)!r}]; import parlance_client; print(parlance_client.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", probe], check=True, capture_output=True, text=True, env={})
    assert str(wheel) in done.stdout
