// Words and marks for the state of an agent.

const MARKS = { waiting: "?", lost: "!", queued: "○", starting: "◔", running: "●", paused: "‖", done: "✓" };

/** Returns the address of an agent, and of one of its tabs. */
export const ofAgent = (id, tab) => `#agent/${encodeURIComponent(id)}${tab ? `/${tab}` : ""}`;

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

/** Returns what may be done with an agent: whether it can be paused, resumed, stopped, and whether its work can be reviewed. */
export function possible(agent) {
  const isLive = agent.liveness === "live";
  const isEnded = agent.liveness === "ended";
  return {
    say: true,
    pause: isLive && agent.phase !== "paused",
    resume: agent.phase === "paused" || agent.liveness === "lost" || (isEnded && agent.phase !== "done"),
    stop: isLive || agent.phase === "queued" || agent.phase === "paused",
    review: (agent.commits ?? 0) > 0,
    cleanup: isEnded,
  };
}
