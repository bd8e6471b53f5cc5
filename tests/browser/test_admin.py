"""The admin's page on the real server: who may look, what is seen, and what it says when the server is away."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from typer.testing import CliRunner

from server.cli.main import app
from tests.browser.support import PATIENCE_MS, WIDE, ChatPage, context_of, token_for
from tests.browser.test_looks import LOOKS, audit, overflow
from tests.support.server import ServerProcess

DOCS = Path(__file__).resolve().parents[2] / "docs"
Open = Callable[[BrowserContext], ChatPage]
# The tab that a panel is behind; all others are behind the first.
ROOMS = {
    "Satisfaction and outcomes": "customers", "Live conversations": "customers", "Intents of the hour": "customers",
    "Switches": "bot", "Personas and mood rules": "bot", "Policies": "bot",
    "Experiments": "experiments", "Models": "understanding",
    "Your own intents": "understanding", "Doubtful turns": "understanding",
    "Workers": "operation", "Changes, users and keys": "operation",
}  # fmt: skip


def token(server: ServerProcess, kind: str = "admin") -> str:
    return token_for(server, kind, kind)


class AdminPage:
    """One tab with the page in it."""

    def __init__(self, context: BrowserContext, server: ServerProcess, signed_in_as: str | None = "admin") -> None:
        self.server = server
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)
        self.page.goto(f"{server.http_url}/admin")
        if signed_in_as is not None:
            self.sign_in(token(server, signed_in_as))

    def _console(self, message: Any) -> None:
        if message.type == "error" and "WebSocket" not in message.text:
            self.errors.append(message.text)

    def sign_in(self, text: str) -> None:
        self.page.get_by_label("Token").fill(text)
        self.page.get_by_role("button", name="Sign in").click()

    def panel(self, name: str) -> Locator:
        """Opens the tab that it is behind."""
        tab = self.page.locator(f"#tab-{ROOMS.get(name, 'now')}")
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        return self.page.get_by_role("region", name=name, exact=True)

    def tile(self, name: str) -> Locator:
        return self.page.locator(".tile", has_text=name).locator("dd")

    def is_live(self) -> None:
        expect(self.page.locator("#link-text")).to_have_text("Live")
        expect(self.page.locator("#tiles")).to_have_attribute("data-state", "live")


@pytest.fixture
def admin(context: BrowserContext, server: ServerProcess) -> Iterator[AdminPage]:
    found = AdminPage(context, server)
    found.is_live()
    yield found
    assert found.errors == []


class TestSignIn:
    def test_nothing_is_told_before(self, context: BrowserContext, server: ServerProcess) -> None:
        page = AdminPage(context, server, signed_in_as=None).page
        expect(page.get_by_role("heading", name="Sign in as an admin")).to_be_visible()
        expect(page.locator("#figures")).to_be_hidden()

    def test_a_wrong_token_then_a_customers_then_the_right_one(
        self, context: BrowserContext, server: ServerProcess
    ) -> None:
        admin = AdminPage(context, server, signed_in_as=None)
        problem = admin.page.locator("#sign-in-problem")
        admin.sign_in("nonsense")
        expect(problem).to_have_text("The server does not accept this token: it is wrong, or has expired.")
        admin.sign_in(token(server, "customer"))
        expect(problem).to_have_text("This is a token of kind customer. The page needs one of kind admin.")
        expect(admin.page.locator("#figures")).to_be_hidden()
        admin.sign_in(token(server))
        admin.is_live()
        admin.page.reload()
        admin.is_live()
        admin.page.get_by_role("button", name="Sign out").click()
        expect(admin.page.get_by_label("Token")).to_be_visible()

    def test_a_token_in_the_address_leaves_it_at_once(self, context: BrowserContext, server: ServerProcess) -> None:
        page = context.new_page()
        page.goto(f"{server.http_url}/admin#token={token(server)}")
        expect(page.locator("#link-text")).to_have_text("Live")
        assert page.url == f"{server.http_url}/admin"


def test_a_customers_turns_are_seen(admin: AdminPage, browser: Browser, open_chat: Open) -> None:
    with context_of(browser) as other:
        chat = open_chat(other)
        chat.say("My card was declined and I am furious!!")
        chat.say("Thank you, that helped")
        expect(admin.panel("Personas and rewards").locator("tbody tr").first).to_be_visible()
        for name in ("Traffic", "Latency", "Personas and rewards"):
            expect(admin.panel(name)).to_have_attribute("data-state", "live")
        expect(admin.tile("Turn, p99")).not_to_have_text("0.0 ms")
        legend = admin.panel("Latency").locator(".u-legend")
        expect(legend).to_contain_text("turn p95")
        expect(admin.tile("Workers")).to_have_text("1")


def test_who_waits_is_text_whatever_they_write(admin: AdminPage, browser: Browser, open_chat: Open) -> None:
    with context_of(browser) as other:
        chat = open_chat(other)
        chat.say("<img src=x onerror=alert(1)> I want to talk to a human being right now")
        chat.page.evaluate("""async () => {
          const { Connection } = await import('/static/parlance/connection.js');
          const { Credentials } = await import('/static/parlance/credentials.js');
          const { Kept } = await import('/static/parlance/kept.js');
          const shared = new Kept(() => localStorage);
          const url = new URL('ws', document.baseURI); url.protocol = 'ws:';
          const connection = new Connection({ url: url.href, client: { name: 'test', version: '1' },
            credentials: new Credentials(shared), resume: () => ({}) });
          connection.start();
          await new Promise((up) => connection.on('welcome', up));
          const key = shared.get('parlance.conversation');
          const { channel } = await connection.request({ type: 'open', key });
          await connection.request({ type: 'handoff', channel, reason: 'asked' });
        }""")
        entry = admin.panel("Waiting for a human").locator(".entry", has_text="onerror")
        expect(entry).to_contain_text("<img src=x onerror=alert(1)>")
        expect(entry.locator("img")).to_have_count(0)


def test_nobody_waits_and_all_is_well(context: BrowserContext, own_server: ServerProcess) -> None:
    admin = AdminPage(context, own_server)
    admin.is_live()
    expect(admin.panel("Waiting for a human")).to_contain_text("Nobody waits.")
    expect(admin.panel("Alerts")).to_contain_text("All is well.")
    expect(admin.panel("Traffic")).to_contain_text("Nobody has written in this time.")
    assert admin.errors == []


def test_a_restart_is_survived_without_a_reload(context: BrowserContext, own_server: ServerProcess) -> None:
    admin = AdminPage(context, own_server)
    admin.is_live()
    admin.page.evaluate("window.same = true")
    own_server.kill()
    expect(admin.panel("Traffic")).to_contain_text("No news for")
    expect(admin.panel("Alerts")).to_contain_text("No connection: as it was when last heard.")
    expect(admin.page.locator("#tiles")).to_have_attribute("data-state", "stale")
    own_server.start()
    admin.is_live()
    expect(admin.panel("Alerts")).to_contain_text("All is well.")
    assert admin.page.evaluate("window.same")


def test_pause_holds_the_charts_and_figures_go_on(admin: AdminPage) -> None:
    pause = admin.page.locator("#pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(pause).to_contain_text("Paused at")
    admin.is_live()
    pause.click()
    expect(pause).to_have_text("Pause")
    admin.page.get_by_role("button", name="1 h").click()
    expect(admin.page.get_by_role("button", name="1 h")).to_have_attribute("aria-pressed", "true")
    expect(admin.page.get_by_role("button", name="5 min", exact=True)).to_have_attribute("aria-pressed", "false")


def test_what_is_seen_can_be_taken_away(admin: AdminPage, tmp_path: Path) -> None:
    panel = admin.panel("Traffic")
    with admin.page.expect_download() as table:
        panel.get_by_role("button", name="Traffic as CSV").click()
    table.value.save_as(tmp_path / "traffic.csv")
    rows = list(csv.reader((tmp_path / "traffic.csv").read_text().splitlines()))
    assert rows[0] == ["time", "messages/s", "turns/s"]
    assert len(rows) > 1 and all(len(row) == 3 and float(row[1]) >= 0 for row in rows[1:])
    with admin.page.expect_download() as picture:
        panel.get_by_role("button", name="Traffic as a picture").click()
    picture.value.save_as(tmp_path / "traffic.png")
    assert (tmp_path / "traffic.png").read_bytes().startswith(b"\x89PNG")
    models = admin.panel("Models")
    expect(models).to_contain_text("champion")
    with admin.page.expect_download() as table:
        models.get_by_role("button", name="Models as CSV").click()
    table.value.save_as(tmp_path / "models.csv")
    rows = list(csv.reader((tmp_path / "models.csv").read_text().splitlines()))
    assert rows[0][:2] == ["Version", "Role"] and ["champion"] in [row[1:2] for row in rows]


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_passes_the_audit(look: str, browser: Browser, server: ServerProcess) -> None:
    size, dark = LOOKS[look]
    with context_of(browser, size, dark=dark) as context:
        hosts: set[str] = set()
        context.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        admin = AdminPage(context, server, signed_in_as=None)
        expect(admin.page.get_by_label("Token")).to_be_visible()
        assert audit(admin.page) == []
        assert overflow(admin.page) == []
        admin.sign_in(token(server))
        admin.is_live()
        assert audit(admin.page) == []
        assert overflow(admin.page) == []
        assert admin.errors == []
        assert hosts == {server.http_url.removeprefix("http://")}


@pytest.mark.parametrize("width", [320, 768, 1024, 1920])
def test_nothing_scrolls_sideways(browser: Browser, server: ServerProcess, width: int) -> None:
    with context_of(browser, (width, WIDE[1])) as context:
        admin = AdminPage(context, server)
        admin.is_live()
        assert overflow(admin.page) == []


RULES = """
group_wait_s: 0
rules:
  - {name: somebody_is_here, about: "A test.", measure: database_away, warning: {below: 0.5}}
