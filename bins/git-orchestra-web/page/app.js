// Logs in, follows the changes, and shows the board and the place that the address names.

import { logIn, whenLoggedInElsewhere } from "./api.js";
import * as board from "./board.js";
import { fill, make, setText, tick } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { follow } from "./link.js";
import * as notices from "./notices.js";
import { PLACES, parse } from "./places.js";
import { everything, onEvent, take } from "./store.js";

/** How often ages are written again. */
const TICK = 5000;
/** How many attempts fail before the page says that the server has ended. */
const PATIENCE = 3;

const main = document.getElementById("main");
const state = document.getElementById("state");
const list = make("section", { class: "board", "aria-label": "Agents" });
const pane = make("div", { class: "pane", id: "pane" });
let open = null;
let isDrawn = false;
let heardAt = null;

/** Draws before the next picture, once for all events till then. A tab that nobody sees draws when it is seen. */
function draw() {
  if (isDrawn) return;
  isDrawn = true;
  requestAnimationFrame(() => {
    isDrawn = false;
    board.draw(open?.agent);
    notices.show();
  });
}

function say(text, kind) {
  setText(state, text);
  if (document.body.className !== kind) document.body.className = kind;
}

function choose() {
  const route = parse(location.hash);
  const isSame = open && open.address === location.hash;
  if (isSame) return;
  const isFirst = open === null;
  open?.view?.close?.();
  const view = route.open?.();
  open = { address: location.hash, agent: route.agent, view };
  fill(pane, view?.root);
  main.classList.toggle("one", Boolean(view));
  for (const link of document.querySelectorAll("#places a")) {
    const isHere = link.getAttribute("href") === `#${route.name}`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  draw();
  if (isFirst) return;
  if (view) pane.querySelector("h2")?.focus();
  else board.focus(route.from);
}

function heard(message) {
  if (message.event) take(message.event, message.data);
  if (message.event || message.sign) {
    heardAt = Date.now();
    // Before everything was heard again, what is shown may be old.
    if (message.event === "reset" || document.body.className === "live") say("● live", "live");
  } else if (message.wakes) say("◌ asking…", "old");
  else if (message.rests) say("◌ rests", "old");
  else if (message.ended) ended(message.ended);
  else if (message.lost !== undefined) lost(message.lost);
}

function lost(failures) {
  const seconds = heardAt && Math.round((Date.now() - heardAt) / 1000);
  const old = heardAt ? `; what is shown is ${seconds}s old` : "";
  if (failures < PATIENCE) say(`○ reconnecting${old}`, "old");
  else say(`✕ the server does not answer${old}; start it again: git orchestra web`, "old gone");
}

function ended(error) {
  const isStranger = error.status === undefined || error.status === 401;
  const [title, hint] = isStranger
    ? ["This browser is not logged in", "Open the link that 'git orchestra web' printed; it works once, for ten minutes."]
    : ["This link does not log in", error.message];
  fill(
    main,
    make(
      "section",
      { class: "over" },
      make("h2", {}, title),
      make("p", {}, hint),
      make("p", {}, "Start the page again: git orchestra web"),
    ),
  );
  say(isStranger ? "✕ not logged in" : "✕ the link does not log in", "ended");
}

async function start() {
  fill(document.getElementById("places"), ...PLACES.map((one) => make("a", { href: `#${one.name}`, title: one.title }, one.word)));
  whenLoggedInElsewhere(() => location.reload());
  try {
    await logIn();
  } catch (error) {
    return ended({ message: error.message, status: error.status ?? 0 });
  }
  fill(main, list, pane);
  board.start(list);
  listenToKeys();
  onEvent((event, data) => {
    open?.view?.changed?.(event, data);
    draw();
  });
  addEventListener("hashchange", choose);
  choose();
  setInterval(tick, TICK);
  await follow({ on: heard, everything, staysAwake: notices.areLoud });
}

start();
