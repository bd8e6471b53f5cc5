"""``clients/js`` as npm packs it, in Node: what is in the package, its types, both encodings, a real server."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.node import NPM, node
from tests.support.server import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "js"
SERVED = ROOT / "server" / "web" / "static" / "parlance"
SCRIPTS = ROOT / "tests" / "js"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with the package in it, and our scripts. Packed from a copy, so that two runs don't meet."""
    project = tmp_path_factory.mktemp("project")
    copy = project / "repository"
    shutil.copytree(CLIENT, copy / "clients" / "js", ignore=shutil.ignore_patterns("src", "*.tgz"))
    shutil.copytree(SERVED, copy / SERVED.relative_to(ROOT))
    shutil.copy(ROOT / "LICENSE", copy)
    subprocess.run([NPM, "pack", "--silent"], cwd=copy / "clients" / "js", check=True, capture_output=True, timeout=100)
    [archive] = (copy / "clients" / "js").glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(project / "unpacked", filter="data")
    modules = project / "node_modules"
    modules.mkdir()
    (project / "unpacked" / "package").rename(modules / "parlance-client")
    (project / "package.json").write_text('{"type": "module"}')
    shutil.copytree(SCRIPTS, project / "tests" / "js")
    shutil.copytree(ROOT / "tests" / "browser", project / "tests" / "browser", ignore=shutil.ignore_patterns("*.py"))
    yield project


def run(project: Path, *command: str, env: dict[str, str] | None = None, given: str = "") -> str:
    done = node(*command, cwd=project, env=env, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_package_holds_the_served_source_and_little_else(packed: Path) -> None:
    package = packed / "node_modules" / "parlance-client"
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    source = {path.name: path.read_bytes() for path in SERVED.iterdir()}
    around = {"package.json", "README.md", "LICENSE", "index.d.ts", "examples/echo.js", "examples/page.html"}
    assert files == {f"src/{name}" for name in source} | around
    assert {name: (package / "src" / name).read_bytes() for name in source} == source
    told = json.loads((package / "package.json").read_text())
    assert "dependencies" not in told
    assert told["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_modules_import_nothing_from_elsewhere() -> None:
    for path in SERVED.iterdir():
        for imported in re.findall(r"""(?:from|import\()\s*["']([^"']+)["']""", path.read_text()):
            assert imported.startswith("./"), f"{path.name} imports {imported}"
            assert (SERVED / imported).exists(), f"{path.name} imports {imported}"


def test_the_types_name_what_there_is_and_nothing_more(packed: Path) -> None:
    there: dict[str, list[str]] = json.loads(run(packed, "tests/js/surface.mjs"))
    types = (CLIENT / "index.d.ts").read_text()
    told = re.findall(r"^export declare (?:class|const|function) (\w+)", types, re.MULTILINE)
    assert sorted(told) == sorted(there)
    for name, members in there.items():
        if not members:
            continue
        body = re.search(rf"^export declare class {name}\b.*?^}}$", types, re.MULTILINE | re.DOTALL)
        assert body is not None, name
        declared = set(re.findall(r"^  (?:static )?(?:readonly )?(\w+)(?:<.*?>)?[(:]", body[0], re.MULTILINE))
        fields = {"user", "me", "known", "standing"}  # instances have these, prototypes don't
        assert declared - fields - {"constructor", "storageKeys", "storageKey"} <= set(members), name
        assert {one for one in members if not one.startswith("#")} <= declared | fields, name


def test_the_parts_in_node(packed: Path) -> None:
    run(packed, "--test", "tests/js/unit.test.mjs")


def test_a_guest_and_an_agent_on_a_real_server(packed: Path, server: ServerProcess, agent_token: str) -> None:
    env = {"PARLANCE_URL": server.ws_url, "PARLANCE_STAFF_TOKEN": agent_token}
    run(packed, "--test", "tests/js/live.test.mjs", env=env)


def test_the_readmes_example_runs_in_fifteen_lines(packed: Path, server: ServerProcess) -> None:
    [example] = re.findall(r"```js\n(import \{ connect \}.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    script = example.replace("wss://chat.example/ws", server.ws_url)
    script = re.sub(r"token: \(\) => fetch.*\n", "", script) + "client.close();\n"
    (packed / "example.mjs").write_text(script)
    assert "stored as" in run(packed, "example.mjs")


NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=20) | st.dictionaries(TEXTS, inner, max_size=20), max_leaves=20
)


@given(st.lists(VALUES, min_size=20, max_size=40))
@settings(
    max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@example([[0, -1, -32, -33, 127, 128, -128, -129, 255, 256, 65_535, 65_536, -32_768, -32_769, 2**32, -(2**31) - 1]])
@example(["x" * 31, "x" * 32, "x" * 300, "é" * 40_000, [None] * 70_000, {str(n): n for n in range(70_000)}])
def test_messagepack_means_the_same_here_and_in_python(packed: Path, values: list[Any]) -> None:
    lines = [base64.b64encode(msgpack.packb(value)).decode() for value in values]
    told = run(packed, "tests/js/msgpack.mjs", given="\n".join(lines)).rstrip("\n").split("\n")
    answers = [json.loads(line, parse_int=float) for line in told]  # JavaScript writes 4e16 as if it were an integer
    assert [answer["value"] for answer in answers] == values
    assert [msgpack.unpackb(base64.b64decode(answer["again"])) for answer in answers] == values
