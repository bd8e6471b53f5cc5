"""Modules become one script: names stay apart, what is unknown is refused, texts stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.transport.http.bundle import BundleError, bundle
from tests.support.node import node

MAIN = """\
/** What it is. */
import { a as first, twice } from "./lib/one.js";
import {
  two,
} from "./lib/two.js";
import { css } from "./look.css";
import { json } from "./words.json";

const NAME = "main"; // beside code
// a line of its own
class Counter {
  #number = 0;
  static #made = 0;

  get #odd() {
    return this.#number % 2 === 1;
  }

  async #up(by) {
    this.#number += by;
  }

  async run() {
    await this.#up(3);
    Counter.#made += 1;
    return [this.#number, this.#odd, Counter.#made];
  }
}
new Counter().run().then((counted) => {
  const text = "kept  =  as { it } is";
  const nested = `a ${first ? `b : ${NAME}` : "c"}  d`;
  const pattern = / = +/.test("x =  y");
  console.log(JSON.stringify({ text, nested, counted, css, json, first, two, twice: twice(4), pattern }));
});
"""
FILES = {
    "main.js": MAIN,
    "lib/one.js": 'import { two } from "./two.js";\nconst NAME = "one";\nexport const a = NAME + two;\n'
    "export function twice(n) {\n  return n * 2;\n}\nexport async function later() {}\nexport class Never {}\n",
    "lib/two.js": 'const NAME = "two";\nexport const two = NAME;\n',
    "look.css": "/* why */\n.a > .b ,\n.c { color: red ; margin: 0 1px; }\n"
    '@media (x: 1) { .d::after { content: "" } }\n',
    "words.json": '{\n  "a": "“b”"\n}\n',
}


def test_it_does_what_the_modules_do(tmp_path: Path) -> None:
    script = bundle(FILES.__getitem__, "main.js")
    (tmp_path / "script.cjs").write_text(script)
    done = node("script.cjs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "text": "kept  =  as { it } is",
        "nested": "a b : main  d",
        "counted": [3, True, 1],
        "css": '.a > .b,.c{color:red;margin:0 1px}@media (x:1){.d::after{content:""}}',
        "json": {"a": "“b”"},
        "first": "onetwo",
        "two": "two",
        "twice": 8,
        "pattern": True,
    }
    assert script.count('NAME="two"') == 1  # imported twice, run once
    for left_out in ("What it is", "of its own", "#number"):
        assert left_out not in script


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('import * as all from "./x.js";\n', "import \\* as all"),
        ('import "./x.js";\n', 'import "./x.js"'),
        ('import { x } from "elsewhere";\n', "elsewhere"),
        ("export default 1;\n", "export default"),
        ('export { a } from "./x.js";\n', "export { a }"),
        ("await thing();\n", "await thing"),
        ("const here = import.meta.url;\n", "import.meta"),
        ("const text = `one\n  two`;\n", "several lines"),
    ],
)
def test_a_form_it_does_not_know_is_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(BundleError, match=rf"main\.js: .*{told}"):
        bundle({"main.js": text}.__getitem__, "main.js")


def test_a_ring_is_refused() -> None:
    files = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\nexport const b = 1;\n'}
    with pytest.raises(BundleError, match=r"a\.js imports b\.js imports a\.js"):
        bundle(files.__getitem__, "a.js")