"""


@pytest.fixture(scope="module")
def alarmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with an alert that always stands, and with intents of its own."""
    folder = tmp_path_factory.mktemp("alarmed")
    (folder / "rules.yaml").write_text(RULES)
    shutil.copytree(DOCS / "intents-example", folder / "intents")
    trained = CliRunner().invoke(app, ["intents", "train", str(folder / "intents"), "--out", str(folder / "own.npz")])
    assert trained.exit_code == 0, trained.output
    env = {
        "PARLANCE_ALERT_RULES_FILE": str(folder / "rules.yaml"),
        "PARLANCE_INTENTS": str(folder / "own.npz"),
        "PARLANCE_INTENTS_DIR": str(folder / "intents"),
    }
    with ServerProcess(folder / "data", env=env) as process:
        yield process


@pytest.mark.parametrize("look", ["wide light", "phone dark"])
def test_alerts_are_acknowledged_and_silenced_and_changes_undone(
    look: str, browser: Browser, alarmed: ServerProcess
) -> None:
    size, dark = LOOKS[look]
    with context_of(browser, size, dark=dark) as context:
        admin = AdminPage(context, alarmed)
        panel = admin.panel("Alerts")
        entry = panel.locator(".alert", has_text="Somebody is here")
        expect(entry).to_contain_text("A test.")
        if entry.get_by_role("button", name="Acknowledge").count():  # the first look has seen to it already
            entry.get_by_role("button", name="Acknowledge").click()
            admin.page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(entry).to_contain_text("seen to by admin")
        entry.get_by_role("button", name="Silence").click()
        dialog = admin.page.get_by_role("dialog")
        dialog.get_by_label("Rule").fill("nobody")
        dialog.get_by_role("button", name="Silence").click()
        expect(dialog.get_by_role("alert")).to_contain_text("There is no rule 'nobody'")
        assert audit(admin.page) == []
        dialog.get_by_label("Rule").fill("some*")
        dialog.get_by_role("button", name="Silence").click()
        expect(entry).to_contain_text("silent until")
        expect(admin.page.locator("#tab-now .tab-count")).to_have_text("1")
        admin.page.get_by_role("button", name="Undo").click()  # it goes after a while
        expect(entry).not_to_contain_text("silent until")
        changes = admin.panel("Changes, users and keys")
        expect(changes).to_contain_text("Silence alerts")
        expect(changes).to_contain_text("End silence")
        assert audit(admin.page) == []
        assert overflow(admin.page) == []
        assert [error for error in admin.errors if "422" not in error] == []  # what was refused on purpose


