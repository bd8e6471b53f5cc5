"""Which version of the model answers, which is tried, and which answered before (pure).

A version has one role at a time. A transition that changes nothing gives back the same value, so asking twice is safe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from inference.errors import RegistryError

SCHEMA: Final = 1
MAX_PREVIOUS: Final = 16
"""Champions that are remembered: more than anybody goes back, and the file stays a screen long."""

_LIST = "`parlance model list` shows the versions and their roles."
Name = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Canary:
    """``share`` (0, 1] of the conversations are answered by ``version``; see ``in_canary``."""

    version: str
    share: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """``champion`` None is the version that the settings name. ``shadow`` runs beside the champion, its answers are
    compared and never used. ``previous``: champions before, newest last. ``revision`` grows by one with each change.
    """

    champion: str | None = None
    shadow: str | None = None
    canary: Canary | None = None
    previous: tuple[str | None, ...] = ()
    revision: int = 0

    @property
    def challenger(self) -> str | None:
        """The version that is tried: the canary, else the shadow."""
        return self.canary.version if self.canary else self.shadow


def in_canary(conversation: str, canary: Canary) -> bool:
    """Whether the canary answers this conversation: the same on every worker, and a larger share keeps who was in."""
    digest = sha256(f"{canary.version} {conversation}".encode()).digest()
    # 53 bits, so that the quotient is exact and below 1: a share of 1 leaves nobody out.
    return (int.from_bytes(digest[:8]) >> 11) / 2**53 < canary.share


def shadow(deployment: Deployment, version: str | None) -> Deployment:
    """Run ``version`` beside the champion; None: no shadow. A canary of the same version ends."""
    _not_champion(deployment, version)
    canary = deployment.canary
    if canary is not None and canary.version == version:
        canary = None
    return _changed(deployment, replace(deployment, shadow=version, canary=canary))


def canary(deployment: Deployment, version: str | None, share: float = 0.0) -> Deployment:
    """Let ``version`` answer a share (0, 1] of the conversations; None: no canary. It is no shadow any more then."""
    if version is None:
        return _changed(deployment, replace(deployment, canary=None))
    _not_champion(deployment, version)
    if not 0.0 < share <= 1.0:
        raise RegistryError(f"{share:g} is no share of the conversations", "Give one above 0 and up to 1, such as 0.1.")
    beside = None if deployment.shadow == version else deployment.shadow
    return _changed(deployment, replace(deployment, canary=Canary(version, share), shadow=beside))


def promote(deployment: Deployment, version: str) -> Deployment:
    """Make ``version`` the champion of all conversations; it is neither shadow nor canary any more then."""
    if version == deployment.champion:
        return deployment
    fresh = replace(
        deployment,
        champion=version,
        previous=(*deployment.previous, deployment.champion)[-MAX_PREVIOUS:],
        shadow=None if deployment.shadow == version else deployment.shadow,
        canary=None if deployment.canary and deployment.canary.version == version else deployment.canary,
    )
    return _changed(deployment, fresh)


def rollback(deployment: Deployment) -> Deployment:
    """Make the champion before this one champion again, and end the canary; ``RegistryError`` without one."""
    if not deployment.previous:
        raise RegistryError("There is no champion before this one", f"Promote the version that shall answer. {_LIST}")
    *before, champion = deployment.previous
    beside = None if deployment.shadow == champion else deployment.shadow
    fresh = replace(deployment, champion=champion, previous=tuple(before), canary=None, shadow=beside)
    return _changed(deployment, fresh)


def forget(deployment: Deployment, version: str) -> Deployment:
    """Go back to ``version`` no more."""
    previous = tuple(name for name in deployment.previous if name != version)
    return _changed(deployment, replace(deployment, previous=previous))


def to_json(deployment: Deployment) -> bytes:
    """The content of ``deployment.json``."""
    return msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, **_plain(deployment)}), indent=2) + b"\n"


def from_json(content: bytes, source: str = "deployment.json") -> Deployment:
    """What ``to_json`` wrote; ``RegistryError`` names ``source`` and what is wrong with it."""
    try:
        schema = msgspec.json.decode(content, type=_Versioned).schema
        if schema != SCHEMA:
            raise ValueError(f"has schema {schema}, this program reads schema {SCHEMA}")
        read = msgspec.json.decode(content, type=_Deployment)
    except ValueError as error:
        remedy = "Mend it, or remove it: then the model of the settings answers alone."
        raise RegistryError(f"{source} can't be used: {error}", remedy) from error
    canary = None if read.canary is None else Canary(read.canary.version, read.canary.share)
    return Deployment(read.champion, read.shadow, canary, read.previous, read.revision)


class _Versioned(msgspec.Struct):
    schema: int


class _Canary(msgspec.Struct, forbid_unknown_fields=True):
    version: Name
    share: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]


class _Deployment(msgspec.Struct, forbid_unknown_fields=True):
    schema: int
    champion: Name | None
    shadow: Name | None
    canary: _Canary | None
    previous: Annotated[tuple[Name | None, ...], msgspec.Meta(max_length=MAX_PREVIOUS)]
    revision: Annotated[int, msgspec.Meta(ge=0)]


def _plain(deployment: Deployment) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(deployment)
    return plain


def _changed(before: Deployment, after: Deployment) -> Deployment:
    return before if after == before else replace(after, revision=before.revision + 1)


def _not_champion(deployment: Deployment, version: str | None) -> None:
    if version is not None and version == deployment.champion:
        raise RegistryError(f"{version} is the champion: it answers already", f"Try another version. {_LIST}")
