// The sessions of agent programs: find one, read it, search in all, and resume one by hand.

import { ofAgent } from "./agents.js";
import { get } from "./api.js";
import { command } from "./commands.js";
import { button, count, dollars, fill, make, since } from "./dom.js";
import { fault } from "./sheet.js";

const FIRST = 50;
const MARKS = { prompt: ">", answer: " ", thought: "…", tool: "→", result: "←", remark: "·" };

/** Makes the part of a row in which the session is read, page by page. */
function conversation(id) {
  const lines = make("div", { class: "lines" });
  const place = make("div", {}, lines);
  let next = 0;
  const more = button("Read", () => read(), { "aria-label": `Read ${id}` });
  place.append(more);

  function line({ role, text, failed, cut }) {
    const rest = cut ? `\n… the rest: ${command("sessions", "show", "--full", id)}` : "";
    return make("div", { class: `line ${role}${failed ? " failed" : ""}` }, `${failed ? "✗" : MARKS[role]} ${text}${rest}`);
  }

  async function read() {
    try {
      const page = await get(`sessions/${encodeURIComponent(id)}?from=${next}`);
      lines.append(...page.items.map(line));
      if (next === 0 && page.items.length === 0) lines.append(make("div", { class: "line" }, "Nothing was said in it."));
      next = page.next;
      more.hidden = next == null;
      more.textContent = "More";
    } catch (error) {
      place.append(fault(error));
    }
  }
  return place;
}

/** Makes the view. */
export function view() {
  const list = make("ul", { class: "rows", "aria-label": "Sessions" });
  const note = make("p", { class: "empty", role: "status" });
  const field = make("input", {
    type: "search",
    "aria-label": "Find a session",
    placeholder: "filter; Enter searches what was said",
    autocomplete: "off",
    oninput: () => filter(),
  });
  const more = button("Show more", () => read(limit * 4), { class: "more", hidden: true });
  const form = make(
    "form",
    { class: "buttons", onsubmit: (event) => (event.preventDefault(), search()) },
    field,
    make("button", {}, "Search"),
  );
  const root = make("section", { class: "page" }, make("h2", { tabindex: "-1" }, "Sessions"), form, note, list, more);
  let all = [];
  let limit = FIRST;

  function commandPart(id) {
    const place = make("div", {});
    const show = button(
      "Resume…",
      async () => {
        try {
          const answer = await get(`sessions/${encodeURIComponent(id)}/command`);
          fill(place, make("code", {}, answer.command));
        } catch (error) {
          fill(place, fault(error));
        }
      },
      { "aria-label": `How to resume ${id}` },
    );
    place.append(show);
    return place;
  }

  function row(session) {
    const { id, program, title, first_prompt, last_active_at, messages, cost_usd, live, agent, hits = [] } = session;
    const facts = [program, messages != null ? count(messages, "message") : "", cost_usd ? dollars(cost_usd) : "", live ? "● in use" : ""];
    return make(
      "li",
      {},
      make("b", {}, title ?? first_prompt ?? id),
      make(
        "div",
        { class: "facts" },
        last_active_at && since(last_active_at),
        last_active_at && " ago · ",
        facts.filter(Boolean).join(" · "),
      ),
      ...hits.map(({ role, line }) => make("div", { class: "hit" }, `${role}: ${line}`)),
      agent && make("a", { href: ofAgent(agent) }, agent),
      conversation(id),
      commandPart(id),
    );
  }

  function show(sessions, empty) {
    fill(list, ...sessions.map(row));
    fill(note, sessions.length === 0 ? empty : "");
  }

  function filter() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = ({ id, title, first_prompt, last_prompt, program, branch, agent }) =>
      [id, title, first_prompt, last_prompt, program, branch, agent].join(" ").toLowerCase();
    show(
      all.filter((session) => words.every((word) => text(session).includes(word))),
      words.length > 0
        ? "None of these sessions; Enter searches in what was said."
        : "No session of an agent program is in this repository.",
    );
  }

  async function search() {
    const words = field.value.trim();
    if (!words) return filter();
    fill(note, "searching…");
    try {
      const { sessions, searched } = await get(`sessions/search?words=${encodeURIComponent(words)}&ignore_case=true`);
      show(sessions, "Nothing was found.");
      if (sessions.length > 0) fill(note, `${count(sessions.length, "session")} of ${searched}`);
    } catch (error) {
      fill(note, fault(error));
    }
  }

  async function read(most) {
    limit = most;
    fill(note, "reading…");
    try {
      ({ sessions: all } = await get(`sessions?limit=${limit}`));
      filter();
      more.hidden = all.length < limit || limit >= 500;
    } catch (error) {
      fill(note, fault(error));
    }
  }

  read(FIRST);
  return { root };
}
