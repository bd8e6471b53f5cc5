"""Django Channels' broadcast to one group over its in-memory layer, on uvicorn as Parlance runs it.

python channels_server.py PORT
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer  # type: ignore[import-untyped]
from channels.routing import ProtocolTypeRouter  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-not-found]

GROUP = "room"

settings.configure(
    # As many as may wait for one consumer: the layer drops what is beyond.
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}},
)


class Room(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One connection."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        await self.channel_layer.group_send(GROUP, {"type": "room.message", "text": text_data})

    async def room_message(self, event: dict[str, Any]) -> None:
        """What the group was sent."""
        await self.send(text_data=event["text"])


async def health(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    """Answer any request, so that the benchmark knows that the server is up."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    uvicorn.run(
        ProtocolTypeRouter({"http": health, "websocket": Room.as_asgi()}),
        port=int(sys.argv[1]),
        ws="websockets-sansio",
        loop="uvloop",
        lifespan="off",
        log_level="warning",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        backlog=4096,
    )
