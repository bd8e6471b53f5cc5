"""python-socketio's broadcast to one room, on uvicorn as Parlance runs it; a JWT is checked where one is sent.

python socketio_server.py PORT
"""

from __future__ import annotations

import sys
from typing import Any

import jwt
import socketio  # type: ignore[import-untyped]
import uvicorn

ROOM = "room"
SECRET = "a secret of the benchmark's, known to both of its sides"  # noqa: S105

sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], ping_interval=3600)


@sio.event  # type: ignore[untyped-decorator]
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:  # noqa: ARG001
    """Check who is there, if they say so, and let everybody into the room."""
    if auth is not None:
        jwt.decode(auth["token"], SECRET, algorithms=["HS256"])
    await sio.enter_room(sid, ROOM)


@sio.event  # type: ignore[untyped-decorator]
async def message(sid: str, text: str) -> None:  # noqa: ARG001
    """Pass a message on to everybody."""
    await sio.emit("message", text, room=ROOM)


async def health(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    """Answer any other request, so that the benchmark knows that the server is up."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(sio, other_asgi_app=health),
        port=int(sys.argv[1]),
        ws="websockets-sansio",
        loop="uvloop",
        lifespan="off",
        log_level="warning",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        backlog=4096,
    )
