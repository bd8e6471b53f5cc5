"""docs/clients.md: its code sends frames that exist, its links lead somewhere, its closes are the protocol's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec

from parlance_client import after_close
from server.conformance.checks import chosen, load_checks
from server.wire import frames, requests

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
CODE = dict(re.findall(r"^```(kotlin|swift)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def fields(union: object) -> dict[str, set[str]]:
    return {
        str(kind.__struct_config__.tag): {one.encode_name for one in msgspec.structs.fields(kind)}
        for kind in get_args(union)
    }


def test_both_clients_ask_what_the_protocol_has() -> None:
    sent = fields(requests.AnyClientFrame)
    for code in CODE.values():
        asked = set(re.findall(r'ask\("(\w+)"', code))
        assert asked == {"open", "history", "send"} <= set(sent)
        assert '"connect"' in code
        for verb, names in re.findall(r'ask\("(\w+)", ((?:"\w+" to [^,]+,?\s*)+)', code):
            assert set(re.findall(r'"(\w+)" to', names)) <= sent[verb]
        for names in re.findall(r'ask\("send", \[(.*?)\]\)', code):
            assert set(re.findall(r'"(\w+)":', names)) <= sent["send"]


def test_what_they_read_of_frames_is_there() -> None:
    known = set().union(*fields(frames.AnyServerFrame).values()) | {"type", "id", "from", "name", "error", "temporary"}
    for code in CODE.values():
        read = set(re.findall(r'\b(?:text|long|textOrNull|getValue)\("(\w+)"\)', code))
        read |= set(re.findall(r'(?:frame|entry|opened|page|message|user|error)\["(\w+)"\]', code))
        assert len(read) > 10 and read <= known, read - known


def test_the_table_of_closes_is_the_protocols() -> None:
    for code in CODE.values():
        assert all(str(number) in code for number in (1007, 1009, 4401, 4408, 4429))
    assert "1007, 1009, 4400 to 4499 but for the three below" in PAGE
    assert [after_close(code) for code in (1009, 4403, 4401, 4408, 4429, 4500, 1006)] == [
        *("stop", "stop", "renew"), *("retry",) * 4,
    ]  # fmt: skip


def test_links_and_checks_are_there() -> None:
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in PAGE.splitlines()
                if line.startswith("## ")}  # fmt: skip
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        path, _, anchor = target.partition("#")
        assert (ROOT / "docs" / path).exists() if path else anchor in headings, target
    assert chosen(load_checks(), re.findall(r"--only ([\w.-]+)", PAGE))
