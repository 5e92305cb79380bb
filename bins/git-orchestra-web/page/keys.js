// The keys, as in the terminal.

import { fill, make } from "./dom.js";
import { tell } from "./sheet.js";

const KEYS = [
  ["j, k", "the next and the previous agent"],
  ["Enter", "open it"],
  ["w", "the next that waits for you"],
  ["/", "filter the agents"],
  ["Escape", "back to the board"],
  ["1, 2, 3", "story, diff and facts of the agent"],
  ["?", "these keys"],
];

const rows = () => [...document.querySelectorAll(".board a.row")];

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(document.activeElement);
  const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[to].focus();
  all[to].scrollIntoView({ block: "nearest" });
}

function nextWaiting() {
  const waiting = rows().filter((row) => row.classList.contains("waiting") || row.classList.contains("gate"));
  if (waiting.length === 0) return;
  const at = waiting.findIndex((row) => row === document.activeElement || row.getAttribute("aria-current") === "true");
  const next = waiting[(at + 1) % waiting.length];
  location.hash = next.getAttribute("href");
}

function toFilter() {
  const filter = document.getElementById("filter");
  if (!filter || filter.checkVisibility()) return filter?.focus();
  // On a phone the board is shown first, which takes the focus.
  addEventListener("hashchange", () => filter.focus(), { once: true });
  location.hash = "";
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const isField = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (isField && event.key === "Escape") return event.target.blur();
  if (isField || document.querySelector("dialog[open]")) return;
  const acts = {
    j: () => move(1),
    k: () => move(-1),
    w: nextWaiting,
    "/": toFilter,
    Escape: () => {
      location.hash = "";
    },
    "?": () => tell("Keys", keyList()),
  };
  const tab = ["1", "2", "3"].includes(event.key) && document.querySelectorAll(".agent [role=tab]")[Number(event.key) - 1];
  const done = tab ? () => tab.click() : acts[event.key];
  if (!done) return;
  event.preventDefault();
  done();
}

/** Makes the list of keys. */
export function keyList() {
  const list = make("dl", {});
  fill(list, ...KEYS.flatMap(([key, about]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, about)]));
  return list;
}

/** Acts when keys are pressed outside fields. */
export function listenToKeys() {
  document.addEventListener("keydown", pressed);
}
