"""A shop on an origin of its own, with a strict content security policy, that embeds the widget."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from types import TracebackType
from urllib.parse import parse_qs, urlencode, urlsplit

HERE = Path(__file__).parent
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class Shop:
    """Serves from another port until the block ends. ``host``: the chat server's HTTP address."""

    def __init__(self, host: str, *, connect: bool = True) -> None:
        socket = host.replace("http:", "ws:")
        self.policy = (
            f"default-src 'none'; script-src 'self' {host}; style-src 'self'; img-src data:; base-uri 'none'; "
            f"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; connect-src "
            + (f"{host} {socket}" if connect else "'none'")
        )
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.answer(self)

            def log_message(self, format: str, *arguments: object) -> None:
                """Not into the tests' output."""

        self.host = host
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def url(
        self, attributes: Mapping[str, str] | None = None, tokens: list[str] | None = None, lang: str = "en"
    ) -> str:
        """Of a page whose script has these ``data-…`` attributes. ``tokens``: what the shop's own function gives."""
        asked = {"attributes": json.dumps(attributes or {}), "tokens": json.dumps(tokens or []), "lang": lang}
        return f"{self.origin}/?{urlencode(asked)}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        address = urlsplit(request.path)
        path = HERE / (address.path.lstrip("/") or "index.html")
        if path.parent != HERE or path.suffix not in TYPES or not path.exists():
            request.send_error(404)
            return
        body = path.read_text()
        if path.suffix == ".html":
            body = self._page(body, parse_qs(address.query))
        request.send_response(200)
        request.send_header("content-type", f"{TYPES[path.suffix]}; charset=utf-8")
        request.send_header("content-security-policy", self.policy)
        request.end_headers()
        request.wfile.write(body.encode())

    def _page(self, template: str, query: dict[str, list[str]]) -> str:
        attributes: dict[str, str] = json.loads(query.get("attributes", ["{}"])[0])
        lang = query.get("lang", ["en"])[0]
        told = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in attributes.items())
        direction = "rtl" if lang == "ar" else "ltr"
        return Template(template).substitute(host=self.host, attributes=told, lang=lang, dir=direction)

    def __enter__(self) -> Shop:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
