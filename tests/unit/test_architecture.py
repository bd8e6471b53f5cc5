"""The import rules of the house, held by reading every module's syntax tree (docs/architecture.md).

Imports inside functions and under ``TYPE_CHECKING`` count too: a room that is only named in an annotation is known.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("server", "adapters", "inference", "models_onnx", "loadtest", "parlance_client")
FOLDERS = {"parlance_client": "clients/python"}  # where a package lies that does not lie at the root
SERVING = ("server", "adapters", "inference")
MAX_FILE_LINES = 600

# Which of our packages each may import, besides itself.
MAY_IMPORT = {
    "server": {"adapters", "inference"},
    "adapters": set(),
    "inference": set(),
    "models_onnx": {"inference"},
    "loadtest": {
        "server.wire",
        "adapters",
        "inference",
        "parlance_client",
    },  # benchmarks measure the two cores directly
    "parlance_client": set(),
}

# A benchmark of one part has to run that part without the sockets above it; so has what fits its numbers.
MAY_ALSO_IMPORT = {
    "loadtest.bench_store": {"server.store", "server.clock"},
    "loadtest.bench_knowledge": {"server.store", "server.clock", "server.knowledge", "server.chat.graph"},
    "loadtest.stock": {"server.store", "server.clock", "server.knowledge"},
    "loadtest.fit_confidence": {"server.chat.language"},
}

# Inside server, from the ground up: each room imports only what stands before it. fanout stands below chat, since
# the rules of conversations subscribe people to channels and ring for their messages, and fanout knows no rule.
ORDER = (
    "errors", "conformance", "settings", "clock", "limits", "data_dir", "telemetry", "wire", "tokens", "session",
    "knowledge", "store", "backplane", "fanout", "chat", "transport", "tracing", "supervisor", "contents", "wiring",
    "simulation", "app", "serving", "cli",
)  # fmt: skip

# Where the ports of a room stand.
PORTS = (
    *("ports", "decision_ports", "experiment_ports", "inbox_ports", "knowledge_ports", "mood_ports", "people_ports"),
    *("policy_ports", "question_ports", "slice_ports", "usage_ports", "alert_ports", "live_ports"),
    *("desk_ports", "edit_ports", "routing_ports", "search_ports"),
)

# Rooms that name only the ports of these, never an implementation. wiring and cli may.
PORTS_ONLY = ("server.store", "server.backplane")
COMPOSERS = ("server.wiring", "server.cli")

# Rooms without input and output, clock or chance of their own: everything they need is handed in.
PURE = (
    "server.wire", "server.session", "server.knowledge", "server.chat.routing", "adapters",
    *(f"server.chat.language.{name}" for name in (
        "book", "breaker", "budget", "checks", "completions", "draft", "prompt", "rules", "signing", "style", "tokens",
        "values",
    )),
    *(f"server.chat.alerting.{name}" for name in ("board", "measures", "parsing", "sending", "trigger", "values")),
)  # fmt: skip
IMPURE_MODULES = {
    "aiosqlite", "alembic", "asyncio", "concurrent", "fcntl", "fileinput", "ftplib", "glob", "http", "httpx",
    "importlib.resources", "io", "logging", "multiprocessing", "onnxruntime", "os", "pathlib", "pkgutil",
    "prometheus_client", "random", "redis", "requests", "secrets", "select", "selectors", "shutil", "signal",
    "smtplib", "socket", "socketserver", "sqlalchemy", "sqlite3", "ssl", "starlette", "structlog", "subprocess",
    "sys", "tempfile", "threading", "time", "urllib.request", "uvicorn", "uvloop", "websockets", "yaml",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint"}
IMPURE_METHODS = {"now", "utcnow", "today"}  # of datetime and date

CLIENT_MODULES = {"msgpack", "websockets", *sys.stdlib_module_names}  # what its pyproject.toml asks for
TRAINING_MODULES = {"torch", "transformers", "optimum", "onnx", "sklearn"}
YAML_READERS = ("server.contents",)


@dataclass(frozen=True, slots=True)
class Module:
    """One file: ``name`` is dotted, ``is_package`` says whether it is an ``__init__.py``."""

    name: str
    path: str
    source: str
    is_package: bool = False

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Import:
    target: str
    line: int


Rule = Callable[[Module], Iterator[str]]


def within(name: str, *packages: str) -> bool:
    """Whether a dotted name is one of ``packages`` or inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def imports_of(module: Module) -> Iterator[Import]:
    """Absolute dotted names, one per imported thing (``from a import b`` gives ``a.b``)."""
    for node in ast.walk(ast.parse(module.source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.package.split(".")[: len(module.package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from (Import(f"{base}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield Import(str(node.args[0].value), node.lineno)


# --------------------------------------------------------------------------- rules


def packages_keep_apart(module: Module) -> Iterator[str]:
    own = module.name.partition(".")[0]
    others = MAY_IMPORT[own] | MAY_ALSO_IMPORT.get(module.name, set())
    for found in imports_of(module):
        if within(found.target, *PACKAGES) and not within(found.target, own, *others):
            allowed = ", ".join(sorted(others)) or "none of the others"
            yield f"{module.path}:{found.line} imports {found.target}: of our packages {own} may import {allowed}"


def room_of(name: str) -> str:
    """``server.wire.codec`` → ``wire``; "" for the package itself and what it defines, such as ``__version__``."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and not parts[1].startswith("__") else ""


def rooms_stand_in_order(module: Module) -> Iterator[str]:
    if not within(module.name, "server"):
        return
    room = room_of(module.name)
    if room and room not in ORDER:
        yield f"{module.path}:1 the room {room} has no place in the order: add it to ORDER"
        return
    rank = ORDER.index(room) if room else -1
    for found in imports_of(module):
        other = room_of(found.target) if within(found.target, "server") else ""
        if other and other not in ORDER:
            yield f"{module.path}:{found.line} imports {found.target}: {other} has no place in the order"
        elif other and ORDER.index(other) > rank:
            yield f"{module.path}:{found.line} imports {found.target}: {other} stands above {room or 'all'}"


def only_ports_are_named(module: Module) -> Iterator[str]:
    if not within(module.name, "server") or within(module.name, *COMPOSERS):
        return
    for package in (package for package in PORTS_ONLY if not within(module.name, package)):
        for found in imports_of(module):
            if within(found.target, package) and not within(found.target, *(f"{package}.{name}" for name in PORTS)):
                yield f"{module.path}:{found.line} imports {found.target}: only {package}.ports is known here"


def pure_rooms_do_nothing(module: Module) -> Iterator[str]:
    if not within(module.name, *PURE):
        return
    for found in imports_of(module):
        if within(found.target, *IMPURE_MODULES):
            yield f"{module.path}:{found.line} imports {found.target}: this room is pure, take a value instead"
    for node in ast.walk(ast.parse(module.source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield f"{module.path}:{node.lineno} calls {node.func.id}(): this room is pure, take a value instead"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS:
            yield f"{module.path}:{node.lineno} calls .{node.func.attr}(): the clock is an argument"


def serving_needs_no_training(module: Module) -> Iterator[str]:
    if not within(module.name, *SERVING):
        return
    for found in imports_of(module):
        if within(found.target, *TRAINING_MODULES):
            yield f"{module.path}:{found.line} imports {found.target}: nothing at serving time does"


def yaml_is_read_at_the_top(module: Module) -> Iterator[str]:
    if not within(module.name, "server") or within(module.name, *YAML_READERS):
        return
    for found in imports_of(module):
        if within(found.target, "yaml"):
            yield f"{module.path}:{found.line} imports yaml: contents reads it, everything else takes values"


def the_client_stands_alone(module: Module) -> Iterator[str]:
    if not within(module.name, "parlance_client"):
        return
    for found in imports_of(module):
        if not within(found.target, "parlance_client", *PACKAGES, *CLIENT_MODULES):
            yield f"{module.path}:{found.line} imports {found.target}: the client is installed without it"


def files_are_short(module: Module) -> Iterator[str]:
    lines = module.source.count("\n") + 1
    if lines > MAX_FILE_LINES:
        yield f"{module.path}:{lines} has {lines} lines, more than {MAX_FILE_LINES}"


RULES: tuple[Rule, ...] = (
    packages_keep_apart,
    rooms_stand_in_order,
    only_ports_are_named,
    pure_rooms_do_nothing,
    serving_needs_no_training,
    yaml_is_read_at_the_top,
    the_client_stands_alone,
    files_are_short,
)


# --------------------------------------------------------------------------- the house


def modules(*folders: str) -> Iterator[Module]:
    for folder in folders:
        home = ROOT / FOLDERS.get(folder, "")
        for path in sorted((home / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            parts = path.relative_to(home).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            yield Module(name, str(relative), path.read_text(encoding="utf-8"), is_package)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule) -> None:
    violations = [violation for module in modules(*PACKAGES) for violation in rule(module)]
    assert not violations, "\n" + "\n".join(violations)


def test_tests_are_short_too() -> None:
    violations = [violation for module in modules("tests") for violation in files_are_short(module)]
    assert not violations, "\n" + "\n".join(violations)


def test_every_room_was_looked_at() -> None:
    seen = {module.name.partition(".")[0] for module in modules(*PACKAGES)}
    assert seen == set(PACKAGES)
    rooms = {room_of(module.name) for module in modules("server")} - {""}
    assert rooms <= set(ORDER)
    assert {"wire", "session", "store", "chat", "transport", "cli"} <= rooms


# --------------------------------------------------------------------------- each rule sees what it is for


@pytest.mark.parametrize(
    ("rule", "name", "source", "said"),
    [
        (packages_keep_apart, "adapters.x", "import inference.analysis", "x.py:1 imports inference.analysis"),
        (packages_keep_apart, "inference.x", "def f():\n    from server import errors", "x.py:2 imports server.errors"),
        (packages_keep_apart, "adapters.x", "if TYPE_CHECKING:\n    import server.clock", "may import none"),
        (packages_keep_apart, "models_onnx.x", "from adapters import traits", "models_onnx may import inference"),
        (packages_keep_apart, "loadtest.x", "from server.store import ports", "imports server.store.ports"),
        (packages_keep_apart, "loadtest.x", "from server import errors", "imports server.errors"),
        (packages_keep_apart, "server.x", "from loadtest.client import Client", "imports loadtest.client.Client"),
        (packages_keep_apart, "server.x", "import_module('models_onnx.pack')", "imports models_onnx.pack"),
        (rooms_stand_in_order, "server.wire.x", "from server.session import machine", "session stands above wire"),
        (rooms_stand_in_order, "server.wire.x", "from ..session import machine", "imports server.session.machine"),
        (rooms_stand_in_order, "server.wire.x", "from .. import chat", "chat stands above wire"),
        (rooms_stand_in_order, "server.errors", "import server.clock", "clock stands above errors"),
        (rooms_stand_in_order, "server.chat.x", "from server.app import serve", "app stands above chat"),
        (rooms_stand_in_order, "server.attic", "", "the room attic has no place in the order"),
        (rooms_stand_in_order, "server.cli.x", "import server.attic", "attic has no place in the order"),
        (only_ports_are_named, "server.chat.x", "from server.store.sql import SqlStore", "only server.store.ports"),
        (only_ports_are_named, "server.chat.x", "from server import store", "imports server.store"),
        (only_ports_are_named, "server.app", "from server.store.sql import SqlStore", "only server.store.ports"),
        (only_ports_are_named, "server.fanout.x", "import server.backplane.memory", "only server.backplane.ports"),
        (pure_rooms_do_nothing, "server.wire.x", "import asyncio.events", "imports asyncio.events"),
        (pure_rooms_do_nothing, "server.session.x", "from pathlib import Path", "imports pathlib.Path"),
        (pure_rooms_do_nothing, "adapters.x", "text = open('a').read()", "x.py:1 calls open()"),
        (pure_rooms_do_nothing, "adapters.x", "stamp = datetime.now(UTC)", "x.py:1 calls .now()"),
        (pure_rooms_do_nothing, "adapters.x", "from importlib.resources import files", "importlib.resources"),
        (serving_needs_no_training, "inference.x", "def f():\n    import torch.nn", "x.py:2 imports torch.nn"),
        (serving_needs_no_training, "server.x", "from onnx import helper", "imports onnx.helper"),
        (yaml_is_read_at_the_top, "server.chat.x", "import yaml", "contents reads it"),
        (yaml_is_read_at_the_top, "server.app", "import yaml", "contents reads it"),
        (packages_keep_apart, "parlance_client.x", "from server.wire import frames", "imports server.wire.frames"),
        (packages_keep_apart, "server.x", "import parlance_client", "imports parlance_client"),
        (the_client_stands_alone, "parlance_client.x", "import msgspec", "installed without it"),
        (files_are_short, "server.x", "\n" * 600, "has 601 lines"),
    ],
)
def test_a_planted_violation_is_caught(rule: Rule, name: str, source: str, said: str) -> None:
    path = name.replace(".", "/") + ".py"
    found = list(rule(Module(name, path, source)))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("server.chat.x", "from server.store.ports import Store\nfrom adapters.traits import Traits"),
        ("server.contents", "import yaml\nfrom inference.pack import load_pack"),
        ("server.wiring.x", "from server.store.sql import SqlStore\nfrom inference.engine import Engine"),
        ("server.cli.x", "from server import __version__\nfrom server.app import serve"),
        ("server.store.sql", "from server.store.schema import tables\nimport sqlalchemy"),
        ("server.store.migrations.env", "from server.store import schema\nimport alembic"),
        ("server.wire.x", "from server.errors import BadFrame\nfrom .frames import User\nimport msgspec"),
        ("models_onnx.x", "import torch\nimport onnx\nfrom inference.pack import load_pack"),
        ("loadtest.x", "from server.wire.frames import User\nimport socket"),
        ("adapters.x", "import numpy as np\nfrom numpy.random import Generator\nimport json"),
        ("inference.x", "import onnxruntime"),
        ("loadtest.x", "from parlance_client import Client"),
        (
            "parlance_client.x",
            "import asyncio\nfrom parlance_client.frames import Ack\nimport websockets.asyncio.client",
        ),
    ],
)
def test_what_is_allowed_is_not_caught(name: str, source: str) -> None:
    path = name.replace(".", "/") + ".py"
    assert [violation for rule in RULES for violation in rule(Module(name, path, source))] == []
