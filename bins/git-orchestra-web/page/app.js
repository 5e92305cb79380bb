// Logs in, follows the changes, and shows the board or one agent.

import { listen, logIn } from "./api.js";
import * as agent from "./agent.js";
import * as board from "./board.js";
import { fill, make } from "./dom.js";

/** How long a page that nobody sees keeps its connection: a browser has few. */
const HIDDEN = 30000;
/** The pauses between attempts to connect. */
const PAUSES = [500, 1000, 2000, 5000, 10000];

const agents = new Map();
const main = document.getElementById("main");
const status = document.getElementById("state");
const list = make("nav", { class: "board", "aria-label": "Agents" });
const pane = make("div", { class: "pane" });
let open = null;
let counts = {};
let isDrawn = false;

function draw() {
  if (isDrawn) return;
  isDrawn = true;
  requestAnimationFrame(() => {
    isDrawn = false;
    board.draw(list, [...agents.values()], open?.id);
    const waits = counts.waiting ? `? ${counts.waiting} waits · ` : "";
    document.title = counts.waiting ? `(${counts.waiting}) git orchestra` : "git orchestra";
    say(`${waits}● live · ${counts.live ?? 0} run`, "live");
  });
}

function say(text, kind) {
  if (status.textContent !== text) status.textContent = text;
  document.body.className = kind;
}

function choose() {
  const id = decodeURIComponent(location.hash.slice(1));
  open = id ? { id, view: agent.view(id, () => agents.get(id)) } : null;
  fill(pane, open?.view.root);
  main.classList.toggle("one", open !== null);
  draw();
}

function heard(event, data) {
  if (event === "reset") {
    agents.clear();
    for (const one of data.agents) agents.set(one.id, one);
    counts = data.counts;
    open?.view.changed();
    open?.view.grew();
  } else if (event === "agent") {
    agents.set(data.id, data);
    if (open?.id === data.id) open.view.changed();
  } else if (event === "gone") {
    agents.delete(data.agent);
    if (open?.id === data.agent) open.view.changed();
  } else if (event === "counts") {
    counts = data;
  } else if (event === "log") {
    if (open?.id === data.agent) open.view.grew();
    return;
  }
  draw();
}

function ended(title, ...hints) {
  fill(main, make("section", { class: "ended" }, make("h2", {}, title), ...hints.map((hint) => make("p", {}, hint))));
  say("✕ ended", "ended");
}

function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

async function follow() {
  for (let failures = 0; ; ) {
    await visible();
    const stop = new AbortController();
    let timer;
    const watch = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => stop.abort(), HIDDEN);
    };
    document.addEventListener("visibilitychange", watch);
    try {
      await listen(stop.signal, (event, data) => {
        failures = 0;
        heard(event, data);
      });
    } catch (error) {
      if (error.status === 401) {
        return ended("This browser is not logged in", "Open the link that 'git orchestra web' printed; it works once, for ten minutes.");
      }
    } finally {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", watch);
    }
    say("○ reconnecting; what is shown is old", "old");
    await new Promise((resolve) => setTimeout(resolve, PAUSES[Math.min(failures, PAUSES.length - 1)]));
    failures += 1;
  }
}

async function start() {
  try {
    await logIn();
  } catch (error) {
    return ended("This link does not log in", error.message, "Start the page again: git orchestra web");
  }
  fill(main, list, pane);
  addEventListener("hashchange", choose);
  choose();
  await follow();
}

start();
