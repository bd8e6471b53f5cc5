"""``/v1/users`` and ``/v1/tokens``: who is known, who may come in, and with what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.administration import MAX_USERS, Profile
from server.chat.peer import Caller
from server.errors import Forbidden
from server.store.ports import Revocation
from server.transport.http import models
from server.transport.http.asking import CallerDep, DeskDep, next_link, problems, reply, router
from server.wire.requests import SetPresence

users = router("users", "/v1/users", 404)
tokens = router("tokens", "/v1/tokens")

# Ids come from other systems and may hold slashes, hence ``:path``.
UserPath = Annotated[str, Path(description="A user's id, or `me`.", max_length=128)]


def _id_of(caller: Caller, user_id: str) -> str:
    return caller.user.id if user_id == "me" else user_id


@users.get("", response_model=models.AccountPage)
async def list_users(
    caller: CallerDep,
    desk: DeskDep,
    after: Annotated[str | None, Query(description="Only ids behind this one.", max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_USERS)] = 50,
) -> Response:
    """Known users by id; the next page is `after` the last one's id. For admins and services."""
    found, more = await desk.administration.users(caller, after, limit)
    items = [_shown(profile) for profile in found]
    onward = next_link("/v1/users", after=items[-1]["id"], limit=limit) if more else None
    return reply({"items": items, "more": more}, headers=onward)


@users.post("/{user_id:path}/tokens/revoke", response_model=models.Revoked)
async def revoke_tokens(caller: CallerDep, desk: DeskDep, user_id: UserPath) -> Response:
    """Void every token issued until now; open sockets close with 4401 within a second, on every worker.

    For admins; for services where the user is a customer; for everybody about themselves.
    """
    return reply(_revoked(await desk.administration.revoke(caller, _id_of(caller, user_id))))


@users.post("/{user_id:path}/ban", response_model=models.Revoked, responses=problems(409))
async def ban_user(caller: CallerDep, desk: DeskDep, user_id: UserPath) -> Response:
    """Keep a user out; open sockets close with 4403. For admins."""
    return reply(_revoked(await desk.administration.ban(caller, _id_of(caller, user_id), True)))


@users.delete("/{user_id:path}/ban", response_model=models.Revoked)
async def end_ban(caller: CallerDep, desk: DeskDep, user_id: UserPath) -> Response:
    """Let a user in again, with a new token: earlier ones stay void. For admins."""
    return reply(_revoked(await desk.administration.ban(caller, _id_of(caller, user_id), False)))


@users.patch("/{user_id:path}/presence", status_code=204, response_class=Response)
async def set_presence(caller: CallerDep, desk: DeskDep, user_id: UserPath, body: models.SetPresence) -> Response:
    """Set one's own status, on all devices. Nobody sets another's."""
    if _id_of(caller, user_id) != caller.user.id:
        raise Forbidden("presence is set by the user only")
    await desk.ask(caller, SetPresence, **dict(body))
    return Response(status_code=204)


@users.get("/{user_id:path}", response_model=models.Account)
async def get_user(caller: CallerDep, desk: DeskDep, user_id: UserPath) -> Response:
    """A user. For admins and services, and for everybody about themselves."""
    return reply(_shown(await desk.administration.user(caller, _id_of(caller, user_id))))


@tokens.post("", status_code=201, response_model=models.Issued, responses=problems(409, 501))
async def issue_token(caller: CallerDep, desk: DeskDep, body: models.IssueToken) -> Response:
    """A token for a user, known or new. Admins for anybody, services for customers; 501 where this server only
    checks tokens (RS256, EdDSA)."""
    issued = await desk.administration.issue(caller, body.user_id, body.kind, body.name, body.ttl_s)
    return reply({"token": issued.token, "user": issued.user, "exp_ms": issued.exp_ms}, 201)


def _shown(profile: Profile) -> dict[str, Any]:
    account, standing = profile.account, profile.standing
    shown: dict[str, Any] = {
        "id": account.user.id,
        "kind": account.user.kind,
        "name": account.user.name,
        "last_seen_ms": account.last_seen_ms,
        "banned": account.banned,
        "tokens_from_ms": account.tokens_from_ms,
    }
    if standing is None:
        return shown
    presence = standing.shown()
    shown |= {"last_seen_ms": presence.last_seen_ms, "status": presence.status, "devices": presence.devices}
    return shown if presence.text is None else {**shown, "text": presence.text}


def _revoked(revocation: Revocation) -> dict[str, Any]:
    return {
        "user_id": revocation.user_id,
        "tokens_from_ms": revocation.tokens_from_ms,
        "banned": revocation.banned,
    }
