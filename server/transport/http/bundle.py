"""Many ES modules and style sheets as one classic script, for pages of others: no tool but this file.

Each module becomes a function that runs once, in the order of the imports, so names of two modules never meet. It knows
the forms that our own modules use, each at the beginning of a line, and refuses any other instead of guessing:
``import { a, b as c } from "./x.js";``, ``import { css } from "./x.css";``, ``import { json } from "./x.json";``, and
``export`` before a class, a function or a constant. Pages pay for every byte, so what can be left out without reading
JavaScript as a compiler does is: comments that have lines of their own, indentation, the blanks of lines without texts.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)";\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import\b|export\b|await\b).*$|\bimport\.meta\b", re.MULTILINE)
_RENAMED = re.compile(r"\b(\w+) as (\w+)\b")
_TEXT = re.compile(r'("(?:[^"\\]|\\.)*")')
_UNSURE = re.compile(r"""["'`/]""")
_PRIVATE = re.compile(r"^ +(?:static )?(?:async )?(?:[gs]et )?#(\w+)", re.MULTILINE)
_PRIVATE_USED = re.compile(r"""(?<![\w"'`])#([a-zA-Z_]\w*)""")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_BLANKS = re.compile(r" ?([=*?:<>&|,;{}()\[\]!]) ?")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class BundleError(ValueError):
    """A module that can't be put into one script; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class _Module:
    """``body`` has neither imports nor exports any more; ``imports``: what it destructures, path → names."""

    body: str
    imports: tuple[tuple[str, str], ...]
    exports: tuple[str, ...]


def bundle(read: Callable[[str], str], entry: str) -> str:
    """The script that runs ``entry`` and all it imports. ``read`` gives a file's text by its path with slashes.

    ``BundleError`` for a module of another form, and for modules that import each other in a ring.
    """
    names: dict[str, str] = {}
    parts: list[str] = []

    def add(path: str, above: tuple[str, ...]) -> str:
        if path in above:
            raise BundleError(f"{' imports '.join([*above, path])}: a ring has no order")
        if path not in names:
            module = _KINDS[posixpath.splitext(path)[1]](path, read(path))
            lines = [f"const {{{taken}}}={add(one, (*above, path))};" for one, taken in module.imports]
            names[path] = f"m{len(names)}"
            given = f"return {{{','.join(module.exports)}}};"
            parts.append(f"const {names[path]}=(()=>{{\n{''.join(lines)}{module.body}\n{given}\n}})();\n")
        return names[path]

    add(entry, ())
    return f'(()=>{{"use strict";\n{"".join(parts)}}})();\n'


def _module(path: str, text: str) -> _Module:
    folder = posixpath.dirname(path)
    imports = tuple(
        (
            posixpath.normpath(posixpath.join(folder, where)),
            _RENAMED.sub(r"\1:\2", " ".join(names.split()).rstrip(", ")),
        )
        for names, where in _IMPORT.findall(text)
    )
    exports = tuple(name for _, name in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub("", text))
    wrong = _LEFT_OVER.search(body)
    if wrong is not None:
        raise BundleError(f"{path}: {wrong[0]!r} is a form that bundle.py does not know")
    return _Module("\n".join(_code(path, _short_names(body))), imports, exports)


def _code(path: str, text: str) -> Iterator[str]:
    commented = False
    for line in (line.strip() for line in text.splitlines()):
        if line.count("`") % 2:
            raise BundleError(f"{path}: {line!r} begins or ends a text of several lines, which bundle.py would change")
        if commented or line.startswith("/*"):
            commented = "*/" not in line
        elif line and not line.startswith("//"):
            yield _squeezed(line)


def _squeezed(line: str) -> str:
    """Without blanks around punctuation, but in texts; lines with patterns, templates or divisions stay as they are."""
    pieces = _TEXT.split(line)
    if any(_UNSURE.search(piece) for piece in pieces[::2]):
        return line
    pieces[::2] = [_BLANKS.sub(r"\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _short_names(text: str) -> str:
    """Private names are their class's own (ECMA-262 §15.7), so a module may call them what it likes."""
    names = sorted(set(_PRIVATE.findall(text)), key=lambda name: (-text.count(f"#{name}"), name))
    short = {name: _LETTERS[at] if at < len(_LETTERS) else f"{_LETTERS[at % 26]}{at}" for at, name in enumerate(names)}
    return _PRIVATE_USED.sub(lambda found: f"#{short.get(found[1], found[1])}", text)


def _sheet(path: str, text: str) -> _Module:  # noqa: ARG001
    """A style sheet as a module with the one export ``css``."""
    short = re.sub(r"\s+", " ", _CSS_COMMENT.sub("", text))
    short = re.sub(r" ?([{};,]) ?|(?<=:) ", r"\1", short).replace(";}", "}").strip()
    return _Module(f"const css={json.dumps(short)};", (), ("css",))


def _data(path: str, text: str) -> _Module:  # noqa: ARG001
    """A document as a module with the one export ``json``."""
    short = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return _Module(f"const json={short};", (), ("json",))


_KINDS: Final = {".js": _module, ".css": _sheet, ".json": _data}
