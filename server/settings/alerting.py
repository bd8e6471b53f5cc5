"""The settings of alerts; part of ``server.settings.model.Settings``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, SecretStr

from server.settings.types import OptionalPath, setting


class AlertSettings(BaseModel):
    """Which rules there are and how word leaves; who is told stands in the file of rules (docs/alerts.md)."""

    alert_rules_file: OptionalPath = setting(
        None, "YAML file of the alert rules and of who is told; empty: the rules that ship, told on admin:alerts alone."
    )
    alert_webhook_secret: SecretStr = setting(
        SecretStr(""), "Secret that signs what webhooks of alerts are sent (openssl rand -hex 32).", repr=False
    )
    alert_mail_host: str = setting("", "Mail server (SMTP) that takes mails of alerts; empty: none.", max_length=255)
    alert_mail_port: int = setting(587, "Its TCP port.", ge=1, le=65_535)
    alert_mail_tls: Literal["starttls", "tls", "none"] = setting(
        "starttls",
        "starttls: the connection must turn to TLS before anything is said (587); tls: it begins with TLS (465); none: "
        "only for a mail server on this machine.",
    )
    alert_mail_ca_file: OptionalPath = setting(
        None, "PEM file of who vouches for the mail server; empty: whom this machine trusts."
    )
    alert_mail_user: str = setting("", "User at the mail server; empty: none is asked for.", max_length=255)
    alert_mail_password: SecretStr = setting(SecretStr(""), "That user's password.", repr=False)
    alert_mail_from: str = setting("", "Address in whose name mails are sent, such as parlance@example.org.")
