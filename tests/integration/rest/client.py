"""A client of the REST API that holds every answer to the server's own OpenAPI document."""

from __future__ import annotations

import re
import ssl
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

from tests.support.server import ServerProcess

# Nothing here speaks TLS, and a context of its own for each client takes longer than most tests.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Rest:
    """One caller. ``token`` None: nobody."""

    _documents: dict[str, dict[str, Any]] = {}  # noqa: RUF012  (one per server, read once)

    def __init__(self, server: ServerProcess, token: str | None, user_id: str = "") -> None:
        self.token = token
        self.user_id = user_id
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self.http = httpx2.AsyncClient(base_url=server.http_url, headers=headers, timeout=30, verify=NO_TLS)

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        """The answer, whatever its status, after holding it to the document."""
        answer = await self.http.request(method, path, json=json, **options)
        held_to(await self.document(), method, httpx2.URL(path).path, answer)
        return answer

    async def does(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """The value of an answer that must be a success; None for 204."""
        answer = await self.call(method, path, json, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, json: Any = None, **options: Any) -> tuple[int, str]:
        """Code and name of an answer that must be a problem."""
        answer = await self.call(method, path, json, **options)
        assert answer.is_error, f"{method} {path}: {answer.status_code} {answer.text}"
        told = answer.json()
        assert told["status"] == told["code"] == answer.status_code
        return told["code"], told["name"]

    async def document(self) -> dict[str, Any]:
        """``/openapi.json``."""
        url = str(self.http.base_url)
        if url not in self._documents:
            self._documents[url] = (await self.http.get("/openapi.json")).json()
        return self._documents[url]

    async def open(self) -> str:
        """A new conversation's channel."""
        opened = await self.does("POST", "/v1/conversations", {"key": f"open-{id(self)}"})
        channel: str = opened["channel"]
        return channel

    async def send(self, channel: str, text: str, key: str | None = None) -> dict[str, Any]:
        """The ack."""
        body = {"key": key or f"k-{text}", "text": text}
        ack: dict[str, Any] = await self.does("POST", f"/v1/conversations/{channel}/messages", body)
        return ack

    async def history(self, channel: str, **query: int) -> list[dict[str, Any]]:
        """Messages of the newest page."""
        page = await self.does("GET", f"/v1/conversations/{channel}/messages", params=query)
        messages: list[dict[str, Any]] = page["messages"]
        return messages


def held_to(document: dict[str, Any], method: str, path: str, answer: httpx2.Response) -> None:
    """Assert that the document has the route, its status, its media type, and the schema that the body fits."""
    operation = operation_of(document, method, path)
    response = operation["responses"].get(str(answer.status_code))
    assert response is not None, f"{method} {path} answered {answer.status_code}, which is not documented"
    content = response.get("content")
    if content is None:
        assert answer.content == b""
        return
    media_type = answer.headers["content-type"]
    assert media_type in content, f"{method} {path}: {media_type}"
    schema = {**content[media_type]["schema"], "components": document["components"]}
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(answer.json())]
    assert errors == [], f"{method} {path}: {errors}"


def operation_of(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The documented operation of a request; the longest path that fits, since ids may hold slashes."""
    for template in sorted(document["paths"], key=len, reverse=True):
        pattern = re.sub(r"\\\{user_id\\\}", "(.+)", re.escape(template))
        pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", pattern)
        found = document["paths"][template].get(method.lower())
        if found is not None and re.fullmatch(pattern, path):
            operation: dict[str, Any] = found
            return operation
    raise AssertionError(f"{method} {path} is not documented")
