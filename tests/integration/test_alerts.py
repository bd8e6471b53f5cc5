"""Alerts of a running server: raised, sent signed and by mail, acknowledged, silenced, audited."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from server.chat.alerting.carriers import Mailbox, MailCarrier, Tls
from server.chat.alerting.courier import DeliveryError
from server.chat.alerting.letters import Letter, Target
from server.chat.language.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, is_genuine
from server.clock import SystemClock
from tests.integration.conftest import SECRET, Join, signed
from tests.integration.rest.client import Rest
from tests.support.mail import MailServer, mail_server
from tests.support.server import ServerProcess

HOOK_SECRET = "a secret between the two"
LETTER = Letter(Target("email", "ops@example.org"), "d1", "[Parlance warning] slow", "It is slow.", b"")


@dataclass
class Hook:
    """A webhook's receiver: it is busy at first, then takes what comes."""

    port: int = 0
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers["content-length"]))
                self.asked.append((headers, body))
                status = "503 Busy" if len(self.asked) == 1 else "204 Taken"
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
                if len(self.asked) > 1:
                    self.taken.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def box(server: MailServer, tls: Tls, **changes: Any) -> Mailbox:
    given: dict[str, Any] = {"user": "parlance", "password": "sesame", "ca_file": server.ca_file, **changes}
    return Mailbox("127.0.0.1", server.port, "parlance@example.org", tls, **given)


async def carried(mailbox: Mailbox) -> DeliveryError | None:
    try:
        await MailCarrier(mailbox, clock=SystemClock()).carry(LETTER)
    except DeliveryError as error:
        return error
    return None


@pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
async def test_a_mail_goes_over_the_connection_that_was_asked_for(tmp_path: Path, tls: Tls) -> None:
    async with mail_server(tmp_path, tls) as server:
        user = {} if tls == "starttls" else {"user": "", "password": ""}
        assert await carried(box(server, tls, **user)) is None
        (mail,) = server.mails
        assert (mail["Subject"], mail["To"], str(mail.get_payload()).strip()) == (
            "[Parlance warning] slow", "ops@example.org", "It is slow.",
        )  # fmt: skip
        assert server.secured == [tls != "none"] and server.recipients == [["ops@example.org"]]
        assert server.users == (["parlance"] if tls == "starttls" else [])


async def test_what_a_mail_server_says_decides_about_another_try(tmp_path: Path) -> None:
    async with mail_server(tmp_path, "starttls") as server:
        stranger = await carried(box(server, "starttls", ca_file=None))
        assert stranger is not None and not stranger.lasting and server.mails == []  # nobody vouches for it
        wrong = await carried(box(server, "starttls", password="wrong"))
        assert wrong is not None and wrong.lasting and "535" in str(wrong)
        server.refuses = "451 later"
        later = await carried(box(server, "starttls"))
        server.refuses = "550 never"
        never = await carried(box(server, "starttls"))
        assert later is not None and never is not None
        assert (later.lasting, never.lasting) == (False, True)
    away = await carried(box(server, "starttls"))
    assert away is not None and not away.lasting