def test_a_conversation_opens_with_its_turns_explained(admin: AdminPage, browser: Browser, open_chat: Open) -> None:
    with context_of(browser) as other:
        open_chat(other).say("My card was declined and I am <b>furious</b>!!")
        live = admin.panel("Live conversations").get_by_role("button", name="furious")
        expect(live).to_contain_text("<b>furious</b>")
        live.first.click()
        turn = admin.page.get_by_role("dialog").locator(".turn").first
        expect(turn).to_contain_text("Intent")
        turn.locator("summary").click()
        expect(turn.get_by_role("table")).to_contain_text("constant")
        expect(turn).to_contain_text("was drawn with")
        assert audit(admin.page) == []
        admin.page.keyboard.press("Escape")
        expect(admin.panel("Intents of the hour").locator("tbody tr").first).to_be_visible()
        expect(admin.panel("Workers")).to_contain_text("well")
        expect(admin.panel("Models")).to_contain_text("champion")
        expect(admin.panel("Policies")).to_contain_text("linucb")
        expect(admin.panel("Experiments")).to_contain_text("There is no experiment.")


def test_a_persona_is_paused_and_speaks_again(context: BrowserContext, alarmed: ServerProcess) -> None:
    admin = AdminPage(context, alarmed)
    policies = admin.panel("Policies")
    policies.get_by_role("button", name="Pause warm").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(policies).to_contain_text("warm, paused")
    admin.page.get_by_role("button", name="Undo").click()
    expect(policies).not_to_contain_text("warm, paused")
    assert admin.errors == []


