// The board: who needs you, who works, who has ended.

import { group, ofAgent, state } from "./agents.js";
import { asks } from "./asks.js";
import { howToAct, mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, count, dollars, fill, keepRows, make, setText, since } from "./dom.js";
import { open as openGates } from "./notices.js";
import { agents, known, left, readAll } from "./store.js";

/** How many agents that have ended are shown at first, and how many more each time. */
const ENDED = 50;

const parts = {};
const open = { root: null, most: ENDED, chosen: null, isTold: false };

/** Makes the board. */
export function start(root) {
  open.root = root;
  const filter = make("input", {
    id: "filter",
    type: "search",
    "aria-label": "Filter agents",
    placeholder: "filter  ( / )",
    autocomplete: "off",
    oninput: () => draw(open.chosen),
  });
  const part = (name, title, empty) => {
    const heading = make("h2", {});
    const list = make("ul", { "aria-label": title });
    const none = make("p", { class: "empty" }, empty);
    parts[name] = { title, heading, list, none };
    return make("section", { class: name }, heading, list, none);
  };
  parts.filter = filter;
  parts.empty = make("div", { class: "empty" });
  parts.landing = make("a", { href: "#land", class: "banner" });
  parts.more = button("", showMore, { class: "more" });
  parts.groups = make(
    "div",
    {},
    part("needs", "Needs you", "Nobody waits for you."),
    part("works", "Working", "Nobody works."),
    part("ended", "Ended", "Nobody has ended."),
    parts.more,
  );
  fill(root, parts.landing, parts.empty, filter, parts.groups, !mayWrite() && make("p", { class: "empty" }, howToAct()));
}

function showMore() {
  open.most += 4 * ENDED;
  if (left() > 0) readAll().catch(() => {});
  draw(open.chosen);
}

function rowOfGate(gate) {
  return { key: `gate ${gate.run} ${gate.gate}`, gate };
}

function sign({ agent, gate }) {
  if (gate) return JSON.stringify(gate);
  const {
    id,
    title,
    activity,
    reason,
    waiting,
    request,
    choice,
    profile,
    commits,
    cost_usd,
    ended_at,
    started_at,
    queued_at,
    verdict,
    merged,
    messages,
    unread_messages,
  } = agent;
  const isChosen = open.chosen === id;
  return JSON.stringify([
    state(agent),
    title,
    activity,
    reason,
    waiting,
    request,
    choice,
    profile,
    commits,
    cost_usd,
    ended_at,
    started_at,
    queued_at,
    verdict,
    merged,
    messages,
    unread_messages,
    isChosen,
  ]);
}

function create({ agent, gate }) {
  const link = make("a", { href: gate ? "#runs" : ofAgent(agent.id) });
  const row = make("li", {}, link);
  row.link = link;
  return row;
}

function update(row, { agent, gate }) {
  const { link } = row;
  if (gate) {
    link.className = "row gate";
    const about = gate.says ?? gate.kind;
    return fill(
      link,
      mark("?"),
      make("span", { class: "id" }, `gate ${gate.gate} of ${gate.title}`),
      make("span", { class: "facts" }, gate.kind),
      make("span", { class: "about" }, about),
    );
  }
  const { word, mark: sign } = state(agent);
  link.className = `row ${word}`;
  if (open.chosen === agent.id) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const asked = agent.waiting ? null : (agent.activity ?? agent.reason ?? agent.title);
  const about = asked === agent.title || !agent.title ? asked : [agent.title, asked].filter(Boolean).join(" — ");
  const facts = [
    word,
    agent.profile,
    agent.commits ? count(agent.commits, "commit") : null,
    agent.cost_usd ? dollars(agent.cost_usd) : null,
    agent.verdict,
    agent.merged ? "landed" : null,
    agent.unread_messages ? count(agent.unread_messages, "unread message") : null,
  ];
  fill(
    link,
    mark(sign),
    make("span", { class: "id" }, agent.id),
    make("span", { class: "age" }, since(agent.ended_at ?? agent.started_at ?? agent.queued_at)),
    make("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    about && make("span", { class: "about" }, about),
  );
  if (agent.waiting && !row.asks) {
    row.asks = asks();
    row.append(row.asks.root);
  }
  row.asks?.draw(agent);
}

const mark = (text) => make("span", { class: "mark", "aria-hidden": "true" }, text);

function isMeant(agent, words) {
  if (words.length === 0) return true;
  const text = [agent.id, agent.title, agent.profile, state(agent).word, agent.activity, agent.branch, ...(agent.tags ?? [])]
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Draws the board. The order in a group is that in which agents were started, so that rows stay where they are. */
export function draw(chosen) {
  if (!open.root) return;
  open.chosen = chosen;
  const words = parts.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = { needs: [], works: [], ended: [] };
  for (const run of known.runs)
    for (const gate of openGates(run)) groups.needs.push(rowOfGate({ ...gate, run: run.run, title: run.title }));
  for (const agent of agents.values()) if (isMeant(agent, words)) groups[group(agent)].push({ key: agent.id, agent });
  groups.ended.reverse();
  const areNone = agents.size === 0 && known.counts.live !== undefined;
  parts.groups.hidden = areNone;
  parts.filter.hidden = agents.size === 0;
  if (areNone !== open.isTold) {
    open.isTold = areNone;
    fill(
      parts.empty,
      areNone && make("p", {}, "No agents yet. Start one with + or: ", make("code", {}, command("spawn", "what is to be done"))),
    );
  }
  for (const [name, items] of Object.entries(groups)) {
    const { title, heading, list, none } = parts[name];
    const total = name === "ended" && words.length === 0 ? items.length + left() : items.length;
    setText(heading, `${title} ${total}`);
    none.hidden = items.length > 0;
    keepRows(list, items.slice(0, name === "ended" ? open.most : Infinity), { key: (item) => item.key, sign, create, update });
  }
  const rest = groups.ended.length + left() - Math.min(groups.ended.length, open.most);
  parts.more.hidden = rest <= 0;
  setText(parts.more, `Show more of ${rest}`);
  drawLanding();
}

function drawLanding() {
  const [landing] = known.landings;
  parts.landing.hidden = !landing;
  if (landing) setText(parts.landing, `Landing: ${landing.summary}`);
}

/** Puts the focus on the row of an agent. */
export function focus(id) {
  const row = id && open.root.querySelector(`a[href="${CSS.escape(ofAgent(id))}"]`);
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}
