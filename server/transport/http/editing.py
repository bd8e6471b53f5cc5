"""``/v1/documents``: personas and mood rules, edited while the bot speaks. For admins."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from server.transport.http.asking import CallerDep, DeskDep, problems, reply, router
from server.transport.http.models import Json, Model
from server.wire import examples

documents = router("documents", "/v1/documents", 404)

KindPath = Annotated[str, Path(description="`personas` or `mood_rules`.", max_length=32)]
_RULES: Json = {
    "half_life_turns": 2.0,
    "rules": [{"name": "angry", "when": ["anger >= 0.5"], "traits": {"empathy": 0.2}}],
}


class EditNote(Model):
    """One change."""

    example: ClassVar[Json | None] = {"revision": 3, "by": "root", "at_ms": examples.AT_MS}
    revision: int = Field(description="What it made.")
    by: str = Field(description="The id of who did it.")
    at_ms: int = Field(description="When; milliseconds since the Unix epoch.")


class BotDocument(Model):
    """A document as it holds now."""

    example: ClassVar[Json | None] = {
        "kind": "mood_rules",
        "revision": 3,
        "edited": True,
        "document": _RULES,
        "history": [EditNote.example],
    }
    kind: str = Field(description="personas or mood_rules.")
    revision: int = Field(description="Grows with every change; 0: never changed.")
    edited: bool = Field(description="False: as the file has it.")
    document: Json = Field(description="As in `personas.yaml` or `mood.yaml`.")
    history: list[EditNote] = Field(description="The last changes, the newest first.")


class SaveDocument(Model):
    example: ClassVar[Json | None] = {"revision": 2, "document": _RULES}
    revision: int = Field(ge=0, description="The one that was read; 409 where somebody was faster.")
    document: Json | None = Field(None, description="What shall hold; left out: the file's own again.")


@documents.get("/{kind}", response_model=BotDocument)
async def get_document(caller: CallerDep, desk: DeskDep, kind: KindPath) -> Response:
    """What holds now, whether from the file or edited, and who changed it. For admins."""
    return reply(await desk.editing.show(caller, kind))


@documents.put("/{kind}", response_model=BotDocument, responses=problems(404, 409))
async def save_document(caller: CallerDep, desk: DeskDep, kind: KindPath, body: SaveDocument) -> Response:
    """Let another document hold, on every worker, from the next answer on; what was before is saved again to undo it.
    422 where something is written wrongly. Names of personas stay. For admins."""
    return reply(await desk.editing.change(caller, kind, body.revision, body.document))
