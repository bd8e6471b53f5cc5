"""Flags: what an operator turns while the server runs, on every worker, in place of the settings' values.

All flags that are set are one edited document (``chat.editing``), so that they are kept, followed and told as edits of
personas are; each entry says who set it and when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.names import suggestion
from server.chat.editing import Editable, Editing
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Conflict, Forbidden, Invalid, NotFound

KIND: Final = "flags"
TRIES: Final = 4
"""Of a change that others overtake: each has another flag, or there would be no sense in both."""

Json = dict[str, Any]
Value = bool | str


@dataclass(frozen=True, slots=True)
class Flag:
    """``default``: what the settings say, and so what kind of value it takes. ``options``: the texts that it may be,
    none for free text of at most ``most`` code points."""

    name: str
    meaning: str
    default: Value
    options: tuple[str, ...] = ()
    most: int = 0

    def check(self, value: object) -> Value:
        """``ValueError`` says what it may be."""
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"flag {self.name!r} is true or false, not {value!r}.")
            return value
        if not isinstance(value, str) or (self.options and value not in self.options):
            raise ValueError(f"flag {self.name!r} is {' or '.join(self.options) or 'a text'}, not {value!r}.")
        text = value.strip()
        if not self.options and len(text) > self.most:
            raise ValueError(f"flag {self.name!r} has {len(text)} characters: at most {self.most} can be read.")
        return text


class Flags:
    """``known``: each flag with what has to hear of its value, once at the start and whenever it changes."""

    def __init__(self, known: Sequence[tuple[Flag, Callable[[Any], None]]]) -> None:
        self.known = {flag.name: flag for flag, _ in known}
        self._tell = {flag.name: tell for flag, tell in known}
        self._values: dict[str, Value] = {name: flag.default for name, flag in self.known.items()}

    def __getitem__(self, name: str) -> Value:
        """What holds on this worker."""
        return self._values[name]

    @property
    def editable(self) -> Editable:
        """For ``Editing``, under the name ``KIND``."""
        return Editable({}, self.check, self.take)

    def check(self, document: Mapping[str, Any]) -> None:
        """``ValueError`` for what is no document of flags; those of another release are passed over."""
        for name, entry in document.items():
            if not isinstance(entry, Mapping) or "value" not in entry:
                raise ValueError(f"flag {name!r}: an entry has the keys value, by and at_ms.")
            if name in self.known:
                self.known[name].check(entry["value"])

    def take(self, document: Mapping[str, Any]) -> None:
        """Let these hold, and the settings' own values of all others."""
        for name, flag in self.known.items():
            value = flag.check(document[name]["value"]) if name in document else flag.default
            if value != self._values[name]:
                self._values[name] = value
                self._tell[name](value)


def with_flag(document: Mapping[str, Any], flag: Flag, value: object, by: str, at_ms: int) -> Json:
    """The document with one flag set; None: as the settings say. ``Invalid``."""
    others = {name: entry for name, entry in document.items() if name != flag.name}
    if value is None:
        return others
    try:
        return {**others, flag.name: {"value": flag.check(value), "by": by, "at_ms": at_ms}}
    except ValueError as error:
        raise Invalid(str(error)) from None


def flag_named(known: Mapping[str, Flag], name: str) -> Flag:
    """``NotFound`` names the nearest."""
    if name not in known:
        raise NotFound(f"There is no flag {name!r} here. {suggestion(name, tuple(known))}")
    return known[name]


def told(known: Mapping[str, Flag], document: Mapping[str, Any]) -> list[Json]:
    """Every flag with the value that holds, and who set it where somebody has."""
    found = []
    for flag in known.values():
        entry = document.get(flag.name)
        value = flag.default if entry is None else entry["value"]
        shown: Json = {"flag": flag.name, "meaning": flag.meaning, "value": value, "default": flag.default}
        shown |= {"options": list(flag.options)} if flag.options else {}
        shown |= {} if entry is None else {"set_by": entry["by"], "set_at_ms": entry["at_ms"]}
        found.append(shown)
    return found


class FlagOffice:
    """For admins: everything raises ``Forbidden`` for others."""

    def __init__(self, *, flags: Flags, editing: Editing, clock: Clock) -> None:
        self._flags = flags
        self._editing = editing
        self._clock = clock

    async def all(self, caller: Caller) -> list[Json]:
        """Every flag."""
        _require_admin(caller)
        return told(self._flags.known, (await self._editing.show(caller, KIND))["document"])

    async def set(self, caller: Caller, name: str, value: object) -> Json:
        """Let a value hold on every worker; None: the settings' own again. ``NotFound``, ``Invalid``."""
        _require_admin(caller)
        flag = flag_named(self._flags.known, name)
        for left in reversed(range(TRIES)):
            held = await self._editing.show(caller, KIND)
            document = with_flag(held["document"], flag, value, caller.user.id, self._clock.now_ms())
            try:
                held = await self._editing.change(caller, KIND, held["revision"], document)
            except Conflict:
                if not left:
                    raise
            else:
                break
        (shown,) = (one for one in told(self._flags.known, held["document"]) if one["flag"] == name)
        return shown


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("flags are for admins")
