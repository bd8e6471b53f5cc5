"""``/v1/flags``: what an operator turns while the server runs. For admins."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from server.transport.http.asking import CallerDep, DeskDep, problems, reply, router
from server.transport.http.models import Json, Model
from server.wire import examples

flags = router("flags", "/v1/flags")

FLAG: Json = {
    "flag": "knowledge",
    "meaning": "Whether answers rest on articles.",
    "value": False,
    "default": True,
    "set_by": "root",
    "set_at_ms": examples.AT_MS,
}
FlagPath = Annotated[str, Path(description="The flag's name.", max_length=64)]


class FlagState(Model):
    example: ClassVar[Json | None] = FLAG
    flag: str = Field(description="Its name.")
    meaning: str = Field(description="What it turns.")
    value: bool | str = Field(description="What holds now, on every worker.")
    default: bool | str = Field(description="What the settings say.")
    options: list[str] | None = Field(None, description="The texts that it may be, where it is not free text.")
    set_by: str | None = Field(None, description="The id of who set it; left out where the settings hold.")
    set_at_ms: int | None = Field(None, description="When; milliseconds since the Unix epoch.")


class FlagList(Model):
    example: ClassVar[Json | None] = {"items": [FLAG]}
    items: list[FlagState] = Field(description="Those that can turn something on this server.")


class SetFlag(Model):
    example: ClassVar[Json | None] = {"value": False}
    value: bool | str = Field(description="What shall hold.")


@flags.get("", response_model=FlagList)
async def list_flags(caller: CallerDep, desk: DeskDep) -> Response:
    """Every flag with the value that holds, and who set it where somebody has. For admins."""
    return reply({"items": await desk.flags.all(caller)})


@flags.put("/{flag}", response_model=FlagState, responses=problems(404, 409))
async def set_flag(caller: CallerDep, desk: DeskDep, flag: FlagPath, body: SetFlag) -> Response:
    """Let a value hold on every worker, from the next answer on and over restarts. 422 for a value
    that it can't have. For admins."""
    return reply(await desk.flags.set(caller, flag, body.value))


@flags.delete("/{flag}", response_model=FlagState, responses=problems(404, 409))
async def reset_flag(caller: CallerDep, desk: DeskDep, flag: FlagPath) -> Response:
    """Let what the settings say hold again, on every worker. For admins."""
    return reply(await desk.flags.set(caller, flag, None))
