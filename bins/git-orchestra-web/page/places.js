// The places of the page, as the part of the address after '#' names them.

import * as agent from "./agent.js";
import * as compare from "./compare.js";
import * as costs from "./costs.js";
import * as history from "./history.js";
import * as land from "./land.js";
import * as more from "./more.js";
import * as plan from "./plan.js";
import * as runs from "./runs.js";
import * as sessions from "./sessions.js";
import * as spawn from "./spawn.js";
import * as specs from "./specs.js";
import * as worktrees from "./worktrees.js";

/** What the bar shows. */
export const PLACES = [
  { name: "", word: "Agents", title: "All agents" },
  { name: "land", word: "Land", title: "Land work, in ranked order" },
  { name: "runs", word: "Runs", title: "Runs of plans, gates and teams" },
  { name: "more", word: "More", title: "Specs, comparisons, history, sessions, worktrees, costs" },
  { name: "spawn", word: "+", title: "Start agents" },
];

const VIEWS = {
  land: land.view,
  runs: runs.view,
  more: more.view,
  history: history.view,
  sessions: sessions.view,
  worktrees: worktrees.view,
  costs: costs.view,
  spawn: spawn.view,
  plan: plan.view,
  specs: specs.view,
  compare: compare.view,
};

/** The places that the bar reaches through another one. */
const BELOW = { history: "more", sessions: "more", worktrees: "more", costs: "more", specs: "more", compare: "more", plan: "runs" };

let last = null;

/** Reads an address: the name of the place, what opens it, and from which agent one came. */
export function parse(hash) {
  const [name = "", ...rest] = hash.slice(1).split("/").map(decode);
  const from = last;
  last = name === "agent" ? rest[0] : null;
  if (name === "agent" && rest[0]) return { name: "", agent: rest[0], open: () => agent.view(rest[0], rest[1]) };
  const view = VIEWS[name];
  return { name: view ? (BELOW[name] ?? name) : "", from, open: view && (() => view(...rest)) };
}

/** An address that was cut is a place that does not exist. */
function decode(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return "";
  }
}