async def test_a_servers_alert_from_raise_to_silence(tmp_path: Path, join: Join) -> None:
    async with hook() as hooked, mail_server(tmp_path, "starttls") as mail:
        rules = tmp_path / "alerts.yaml"
        rules.write_text(yaml.safe_dump({
            "group_wait_s": 0,
            "rules": [{"name": "always", "measure": "database_away", "warning": {"below": 0.5}, "about": "A test."}],
            "receivers": {
                "team": {"webhooks": [f"http://127.0.0.1:{hooked.port}/hook"]}, "ops": {"emails": ["ops@example.org"]},
            },
            "escalations": {"default": [{"to": ["team", "ops"]}]},
        }))  # fmt: skip
        env = {
            "PARLANCE_SECRET": SECRET, "PARLANCE_ALERT_RULES_FILE": str(rules),
            "PARLANCE_ALERT_WEBHOOK_SECRET": HOOK_SECRET, "PARLANCE_ALERT_MAIL_HOST": "127.0.0.1",
            "PARLANCE_ALERT_MAIL_PORT": str(mail.port), "PARLANCE_ALERT_MAIL_CA_FILE": str(mail.ca_file),
            "PARLANCE_ALERT_MAIL_USER": "parlance", "PARLANCE_ALERT_MAIL_PASSWORD": "sesame",
            "PARLANCE_ALERT_MAIL_FROM": "parlance@example.org",
        }  # fmt: skip
        process = ServerProcess(tmp_path / "data", env=env)
        try:
            await asyncio.to_thread(process.start)
            async with asyncio.timeout(20):
                await hooked.taken.wait()
                await mail.came.wait()
            _webhook_is_ours(hooked)
            assert mail.mails[0]["Subject"] == "[Parlance warning] always"
            await _people_act(process, join)
            shown = await asyncio.to_thread(_cli, process, env, "list", "--json")
            assert '"rule": "always"' in shown
        finally:
            await asyncio.to_thread(process.stop)


def _webhook_is_ours(hooked: Hook) -> None:
    """Tried again after 503, signed anew, with the same delivery."""
    assert len({headers["parlance-delivery"] for headers, _ in hooked.asked}) == 1
    headers, body = hooked.asked[-1]
    stamp_s = int(headers[TIMESTAMP_HEADER])
    assert is_genuine(HOOK_SECRET.encode(), stamp_s, body, headers[SIGNATURE_HEADER], now_s=stamp_s)
    told = msgspec.json.decode(body)
    assert [(one["rule"], one["meaning"]) for one in told["alerts"]] == [("always", "A test.")]


async def _people_act(process: ServerProcess, join: Join) -> None:
    admin, rest = await join(process, "json", signed(kind="admin")), Rest(process, signed(kind="admin", sub="root"))
    try:
        await admin.ask("subscribe", channel="admin:alerts")
        snapshot = await admin.push("event", channel="admin:alerts", name="snapshot")
        (alert,) = snapshot["data"]["items"]
        assert (alert["rule"], alert["state"], alert["value"]) == ("always", "raised", 0)
        await rest.does("POST", f"/v1/alerts/{alert['alert_id']}/acknowledge")
        seen = await admin.push("event", channel="admin:alerts", name="alert")
        assert (seen["data"]["alert_id"], seen["data"]["acknowledged_by"]) == (alert["alert_id"], "root")
        made = await rest.does("POST", "/v1/alerts/silences", {"rule": "alw*", "for_s": 60})
        silent = await admin.push("event", channel="admin:alerts", name="alert")
        assert silent["data"]["silenced_until_ms"] == made["until_ms"]
        assert await rest.refused("POST", "/v1/alerts/silences", {"rule": "nothing", "for_s": 60}) == (422, "invalid")
        assert (await rest.does("GET", "/v1/alerts?state=raised"))["items"][0]["acknowledged_by"] == "root"
        assert (await rest.does("GET", "/v1/alerts/silences"))["items"] == [made]
        await rest.does("DELETE", f"/v1/alerts/silences/{made['silence_id']}")
        assert [rule["name"] for rule in (await rest.does("GET", "/v1/alerts/rules"))["items"]] == ["always"]
        changes = (await rest.does("GET", "/v1/audit"))["items"]
        assert [(one["by"], one["action"]) for one in changes] == [
            ("root", "end_silence"), ("root", "silence_alerts"), ("root", "acknowledge_alert"),
        ]  # fmt: skip
        assert changes[1]["detail"] == {"rule": "alw*", "for_s": 60}
    finally:
        await rest.http.aclose()


def _cli(process: ServerProcess, env: dict[str, str], *command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "server.cli.main", "alerts", *command, "--data-dir", str(process.data_dir)],
        env={**os.environ, **env}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout
