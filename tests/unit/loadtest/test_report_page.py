"""The report: whole in one file, true to its numbers, and harmless whatever a server answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from loadtest.report_page import MAX_POINTS, Run, chart, page
from loadtest.results import Entry, Moment
from loadtest.thresholds import Verdict

STYLE = (Path(__file__).resolve().parents[3] / "loadtest" / "report.css").read_text(encoding="utf-8")
ENTRY = Entry("send -> <ack>", 100, 1, 10.0, 5.0, 6.5, 40.0, {"50%": 5.0, "95%": 12.0, "99%": 30.0})


def moments(count: int) -> list[Moment]:
    made = []
    for second in range(count):
        percentiles = {"50%": 5.0, "95%": 12.0, "99%": 30.0 + second}
        made.append(Moment(1_000 + second, second, ENTRY.name, 10.0, 0.0, percentiles, 0, 10))
        made.append(Moment(1_000 + second, second, "", 20.0, 0.5, {}, 0, 20))
    return made


def made(failures: list[str], count: int = 30) -> str:
    verdicts = [Verdict("all: failures < 0.01", 0.02, kept=False), Verdict("nobody: p50 < 1", None, kept=False)]
    return page(Run("Load <test>", {"server": "ws://h/ws"}, [ENTRY], failures, verdicts, moments(count)), STYLE)


class Tags(HTMLParser):
    """Every tag, and every attribute that leads somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.leads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.leads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]


def test_the_page_stands_alone_and_escapes_what_it_is_told() -> None:
    text = made(["7 × connect: <script>alert(1)</script>"])
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.tags and tags.leads == [] and "url(" not in text and "@import" not in text
    assert "Load &lt;test&gt;" in text and "&lt;script&gt;alert(1)" in text and "send -&gt; &lt;ack&gt;" in text
    assert text.count("<svg") == 3, "users, requests, and one for the entry"
    assert "nothing measured" in text and "broken" in text and ">Limits broken<" in text
    assert "1.00%" in text and "100" in text


def test_a_run_too_short_for_charts_says_so() -> None:
    assert "Too short for charts" in made([], count=1) and "None." in made([], count=1)


@given(values=st.lists(st.none() | st.floats(0, 1e9), min_size=2, max_size=3 * MAX_POINTS))
def test_a_chart_is_drawn_within_its_frame_and_leaves_gaps(values: list[float | None]) -> None:
    figure = chart("what & how", [float(second) for second in range(len(values))], [("a", values)])
    svg = ElementTree.fromstring(re.search(r"<svg.*</svg>", figure)[0])  # type: ignore[index]  # noqa: S314
    (path,) = svg.iter("path")
    numbers = [float(number) for number in re.findall(r"[\d.]+", path.attrib["d"])]
    assert all(0 <= x <= 720 for x in numbers[::2]) and all(0 <= y <= 200 for y in numbers[1::2])
    assert len(numbers) // 2 <= MAX_POINTS
    if len(values) <= MAX_POINTS:
        assert len(numbers) // 2 == sum(value is not None for value in values)


def test_a_peak_survives_the_thinning() -> None:
    values: list[float | None] = [1.0] * 2_000
    values[1_234] = 900.0
    assert "up to 900" in chart("peaks", [float(second) for second in range(2_000)], [("a", values)])
