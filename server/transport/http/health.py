"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from server.errors import ProtocolError
from server.telemetry import Metrics


class Networks:
    """Networks whose machines may see something."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Addresses or networks; ``ValueError`` for anything else."""
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def have(self, request: Request) -> bool:
        """Whether the request comes from there, and so do all whom it was forwarded for.

        A proxy that was not named as trusted stands in a private network itself, and says in a header for whom it
        asks. Whoever makes such a header up can only shut himself out by it.
        """
        if request.client is None or "forwarded" in request.headers:
            return False
        named = ",".join(request.headers.getlist("x-forwarded-for"))
        return all(map(self._has, [request.client.host, *(named.split(",") if named else ())]))

    def _has(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self._networks)


def health_routes(
    ready: Callable[[], Awaitable[None]], metrics: Metrics, metrics_networks: Sequence[str]
) -> list[BaseRoute]:
    """``ready`` raises a ``ProtocolError`` while the server can't do its work; ``metrics_networks``: whose machines see
    the metrics, which don't exist for others."""
    networks = Networks(metrics_networks)

    async def healthz(request: Request) -> Response:  # noqa: ARG001
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:  # noqa: ARG001
        try:
            await ready()
        except ProtocolError as error:
            return JSONResponse({"status": "not ready", "reason": str(error)}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def metrics_page(request: Request) -> Response:
        if not networks.have(request):
            return Response("Not Found", 404, media_type="text/plain")  # as for any other path that there is not
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_page)]
