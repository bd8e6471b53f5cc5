"""Which flags there are, and what each turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adapters.mood import NO_RULES, MoodRules
from server.backplane.ports import Envelope
from server.chat.access import SYSTEM_CHANNEL
from server.chat.flags import Flag, Flags
from server.settings import Settings
from server.wire.codec import JSON
from server.wire.frames import Event
from server.wiring.ground import Ground
from server.wiring.language import BUILT_IN
from server.wiring.turns import Turns

NOTICE: Final = "notice"
MAX_NOTICE_CODE_POINTS: Final = 200


def known_flags(settings: Settings) -> tuple[Flag, ...]:
    """Those that can turn something under these settings."""
    found = [
        Flag("mood_rules", "Whether the moment's mood bends the personas.", True),
        Flag("knowledge", "Whether answers rest on articles.", True),
    ]
    if settings.policy_mode != "apprentice":  # an apprentice watches agents from the start of a server on
        meaning = "live: the policy chooses who speaks. log_only: chance does, and the policy learns from that unheard."
        found.append(Flag("learning", meaning, settings.policy_mode, ("live", "log_only")))
    if settings.language_writer != BUILT_IN:
        found.append(Flag("language_model", "Whether a language model finds the words of answers.", True))
    meaning = "A sentence that everybody who chats sees on top, such as of maintenance; empty: none."
    return (*found, Flag(NOTICE, meaning, "", most=MAX_NOTICE_CODE_POINTS))


class Moods:
    """The mood rules that hold, and whether they bend anything."""

    def __init__(self, rules: MoodRules, bend_by: Callable[[MoodRules], None]) -> None:
        self._rules = rules
        self._bend_by = bend_by
        self._on = True

    def take(self, rules: MoodRules) -> None:
        """These hold from the next answer on."""
        self._rules = rules
        self._bend_by(rules if self._on else NO_RULES)

    def switch(self, on: bool) -> None:
        """Bend, or not."""
        self._on = on
        self.take(self._rules)


def notice_of(flags: Flags) -> Callable[[], Event | None]:
    """What everybody is told who connects."""
    return lambda: _notice(str(flags[NOTICE])) if flags[NOTICE] else None


def _notice(text: str) -> Event:
    """The sentence for everybody; "" takes it away."""
    return Event(channel=SYSTEM_CHANNEL, name="maintenance", data={"text": text, "standing": True})


def prepare_flags(ground: Ground, turns: Turns, moods: Moods) -> Flags:
    """Followed by ``Editing``."""

    def show_notice(text: str) -> None:
        # Every worker hears of the change, and tells those who are connected to it.
        ground.fanout.show(Envelope(SYSTEM_CHANNEL, 0, JSON.encode(_notice(text))))

    def learn(mode: Any) -> None:
        turns.learner.mode = mode

    def write(on: bool) -> None:
        if turns.author is not None:
            turns.author.resting = not on

    def know(on: bool) -> None:
        turns.knowledge.silent = not on

    tell: dict[str, Callable[[Any], None]] = {
        "mood_rules": moods.switch,
        "knowledge": know,
        "learning": learn,
        "language_model": write,
        NOTICE: show_notice,
    }
    return Flags([(flag, tell[flag.name]) for flag in known_flags(ground.settings)])
