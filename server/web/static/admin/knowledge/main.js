/** The knowledge page: signs in, asks over REST while somebody looks, and draws what has changed. */

import { h, setText } from "../../chat/dom.js";
import { toast } from "../../chat/toasts.js";
import { Kept } from "../../parlance/kept.js";
import { StaffSession, takeTokenFromAddress } from "../../parlance/staff_session.js";
import { Rest } from "../rest.js";
import { Source } from "../source.js";
import { NOTHING, percent, whole } from "../words.js";
import { ArticleDrawer } from "./article.js";
import { ArticlesPanel } from "./articles.js";
import { FindingPanel } from "./finding.js";
import { coveragePanel, faqPanel, GapsPanel } from "./gaps.js";
import { Shelf } from "./shelf.js";

const DAYS = 30;
const DRAW_EVERY_MS = 1_000;

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const session = new StaffSession(new Kept(() => sessionStorage), "admin");
const rest = new Rest(session, new URL("../", document.baseURI));
const shelf = new Shelf(rest, DAYS);
const sources = {
  stats: new Source(() => rest.get("v1/knowledge/stats"), 10_000),
  articles: new Source(() => shelf.read(), 15_000),
  gaps: new Source(() => rest.get(`v1/knowledge/gaps?days=${DAYS}&least=1&limit=200`), 15_000),
  faq: new Source(() => rest.get("v1/knowledge/faq"), 30_000),
  coverage: new Source(() => rest.get(`v1/knowledge/coverage?days=${DAYS}`), 30_000),
};
const drawer = new ArticleDrawer(rest, DAYS, () => changed("articles", "stats", "gaps"));
const open = (article) => drawer.open(article);
const panels = {
  articles: new ArticlesPanel(open, () => drawer.begin(), () => more()),
  gaps: new GapsPanel(rest, (sentence) => toast(parts.toasts, sentence), () => changed("gaps", "articles"), open),
  faq: faqPanel(open),
  coverage: coveragePanel(),
};
const finding = new FindingPanel(rest, open);

const TILES = [
  ["Active articles", ({ stats }) => whole(stats?.versions.active ?? 0)],
  ["Drafts", ({ stats }) => whole((stats?.versions.draft ?? 0) + (stats?.versions.approved ?? 0))],
  [`Coverage, ${DAYS} d`, ({ coverage }) => percent(coverage?.coverage)],
  [`Questions, ${DAYS} d`, ({ coverage }) => whole(coverage?.questions)],
  ["Satisfaction", ({ coverage }) => percent(coverage?.satisfaction)],
  ["Open gaps", ({ gaps }) => openGaps(gaps)],
  ["Not embedded", ({ stats }) => whole(stats?.embedded[""] ?? 0)],
];

function openGaps(gaps) {
  if (!gaps) return NOTHING;
  const count = gaps.items.filter(({ state }) => state === "open").length;
  return gaps.more ? `${whole(count)}+` : whole(count);
}

async function changed(...names) {
  await Promise.all(names.map((name) => sources[name].refresh()));
  draw();
}

function more() {
  shelf.grow();
  return changed("articles");
}

function draw() {
  if (document.hidden || parts.knowledge.hidden) return;
  const values = Object.fromEntries(Object.entries(sources).map(([name, { value }]) => [name, value]));
  const { freshness } = sources.stats;
  parts.tiles.dataset.state = freshness.state === "live" ? "live" : "stale";
  showLink(freshness);
  for (const [index, [, tell]] of TILES.entries()) {
    const known = values.stats !== null;
    setText(parts.tiles.children[index].lastChild, known ? tell(values) : NOTHING);
  }
  for (const [name, panel] of Object.entries(panels)) panel.draw(values[name], sources[name].freshness);
  for (const source of Object.values(sources)) source.look();
  if (sources.stats.refused === 401) refuse("The server does not accept this token: it is wrong, or has expired.");
}

function showLink({ state, sentence }) {
  const live = state === "live";
  parts.link.dataset.state = live ? "online" : sentence === "Not heard yet." ? "connecting" : "waiting";
  setText(parts["link-text"], live ? "Signed in" : sentence === "Not heard yet." ? "Connecting" : sentence);
}

function refuse(sentence) {
  session.signOut();
  parts["sign-in"].hidden = false;
  parts.knowledge.hidden = parts.tools.hidden = true;
  parts.link.dataset.state = "idle";
  setText(parts["link-text"], "Not signed in");
  setText(parts["sign-in-problem"], sentence);
  parts.token.focus();
}

/** Shown at once, unless the server refuses who asks. */
async function enter() {
  if (session.token === null) return refuse("");
  await sources.stats.refresh();
  const refused = sources.stats.refused;
  if (refused === 401) return refuse("The server does not accept this token: it is wrong, or has expired.");
  if (refused === 403) return refuse(`This token is not enough: ${sources.stats.freshness.sentence}`);
  parts["sign-in"].hidden = true;
  parts.knowledge.hidden = parts.tools.hidden = false;
  draw();
  await Promise.all(Object.values(sources).map((source) => source.look()));
  return draw();
}

function signIn(event) {
  event.preventDefault();
  const token = parts.token.value.trim();
  parts.token.value = "";
  setText(parts["sign-in-problem"], "");
  if (token === "") return;
  session.signIn(token);
  enter();
}

function build() {
  parts.tiles.append(...TILES.map(([name]) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, NOTHING))));
  parts.shelves.append(panels.articles.root, finding.root, panels.gaps.root, panels.coverage.root, panels.faq.root);
}

function listen() {
  parts["sign-in"].addEventListener("submit", signIn);
  parts["sign-out"].addEventListener("click", () => {
    session.signOut();
    location.reload();
  });
  document.addEventListener("visibilitychange", draw);
  setInterval(draw, DRAW_EVERY_MS);
}

build();
takeTokenFromAddress(session);
listen();
enter();
