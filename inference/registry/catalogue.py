"""The versions of the model on disk: packs that stand where they are, and packs that were added to one folder."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

import msgspec

from inference.errors import ModelError, RegistryError
from inference.manifest import Manifest
from inference.pack import MANIFEST_FILE, load_pack, read_manifest, verify_pack
from inference.registry.deployment import Deployment
from inference.registry.state import LOCK_TIMEOUT_S, Change, State, Transition, replace_file, sync_folder

LINEAGE_FILE: Final = "lineage.json"
CARD_FILE: Final = "MODEL_CARD.md"
# Fit for a folder's name on every system, and never hidden: hidden folders are half-made.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_HALF_MADE: Final = re.compile(r"\..+\.[0-9a-f]{32}")
_ABANDONED_MS: Final = 3_600_000
"""Nobody copies a pack for so long: a half-made folder that old is what a crash has left."""


@dataclass(frozen=True, slots=True)
class Version:
    """A pack by its manifest. "shipped": it stands elsewhere (in the program, or where a setting says) and stays."""

    name: str
    folder: Path
    origin: Literal["shipped", "added"]
    manifest: Manifest


class Lineage(msgspec.Struct, frozen=True):
    """Where an added pack came from; ``parent`` was the champion at that time."""

    added_at_ms: int
    source: str
    manifest_sha256: str
    parent: str | None


class Catalogue:
    """``folder`` holds a folder per added version, and the deployment; ``shipped`` are packs that are versions too.

    Safe to use from several threads, processes and machines that share the folder.
    """

    def __init__(
        self,
        folder: Path,
        shipped: Sequence[Path],
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.folder = folder
        self._shipped = tuple(shipped)
        self._now_ms = now_ms
        self._state = State(folder, now_ms=now_ms, lock_timeout_s=lock_timeout_s)

    def versions(self) -> list[Version]:
        """Those that are whole by their manifests and sizes; digests are not looked at. Shipped ones first."""
        return list(self._scanned()[0].values())

    def broken(self) -> dict[str, str]:
        """What is wrong with each of the others, by name."""
        return self._scanned()[1]

    def version(self, name: str) -> Version:
        """Raises ``RegistryError`` for a broken or unknown version; it names the nearest."""
        whole, broken = self._scanned()
        if name in whole:
            return whole[name]
        if name in broken:
            raise RegistryError(f"{name} is broken: {broken[name].rstrip('.')}", "Or use another version.")
        nearest = difflib.get_close_matches(name, whole, n=1)
        there = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(whole) or 'none'}."
        raise RegistryError(f"There is no version {name}", there)

    def verified(self, name: str, *, load: bool = False) -> Version:
        """The version, once its files have the recorded digests and, with ``load``, it has run a text."""
        found = self.version(name)
        try:
            manifest = load_pack(found.folder).manifest if load else verify_pack(found.folder)
        except ModelError as error:
            raise RegistryError(f"{name} is broken: {error.path} {error.problem}", error.remedy) from error
        if manifest != found.manifest:
            raise RegistryError(f"{name} was exchanged meanwhile", "Try again.")
        return found

    def lineage(self, name: str) -> Lineage | None:
        """Where a version came from; None where nobody added it, or its note is lost."""
        try:
            content = (self.version(name).folder / LINEAGE_FILE).read_bytes()
            return msgspec.json.decode(content, type=Lineage)
        except (OSError, ValueError):
            return None

    def add(self, pack: Path, *, parent: str | None = None) -> Version:
        """Copy a pack into the folder, under the name in its manifest, once it is verified and has run a text.

        ``parent``: the champion, where the caller knows what the settings name. A pack that is there already, the
        same to the last digest, is left as it is.

        Raises:
            RegistryError: the pack can't be used, its name is taken, or the folder can't be written.
        """
        source = pack.absolute()
        self._sweep()
        try:
            manifest = load_pack(source).manifest
            there = self._same_name(manifest, source)
            return there if there is not None else self._copied(source, manifest, parent)
        except ModelError as error:
            raise RegistryError(f"{error.path} {error.problem}", error.remedy) from error
        except OSError as error:
            remedy = "Make room or give this user the right to write there, or set models_dir to another folder."
            raise RegistryError(f"{self.folder} can't be written: {error.strerror}", remedy) from error

    def remove(self, name: str) -> None:
        """Delete an added version, whole or broken. Who may go is for ``Rollout`` to say.

        Raises:
            RegistryError: it is unknown, it ships with the program, or the folder can't be written.
        """
        folder = self.folder / name
        if not NAME.fullmatch(name) or not folder.is_dir():
            found = self.version(name)
            remedy = "It stays where it is; `parlance model promote` lets another version answer."
            raise RegistryError(f"{name} was not added: it stands in {found.folder}", remedy)
        gone = self._half_made(name)
        try:
            folder.rename(gone)  # at once, so that nobody finds half of it
            sync_folder(self.folder)
        except OSError as error:
            remedy = "Give this user the right to write there."
            raise RegistryError(f"{folder} can't be removed: {error.strerror}", remedy) from error
        shutil.rmtree(gone, ignore_errors=True)

    def deployment(self) -> Deployment:
        """What holds now. Raises ``RegistryError`` for a broken file."""
        return self._state.read()

    def change(self, transition: Transition, *, action: str = "change", forced: Sequence[str] = ()) -> Deployment:
        """Apply a transition, alone; see ``State.change``. ``action`` and ``forced`` stand in the history."""
        return self._state.change(transition, action=action, forced=forced)

    def history(self) -> list[Change]:
        """Every change of the deployment, the oldest first."""
        return self._state.history()

    def _scanned(self) -> tuple[dict[str, Version], dict[str, str]]:
        whole: dict[str, Version] = {}
        broken: dict[str, str] = {}
        for folder in self._shipped:
            try:
                manifest = _whole(folder)
                whole.setdefault(manifest.model, Version(manifest.model, folder, "shipped", manifest))
            except ModelError as error:
                broken[folder.name] = str(error)
        for folder in _folders(self.folder):
            try:
                manifest = _whole(folder)
                if manifest.model != folder.name:
                    raise ModelError(folder, f"holds {manifest.model}", f"Name the folder {manifest.model}.")
                other = whole.setdefault(folder.name, Version(folder.name, folder, "added", manifest))
                if other.folder != folder and other.manifest != manifest:
                    raise ModelError(folder, f"has the name of {other.folder}", "Give its manifest another version.")
            except ModelError as error:
                broken[folder.name] = str(error)
        return whole, broken

    def _same_name(self, manifest: Manifest, source: Path) -> Version | None:
        name = manifest.model
        if not NAME.fullmatch(name):
            remedy = "Pack it with a name and a version of letters, digits and . _ + - only, 100 characters at most."
            raise ModelError(
                source / MANIFEST_FILE, f"has the version {name!r}, which can't be a folder's name", remedy
            )
        found = self._scanned()[0].get(name)
        if found is None and (self.folder / name).exists():
            raise RegistryError(f"{self.folder / name} is there already, and broken", "Remove it, then add again.")
        if found is not None and found.manifest != manifest:
            remedy = "Pack it with another version: what a version is never changes."
            raise RegistryError(f"There is another {name} already, in {found.folder}", remedy)
        return found

    def _copied(self, source: Path, manifest: Manifest, parent: str | None) -> Version:
        target = self.folder / manifest.model
        fresh = self._half_made(manifest.model)
        try:
            fresh.mkdir(parents=True)
            _copy(source, fresh, (*manifest.files, MANIFEST_FILE))
            if verify_pack(fresh) != manifest:
                raise ModelError(source, "changed while it was copied", "Add it again.")
            self._note(source, fresh, parent)
            sync_folder(fresh)
            try:
                fresh.rename(target)
            except OSError:
                there = self._same_name(manifest, source)  # somebody else has added it meanwhile
                if there is None:
                    raise
                return there
            sync_folder(self.folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return Version(manifest.model, target, "added", manifest)

    def _half_made(self, name: str) -> Path:
        return self.folder / f".{name}.{uuid4().hex}"

    def _sweep(self) -> None:
        """Delete what additions and removals that were cut short have left."""
        before_s = (self._now_ms() - _ABANDONED_MS) / 1_000
        for path in self.folder.glob(".*"):
            with suppress(OSError):
                if _HALF_MADE.fullmatch(path.name) and path.is_dir() and path.stat().st_mtime < before_s:
                    shutil.rmtree(path, ignore_errors=True)

    def _note(self, source: Path, fresh: Path, parent: str | None) -> None:
        digest = sha256((fresh / MANIFEST_FILE).read_bytes()).hexdigest()
        lineage = Lineage(self._now_ms(), str(source), digest, parent or self.deployment().champion)
        replace_file(fresh / LINEAGE_FILE, msgspec.json.format(msgspec.json.encode(lineage), indent=2) + b"\n")


def _folders(folder: Path) -> list[Path]:
    try:
        inside = sorted(folder.iterdir(), key=lambda path: _natural(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RegistryError(f"{folder} can't be read: {error.strerror}", "Check its permissions.") from error
    return [path for path in inside if path.is_dir() and not path.name.startswith(".")]


def _natural(name: str) -> list[tuple[int, str]]:
    """1.10.0 comes after 1.9.0."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _whole(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    for name, recorded in manifest.files.items():
        path = folder / name
        try:
            size_bytes = path.stat().st_size
        except OSError as error:
            raise ModelError(path, "is missing") from error
        if size_bytes != recorded.bytes:
            raise ModelError(path, f"has {size_bytes} bytes, its manifest says {recorded.bytes}")
    return manifest


def _copy(source: Path, target: Path, names: Sequence[str]) -> None:
    for name in names:
        shutil.copyfile(source / name, target / name)
        with (target / name).open("rb") as file:
            os.fsync(file.fileno())
    if (source / CARD_FILE).is_file():
        shutil.copyfile(source / CARD_FILE, target / CARD_FILE)
