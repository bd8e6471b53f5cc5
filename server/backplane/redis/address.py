"""What a ``redis_url`` says.

    redis://[[user]:password@]host[:port][/db]                      one server, or any member of a Cluster
    redis+cluster://host[:port][,host[:port]…]                      a Cluster, by some of its members
    redis+sentinel://host[:port][,host[:port]…][/service[/db]]      the primary that sentinels name

``rediss`` instead of ``redis`` means TLS, to the sentinels too. Characters such as ``@`` and ``/`` in a user or a
password are written in percent-encoding. The part after ``?`` takes the ``OPTIONS`` below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from server.errors import StartupError

Mode = Literal["single", "cluster", "sentinel"]
Host = tuple[str, int]

DEFAULT_PORTS: Mapping[Mode, int] = {"single": 6379, "cluster": 6379, "sentinel": 26379}
DEFAULT_SERVICE = "mymaster"
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
OPTIONS = ("prefix", "sentinel_username", "sentinel_password", *TLS_OPTIONS)
FORM = "Write redis://[[user]:password@]host[:port][/db]; docs/scaling.md shows Cluster and Sentinel."

_URL = re.compile(
    r"redis(?P<tls>s?)(?:\+(?P<mode>cluster|sentinel))?://"
    r"(?:(?P<user>[^@/?#]*)@)?(?P<hosts>[^@/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[^\[\]:]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is and how to get in. ``str`` and ``repr`` leave the secrets out.

    ``tls``: None for plain TCP, otherwise options of redis-py's ``SSLConnection``. ``prefix``: None where not given.
    """

    mode: Mode
    hosts: tuple[Host, ...]
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] | None = None
    prefix: str | None = None

    def __str__(self) -> str:
        scheme = ("redis" if self.tls is None else "rediss") + ("" if self.mode == "single" else f"+{self.mode}")
        hosts = ",".join(host_text(host) for host in self.hosts)
        service = f"/{self.service}" if self.service else ""
        return f"{scheme}://{hosts}{service}" + (f"/{self.db}" if self.db else "")


def host_text(host: Host) -> str:
    """``name:port``, as in a URL."""
    name, port = host
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def parse_address(url: str) -> RedisAddress:
    """Read a ``redis_url``. Raises ``StartupError`` with a remedy, never showing the URL, which may hold a password."""
    found = _URL.fullmatch(url)
    if found is None:
        raise StartupError("redis_url is no address of a Redis.", FORM)
    mode = _mode(found["mode"])
    service, db = _path(mode, unquote(found["path"] or "").strip("/"))
    user, _, password = (found["user"] or "").partition(":")
    options = _options(found["query"] or "")
    return RedisAddress(
        mode=mode,
        hosts=_hosts(mode, found["hosts"]),
        service=service,
        db=db,
        username=unquote(user) or None,
        password=unquote(password) or None,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        tls=_tls(options) if found["tls"] else None,
        prefix=options.get("prefix"),
    )


def _mode(text: str | None) -> Mode:
    return "cluster" if text == "cluster" else "sentinel" if text == "sentinel" else "single"


def _hosts(mode: Mode, text: str) -> tuple[Host, ...]:
    hosts = []
    for one in text.split(","):
        found = _HOST.fullmatch(one)
        port = int(found["port"] or DEFAULT_PORTS[mode]) if found else 0
        if found is None or not 0 < port < 65_536:
            raise StartupError(f"redis_url names the host {one!r}, which is none.", FORM)
        hosts.append((found["name"].strip("[]"), port))
    if mode == "single" and len(hosts) > 1:
        raise StartupError(
            "redis_url names several hosts.", "Begin it with redis+cluster:// or redis+sentinel:// if that is meant."
        )
    return tuple(hosts)


def _path(mode: Mode, path: str) -> tuple[str, int]:
    """Service and database number."""
    service = ""
    if mode == "sentinel":
        service, _, path = path.partition("/")
        service = service or DEFAULT_SERVICE
    if path and not (path.isascii() and path.isdigit()):
        raise StartupError(f"redis_url names the database {path!r}, which is no number.", FORM)
    db = int(path or 0)
    if db and mode == "cluster":
        raise StartupError(f"redis_url names database {db}, but a Redis Cluster has only 0.", "Remove the number.")
    return service, db


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in OPTIONS:
            raise StartupError(f"redis_url has an unknown option {name!r}.", f"It takes {', '.join(OPTIONS)}.")
    return options


def _tls(options: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {name: options[name] for name in TLS_OPTIONS if name in options}
    needed = given.get("ssl_cert_reqs", "required")
    if needed not in ("required", "optional", "none"):
        raise StartupError(
            f"redis_url has ssl_cert_reqs={needed}, which means nothing.", "It takes required, optional or none."
        )
    if "ssl_check_hostname" in given:
        given["ssl_check_hostname"] = str(given["ssl_check_hostname"]).lower() not in ("0", "no", "false", "off")
    return given
