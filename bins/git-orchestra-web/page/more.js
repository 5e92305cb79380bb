// The other places, the sound, and the keys.

import { count, make, setText } from "./dom.js";
import { howToAct, mayWrite } from "./api.js";
import { keyList } from "./keys.js";
import { areLoud, setLoud } from "./notices.js";
import { agents, known } from "./store.js";

const PLACES = [
  ["specs", "Specs", "what is to be built, and what changed"],
  ["compare", "Compare", "the work of several agents on one task, and pick one"],
  ["history", "History", "what was done, and undo"],
  ["sessions", "Sessions", "find and search what agents and you said"],
  ["worktrees", "Worktrees", "where agents work, and how large that is"],
  ["costs", "Costs", "by day, by program and by agent"],
];

/** Returns how many agents work: one that waits for you is live, and does not. */
function working(live, waiting) {
  const all = [...agents.values()];
  const isWaiting = (agent) => agent.waiting && agent.liveness === "live";
  return live - (all.length > 0 ? all.filter(isWaiting).length : Math.min(live, waiting));
}

/** Makes the view. */
export function view() {
  const sound = make("input", { type: "checkbox", id: "sound", onchange: () => setLoud(sound.checked) });
  sound.checked = areLoud();
  const numbers = make("p", { class: "empty" });
  const may = mayWrite() ? "" : howToAct();
  const root = make(
    "section",
    { class: "page" },
    make("h2", { tabindex: "-1" }, "More"),
    make(
      "ul",
      { class: "cards" },
      ...PLACES.map(([name, word, about]) =>
        make("li", {}, make("a", { href: `#${name}`, class: "card" }, make("b", {}, word), make("span", {}, about))),
      ),
    ),
    make(
      "p",
      { class: "switch" },
      sound,
      make("label", { for: "sound" }, "Play a sound when somebody begins to wait (keeps this tab awake)"),
    ),
    may && make("p", { class: "empty" }, may),
    numbers,
    make("h3", {}, "Keys"),
    keyList(),
  );
  function changed() {
    const { live = 0, waiting = 0, ended = 0, hidden = 0, unreadable = 0 } = known.counts;
    setText(
      numbers,
      [
        `${working(live, waiting)} running`,
        waiting && `${waiting} ${waiting === 1 ? "waits" : "wait"} for you`,
        `${ended} ended`,
        hidden && `${hidden} older ones are not shown`,
        unreadable && `${count(unreadable, "agent")} cannot be read: git orchestra doctor`,
      ]
        .filter(Boolean)
        .join(" · "),
    );
  }
  changed();
  return { root, changed };
}