def test_panels_say_when_the_server_is_away(context: BrowserContext, own_server: ServerProcess) -> None:
    admin = AdminPage(context, own_server)
    expect(admin.panel("Models")).to_contain_text("champion")
    admin.page.route("**/v1/models", lambda route: route.fulfill(status=503, json={"detail": "The store is away."}))
    expect(admin.panel("Models")).to_contain_text("As it was when last heard: The store is away.")
    expect(admin.panel("Models")).to_have_attribute("data-state", "stale")
    admin.page.unroute("**/v1/models")
    expect(admin.panel("Models")).to_have_attribute("data-state", "live")
    admin.page.route("**/v1/policies", lambda route: route.fulfill(status=403, json={"detail": "For admins."}))
    expect(admin.panel("Policies")).to_have_attribute("data-state", "failed")
    expect(admin.panel("Personas and mood rules")).to_have_attribute("data-state", "live")


def test_a_persona_and_a_mood_rule_are_edited_and_taken_back(context: BrowserContext, alarmed: ServerProcess) -> None:
    admin = AdminPage(context, alarmed)
    voices, dialog = admin.panel("Personas and mood rules"), admin.page.get_by_role("dialog")
    voices.get_by_role("button", name="Edit warm").click()
    dialog.get_by_label("Title").fill("Warmer")
    dialog.get_by_label("Empathy").fill("1")
    assert audit(admin.page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(voices).to_contain_text("Warmer")
    admin.page.get_by_role("button", name="Undo").click()
    expect(voices).not_to_contain_text("Warmer")
    voices.get_by_role("button", name="Add a mood rule").click()
    dialog.get_by_label("Name").fill("shouting")
    dialog.get_by_label("When").fill("anger >= 7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("rule 'shouting': 'when' compares with '7'")
    dialog.get_by_label("When").fill("anger >= 0.7")
    dialog.get_by_role("button", name="Save").click()
    expect(voices).to_contain_text("shouting")
    expect(voices).to_contain_text("were edited by admin")
    assert audit(admin.page) == []
    assert overflow(admin.page) == []
    voices.get_by_role("button", name="Let the file's mood rules hold again").click()
    dialog.get_by_role("button", name="Let it hold").click()
    expect(voices).not_to_contain_text("shouting")
    assert [error for error in admin.errors if "422" not in error] == []


def test_an_experiment_is_made_rewritten_started_and_completed(context: BrowserContext, alarmed: ServerProcess) -> None:
    admin = AdminPage(context, alarmed)
    panel, dialog = admin.panel("Experiments"), admin.page.get_by_role("dialog")
    panel.get_by_role("button", name="Make an experiment").click()
    assert "writer_style tone=professional" in dialog.get_by_label("Variants", exact=True).input_value()
    dialog.get_by_label("Begin with").select_option("personality")
    dialog.get_by_label("Its id").fill("Tone 1")
    dialog.get_by_label("Variants", exact=True).fill("today\nfriendly | writer_style tone")
    dialog.get_by_role("button", name="Make the draft").click()
    wrong = dialog.locator(".field", has=admin.page.locator("[aria-invalid=true]"))
    expect(wrong).to_have_count(2)
    expect(wrong.nth(1)).to_contain_text('Line 2: "writer_style tone" is no change.')
    assert audit(admin.page) == []
    dialog.get_by_label("Its id").fill("tone-1")
    dialog.get_by_label("Variants", exact=True).fill("today\nfriendly | writer_style tone=freindly")
    dialog.get_by_role("button", name="Make the draft").click()
    expect(wrong).to_contain_text("give one of professional, friendly, neutral")
    dialog.get_by_label("Variants", exact=True).fill("today\nfriendly | writer_style tone=friendly")
    dialog.get_by_role("button", name="Make the draft").click()
    entry = panel.locator(".entry", has_text="tone-1")
    expect(entry).to_contain_text("last changed by admin")

    entry.get_by_role("button", name="Edit").click()
    dialog.get_by_label("What is expected").fill("Friendly pleases.")
    dialog.get_by_role("button", name="Save").click()
    expect(entry).to_contain_text("Friendly pleases.")
    admin.page.get_by_role("button", name="Undo").click()
    expect(entry).not_to_contain_text("Friendly pleases.")

    for verb, state in (("Start", "running"), ("Pause", "paused")):
        entry.get_by_role("button", name=verb).click()
        dialog.get_by_role("button", name=verb).click()
        expect(entry.locator(".mark").first).to_have_text(state)
    assert audit(admin.page) == []
    entry.get_by_role("button", name="Complete").click()
    dialog.get_by_label("From now on").select_option("friendly")
    dialog.get_by_role("button", name="Complete").click()
    expect(entry).to_contain_text("everybody gets friendly")
    expect(admin.panel("Changes, users and keys")).to_contain_text("Edit experiment")
    assert [error for error in admin.errors if "422" not in error] == []


def test_a_doubtful_turn_becomes_an_example_is_learned_and_activated(
    context: BrowserContext, browser: Browser, alarmed: ServerProcess
) -> None:
    with context_of(browser) as other:
        ChatPage.open(other, alarmed.http_url).say("I got somebody else's boots")
    admin = AdminPage(context, alarmed)
    doubts, dialog = admin.panel("Doubtful turns"), admin.page.get_by_role("dialog")
    doubts.get_by_role("button", name="Label: I got somebody else's boots").click()
    dialog.get_by_label("Intent", exact=True).select_option(label="one of its own:")
    dialog.get_by_role("button", name="Label").click()
    expect(dialog.get_by_text("Give the new intent a name.")).to_be_visible()
    dialog.get_by_label("Name of a new intent").fill("wrong_item")
    dialog.get_by_role("button", name="Label").click()
    expect(doubts).to_contain_text("Nothing waits to be labelled.")
    doubts.get_by_role("button", name="Make examples of what was labelled").click()
    dialog.get_by_role("button", name="Make examples").click()
    own = admin.panel("Your own intents")
    expect(own).to_contain_text("examples have changed since")

    own.locator("summary", has_text="wrong_item").click()
    for text in ("you sent me the wrong thing", "this is not what I ordered"):
        own.get_by_role("button", name="Add an example of wrong_item").click()
        dialog.get_by_label("What a customer writes").fill(text)
        dialog.get_by_role("button", name="Add").click()
        expect(own.get_by_text(text)).to_be_visible()
    admin.page.get_by_role("button", name="Undo").click()
    expect(own.get_by_text("this is not what I ordered")).to_have_count(0)
    own.get_by_role("button", name="Add an example of wrong_item").click()
    dialog.get_by_label("What a customer writes").fill("when are you open")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.locator(".field-problem")).to_contain_text("It is an example of 'opening_hours' already")
    dialog.get_by_role("button", name="Cancel").click()
    assert audit(admin.page) == []

    own.get_by_role("button", name="Learn the examples").click()
    dialog.get_by_role("button", name="Learn").click()
    expect(dialog).to_be_hidden(timeout=6 * PATIENCE_MS)  # a process of low priority, on a machine that may be busy
    own.get_by_role("button", name="Activate what was learned").click()
    dialog.get_by_role("button", name="Activate").click()
    expect(own).to_contain_text("In use: 13 intents")
    admin.page.get_by_role("button", name="Undo").click()
    expect(own).to_contain_text("In use: 12 intents")
    assert [error for error in admin.errors if "422" not in error] == []


def test_switches_turn_and_a_notice_reaches_who_chats(
    context: BrowserContext, browser: Browser, alarmed: ServerProcess
) -> None:
    with context_of(browser) as other:
        chat = ChatPage.open(other, alarmed.http_url)
        banner = chat.page.locator("#standing")
        expect(banner).to_be_hidden()
        admin = AdminPage(context, alarmed)
        switches, dialog = admin.panel("Switches"), admin.page.get_by_role("dialog")
        mood = switches.locator(".entry", has_text="Mood rules")
        mood.get_by_role("button", name="Change").click()
        dialog.get_by_role("button", name="Turn off").click()
        expect(mood.locator(".mark")).to_have_text("off")
        expect(mood).to_contain_text("by admin")
        admin.page.get_by_role("button", name="Undo").click()
        expect(mood.locator(".mark")).to_have_text("on")
        expect(mood).not_to_contain_text("by admin")

        notice = switches.locator(".entry", has_text="Notice")
        notice.get_by_role("button", name="Change").click()
        dialog.get_by_label("What shall hold").fill("Back at <b>two</b>.")
        dialog.get_by_role("button", name="Save").click()
        expect(banner).to_have_text("Back at <b>two</b>.")
        assert audit(chat.page) == audit(admin.page) == []
        chat.page.reload()
        expect(banner).to_have_text("Back at <b>two</b>.")
        notice.get_by_role("button", name="Let the settings decide").click()
        dialog.get_by_role("button", name="Let them").click()
        expect(banner).to_be_hidden()
        assert admin.errors == chat.errors == []
