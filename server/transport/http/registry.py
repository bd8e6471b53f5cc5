"""``/v1/models``: versions of the model side by side, and which of them answers. For admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.transport.http import registry_models as models
from server.transport.http.asking import CallerDep, DeskDep, problems, reply, router

registry = router("models", "/v1/models", 409)

VersionPath = Annotated[str, Path(description="A version, such as `nlu-1.2.0`.", max_length=200)]

ForceQuery = Annotated[bool, Query(description="Also one that a rollback would go back to.")]


@registry.get("", response_model=models.Models)
async def list_models(caller: CallerDep, desk: DeskDep) -> Response:
    """Every version with its role, what was measured of it, and what it does on the worker that answers this."""
    return reply(await desk.versions.overview(caller))


@registry.get("/{version}", response_model=models.ModelVersion, responses=problems(404))
async def get_model(caller: CallerDep, desk: DeskDep, version: VersionPath) -> Response:
    """One version, with where it came from."""
    return reply(await desk.versions.version(caller, version))


@registry.put("/shadow", response_model=models.Models, responses=problems(404))
async def set_shadow(caller: CallerDep, desk: DeskDep, body: models.SetShadow) -> Response:
    """Let a version read beside the one that answers, and count where they differ; it is never heard."""
    return reply(await desk.versions.shadow(caller, body.version))


@registry.put("/canary", response_model=models.Models, responses=problems(404))
async def set_canary(caller: CallerDep, desk: DeskDep, body: models.SetCanary) -> Response:
    """Let a version answer a share of the conversations, always the same ones. 409 where the gate refuses it."""
    return reply(await desk.versions.canary(caller, body.version, body.share, force=body.force))


@registry.post("/promote", response_model=models.Models, responses=problems(404))
async def promote_model(caller: CallerDep, desk: DeskDep, body: models.Promote) -> Response:
    """Let a version answer everybody, on every worker that shares the folder. 409 where the gate refuses it."""
    return reply(await desk.versions.promote(caller, body.version, force=body.force))


@registry.post("/rollback", response_model=models.Models)
async def roll_back_model(caller: CallerDep, desk: DeskDep) -> Response:
    """Let the champion before this one answer again. 409 where there is none."""
    return reply(await desk.versions.rollback(caller))


@registry.delete("/{version}", status_code=204, responses=problems(404))
async def remove_model(caller: CallerDep, desk: DeskDep, version: VersionPath, force: ForceQuery = False) -> Response:
    """Delete the files of an added version that does nothing, whole or broken. 409 for one that ships, that is in use,
    or that a rollback may go back to."""
    await desk.versions.remove(caller, version, force=force)
    return Response(status_code=204)
