// The board: who needs you, who works, who has ended.

import { age, fill, make } from "./dom.js";

/** The most agents that have ended and are shown. */
const ENDED = 50;
const MARKS = { waiting: "?", lost: "!", queued: "○", starting: "◔", running: "●", paused: "‖", done: "✓" };

/** Returns the mark and the word of an agent's state. */
export function state(agent) {
  const word = agent.waiting ? "waiting" : agent.liveness === "lost" ? "lost" : agent.phase;
  return { word, mark: MARKS[word] ?? "✗" };
}

/** Returns to which group of the board an agent belongs. */
export function group(agent) {
  if (agent.waiting || agent.liveness === "lost") return "needs";
  return agent.liveness === "live" || agent.phase === "queued" ? "works" : "ended";
}

function row(agent, chosen) {
  const { word, mark } = state(agent);
  const about = agent.request?.text ?? agent.waiting ?? agent.activity ?? agent.reason ?? agent.title;
  const facts = [word, agent.profile, age(agent.ended_at ?? agent.started_at ?? agent.queued_at)];
  if (agent.commits) facts.push(agent.commits === 1 ? "1 commit" : `${agent.commits} commits`);
  return make(
    "li",
    {},
    make(
      "a",
      { href: `#${agent.id}`, class: `row ${word}`, "aria-current": chosen === agent.id ? "true" : null },
      make("span", { class: "mark", "aria-hidden": "true" }, mark),
      make("span", { class: "id" }, agent.id),
      make("span", { class: "facts" }, facts.join(" · ")),
      make("span", { class: "about" }, about ?? ""),
    ),
  );
}

/** Draws the board. The order in a group is that in which agents were started, so that rows stay where they are. */
export function draw(element, agents, chosen) {
  const groups = { needs: [], works: [], ended: [] };
  for (const agent of agents) groups[group(agent)].push(agent);
  groups.ended.reverse();
  const part = (title, all, empty, most = Infinity) => {
    const rows = all.slice(0, most).map((agent) => row(agent, chosen));
    const rest = all.length > most && make("p", { class: "empty" }, `${all.length - most} more`);
    const list = rows.length > 0 ? make("ul", {}, ...rows) : make("p", { class: "empty" }, empty);
    return make("section", {}, make("h2", {}, `${title} ${all.length}`), list, rest);
  };
  const focused = document.activeElement?.getAttribute?.("href");
  if (agents.length === 0) {
    fill(element, make("p", { class: "empty" }, "No agents yet. Start one: git orchestra spawn 'what is to be done'"));
    return;
  }
  fill(
    element,
    part("Needs you", groups.needs, "Nobody waits for you."),
    part("Works", groups.works, "Nobody works."),
    part("Ended", groups.ended, "Nobody has ended.", ENDED),
  );
  if (focused?.startsWith("#")) element.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
