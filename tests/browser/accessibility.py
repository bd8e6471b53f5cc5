"""axe-core on the page as it stands: WCAG 2.2 A and AA, and axe's own best practices, in light and in dark.

What axe can't decide by itself counts as found, as text over a gradient or a picture does. Left out are text that is
scrolled out under something else, which axe sees when it is in view, and signs that are no text or too short to tell
(★, a single digit): colours are tokens, which other texts share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# What goes on for ever, as the typing dots do, is not waited for.
AT_REST = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  await Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime < Infinity).map((one) => one.finished));
}"""

EVERYTHING = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}

_RUN = """async ([include, runOnly]) => {
  const covered = ["bgOverlap", "elmPartiallyObscured", "elmPartiallyObscuring", "outsideViewport"];
  const spared = new Set([...covered, "nonBmp", "shortTextContent"]);
  const { violations, incomplete } = await axe.run({ include }, { runOnly, resultTypes: ["violations", "incomplete"] });
  const checks = ({ any, all, none }) => [...any, ...all, ...none];
  const undecided = incomplete.map((one) => ({ ...one,
    nodes: one.nodes.filter((node) => !checks(node).some(({ data }) => spared.has(data?.messageKey))) }));
  return [...violations, ...undecided].flatMap(({ id, nodes }) => nodes.map((node) => {
    const why = checks(node).map(({ message }) => message).join("; ");
    return `${id}: ${node.html.slice(0, 160)} (${why})`;
  }));
}"""


def findings(page: Page, within: Sequence[str] = ("html",)) -> list[str]:
    """What axe finds inside of the selectors, a line for each element; the colours in both schemes."""
    _prepare(page)
    found = _run(page, within, EVERYTHING)
    scheme = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    other: Literal["dark", "light"] = "light" if scheme == "dark" else "dark"
    page.emulate_media(color_scheme=other)
    found += [f"{other}: {one}" for one in _run(page, within, COLOURS)]
    page.emulate_media(color_scheme=scheme)
    return found


def unreadable(page: Page, within: Sequence[str]) -> list[str]:
    """What has too little contrast inside of the selectors, in the scheme that the page is in."""
    _prepare(page)
    return _run(page, within, COLOURS)


def _prepare(page: Page) -> None:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)


def _run(page: Page, within: Sequence[str], rules: dict[str, Any]) -> list[str]:
    page.evaluate(AT_REST)  # a panel that fades in has little contrast for a moment
    found: list[str] = page.evaluate(_RUN, [list(within), rules])
    return found
