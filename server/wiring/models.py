"""The deployment, taken up while the server runs: each worker watches the file in which it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from inference.errors import RegistryError
from inference.pack import Pack
from inference.registry.catalogue import Catalogue
from inference.registry.deployment import Deployment
from inference.registry.fleet import Fleet, Roster
from inference.registry.state import DEPLOYMENT_FILE
from server.chat.signals import ModelsMoved
from server.wiring.memory import give_back
from server.wiring.preparing import Prepared, Preparer

WATCH_S = 2.0
"""One look at the file's entry costs microseconds; whoever promotes by the command waits for it."""

AGAIN_LOOKS = 15
"""What could not be taken is tried again that often: a shared folder may get its files late."""

Stamp = tuple[int, int, int]

_log = structlog.get_logger(__name__)


class Models:
    """Takes a new deployment as a whole. A version that can't be used is left out, and said once: the champion before
    goes on, and nobody is tried.

    ``pack``: what runs at the start. ``on_fault`` is told of each version that can't be used.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        preparer: Preparer,
        fleet: Fleet,
        pack: Pack,
        on_fault: Callable[[str], None],
    ) -> None:
        self.catalogue = catalogue
        self._preparer = preparer
        self._fleet = fleet
        self._packs = {pack.manifest.model: pack}
        self._on_fault = on_fault
        self._stamp: Stamp | None = None
        self._faults: dict[str, str] = {}
        self._looks_left = 0
        self._revision = 0
        self._has_replaced = False
        self._looking = asyncio.Lock()
        self._wanted = asyncio.Event()

    @property
    def standard(self) -> str:
        """The version that the settings name."""
        return self._preparer.standard

    @property
    def faults(self) -> Mapping[str, str]:
        """Why a version that should be in use is not, by its name."""
        return self._faults

    @property
    def revision(self) -> int:
        """Of the deployment that was taken up last."""
        return self._revision

    def wake(self, _: ModelsMoved) -> None:
        """Another worker has changed the deployment."""
        self._wanted.set()

    def retry(self) -> None:
        """What could not be taken may fit by now."""
        self._looks_left = 0
        self._wanted.set()

    async def watch(self) -> None:
        """Run for ever."""
        while True:
            try:
                await self.look()
                await self.tidy()
            except Exception:  # whatever it was, the next round must come
                _log.exception("models not looked at")
            await self._pause()

    async def look(self) -> None:
        """Take what the file holds now, if it has changed or could not be taken before."""
        async with self._looking:
            stamp = await asyncio.to_thread(self._stamped)
            if stamp == self._stamp and not self._tries_again():
                return
            try:
                deployment = await asyncio.to_thread(self.catalogue.deployment)
            except RegistryError as error:
                self._fail({DEPLOYMENT_FILE: str(error)})
            else:
                await self._take(deployment)
            self._stamp = stamp

    async def tidy(self) -> None:
        """Give the memory of who has left back."""
        if self._has_replaced and self._fleet.is_settled:
            self._has_replaced = False
            await asyncio.to_thread(give_back)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wanted.wait(), WATCH_S)
        except TimeoutError:
            return
        self._wanted.clear()

    def _tries_again(self) -> bool:
        if not self._faults:
            return False
        self._looks_left -= 1
        return self._looks_left < 0

    def _stamped(self) -> Stamp | None:
        try:
            found = (self.catalogue.folder / DEPLOYMENT_FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    async def _take(self, deployment: Deployment) -> None:
        before = self._fleet.roster
        ready = await asyncio.to_thread(self._preparer.prepare, deployment, before, self._packs)
        if ready.roster != before:
            self._put(ready)
            self._has_replaced = True
            _log.info("models in use", revision=deployment.revision, **_told(ready.roster))
        self._revision = deployment.revision
        self._fail(ready.faults)

    def _put(self, ready: Prepared) -> None:
        """Between these lines no text is read: all of them stand on the loop's thread."""
        self._fleet.deploy(ready.roster)
        self._packs = ready.packs
        own = self._preparer.own
        if own is None or ready.intents is None:
            return
        if ready.intents.manifest.space != own.intents.manifest.space:
            own.move(ready.intents)
        elif ready.intents is not own.intents:  # others have been taught meanwhile
            self._fleet.teach(own.intents)

    def _fail(self, faults: dict[str, str]) -> None:
        for version, reason in faults.items():
            if self._faults.get(version) != reason:
                _log.warning("model not used", version=version, reason=reason)
                self._on_fault(version)
        self._faults = faults
        self._looks_left = AGAIN_LOOKS


def _told(roster: Roster) -> dict[str, object]:
    canary = roster.canary
    return {
        "champion": roster.champion.model,
        "canary": None if canary is None else canary[0].version,
        "share": None if canary is None else canary[0].share,
        "shadow": None if roster.shadow is None else roster.shadow.model,
    }
