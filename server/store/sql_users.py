"""Users, notifications and receipts: these methods of ``ports.Store``, which says what they promise."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, cast

from server.errors import NotFound
from server.store import accounts, codec, notifications, receipts
from server.store.dialect import Database
from server.store.loader import Loader
from server.store.notifications import Notifier
from server.store.operations import AbsenceOp, RevokeOp, SaveUserOp, SawOp, StatusOp
from server.store.ports import Account, Notice, Receipt, Revocation
from server.store.prepare import check_texts, prepare_receipt
from server.store.roads import LOOKUPS_MAX, Roads
from server.wire.frames import Notification
from server.wire.parts import ReceiptMark, Status, User


class UserMethods(Roads):
    """Part of ``SqlStore``."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self._notifier = Notifier(database)
        # Whoever connects asks for both, and after a restart everybody connects at once.
        self._accounts: Loader[str, Account] = Loader(self.accounts, batch_max=LOOKUPS_MAX)
        self._waited_for: Loader[str, bool] = Loader(self._fetch_waited_for, batch_max=LOOKUPS_MAX)

    async def _close_loaders(self) -> None:
        await super()._close_loaders()
        await self._accounts.close()
        await self._waited_for.close()

    # ------------------------------------------------------------------ accounts

    async def save_user(self, user: User, at_ms: int) -> Account:
        check_texts(user_id=user.id, user_name=user.name)
        # A look is cheap and takes no lock; most users who connect are the same as yesterday.
        found = await self._accounts.load(user.id)
        if found is not None and (found.user.kind, found.user.name) == (user.kind, user.name):
            return found
        return cast(Account, await self._writer.submit(SaveUserOp(user, at_ms)))

    async def accounts(self, user_ids: Sequence[str]) -> dict[str, Account]:
        ids = [user_id for user_id in user_ids if codec.is_storable(user_id)]
        return await self._read(partial(accounts.accounts, user_ids=ids)) if ids else {}

    async def list_accounts(self, after: str | None, limit: int) -> list[Account]:
        check_texts(after=after)
        return await self._read(partial(accounts.list_accounts, after=after or "", limit=limit))

    async def set_status(self, user_id: str, status: Status, text: str | None) -> None:
        check_texts(user_id=user_id, status_text=text)
        await self._writer.submit(StatusOp(user_id, status, text))

    async def saw(self, user_ids: Sequence[str], at_ms: int) -> None:
        if user_ids:
            await self._writer.submit(SawOp(_checked(user_ids), at_ms))

    async def revoke_tokens(self, user_id: str, tokens_from_ms: int, *, banned: bool | None = None) -> Revocation:
        check_texts(user_id=user_id)
        return cast(Revocation, await self._writer.submit(RevokeOp(user_id, tokens_from_ms, banned)))

    async def revocations_after(self, number: int, limit: int) -> tuple[int, list[Revocation]]:
        return await self._read(partial(accounts.revocations_after, number=number, limit=limit))

    async def note_agents(self, absent: Sequence[str], present: Sequence[str]) -> None:
        if absent or present:
            await self._writer.submit(AbsenceOp(_checked(absent), _checked(present)))

    # ------------------------------------------------------------------ receipts and notifications

    def mark(self, receipt: Receipt) -> Coroutine[Any, Any, bool]:
        return self._submit(lambda: prepare_receipt(receipt))

    async def receipts(self, channel: str, limit: int) -> list[ReceiptMark]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(receipts.listed, conversation=conversation, limit=limit))

    async def notify(self, notice: Notice) -> int:
        check_texts(
            notification_id=notice.notification_id, user_id=notice.user_id, title=notice.title, body=notice.body
        )
        data_json = codec.encode_mapping(notice.data, "data")
        order = ("3 notifications", notice.notification_id)
        number = cast(int, await self._work(order, partial(self._notifier.notify, notice=notice, data_json=data_json)))
        if notice.user_id is not None:
            return 1
        # Beside the commits: to count everybody may take a while.
        return await self._read(partial(notifications.receivers, number=number))

    async def unseen(self, user_id: str, limit: int) -> tuple[list[Notification], int]:
        check_texts(user_id=user_id)
        if not await self._waited_for.load(user_id):
            return [], 0
        return await self._read(partial(notifications.unseen, user_id=user_id, limit=limit))

    async def _fetch_waited_for(self, user_ids: Sequence[str]) -> Mapping[str, bool]:
        return dict.fromkeys(await self._read(partial(notifications.waited_for, user_ids=user_ids)), True)

    async def see(self, user_id: str, notification_id: str, at_ms: int) -> bool:
        if not (codec.is_storable(user_id) and codec.is_storable(notification_id)):
            raise NotFound(f"You have no notification {notification_id!r}.")
        see = partial(self._notifier.see, user_id=user_id, notification_id=notification_id, at_ms=at_ms)
        return cast(bool, await self._work(("3 notifications", notification_id, user_id), see))


def _checked(user_ids: Sequence[str]) -> tuple[str, ...]:
    for user_id in user_ids:
        check_texts(user_id=user_id)
    return tuple(user_ids)
