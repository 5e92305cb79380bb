// What this tab knows of the agents and the runs, and who wants to know of changes.

import { get } from "./api.js";

/** All agents in view, by id, in the order in which they were queued. */
export const agents = new Map();

/** What is known beside the agents. */
export const known = { counts: {}, more: 0, landings: [], runs: [], areAllWanted: false, areAllHere: false };

/** Returns how many agents are not here: the stream leaves out those beyond a number, and `status` old ones. */
export const left = () => (known.areAllHere ? 0 : known.more + (known.counts.hidden ?? 0));

const listeners = new Set();

/** Calls `listener` with each event; the answer ends that. */
export function onEvent(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Takes an event of the stream, and tells all who listen. */
export function take(event, data) {
  if (event === "reset") {
    agents.clear();
    for (const agent of data.agents) agents.set(agent.id, agent);
    Object.assign(known, { counts: data.counts, more: data.more ?? 0, runs: data.runs ?? [], areAllHere: false });
    if (known.areAllWanted && left() > 0) readAll().catch(() => {});
  } else if (event === "agent") agents.set(data.id, data);
  else if (event === "gone") {
    // One that newer ones hide stays, if all were asked for.
    if (data.how !== "hidden" || !known.areAllHere) agents.delete(data.agent);
  } else if (event === "counts") known.counts = data;
  else if (event === "operation") known.landings = data.landings;
  else if (event === "runs") known.runs = data.runs;
  for (const listener of listeners) listener(event, data);
}

/** Returns everything, as the stream says it first. */
export function everything() {
  return { agents: [...agents.values()], counts: known.counts, more: known.more, runs: known.runs };
}

/** Reads the agents that the stream left out. */
export async function readAll() {
  known.areAllWanted = true;
  const { agents: all } = await get("status?all=true");
  agents.clear();
  for (const agent of all) agents.set(agent.id, agent);
  known.areAllHere = true;
  for (const listener of listeners) listener("all", {});
}
