// The sessions of agent programs: find one, search in all, and resume one by hand.

import { ofAgent } from "./agents.js";
import { get } from "./api.js";
import { command } from "./commands.js";
import { button, count, dollars, fill, make, since } from "./dom.js";
import { fault } from "./sheet.js";

const FIRST = 50;

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
      make("div", {}, "Read it: ", make("code", {}, command("sessions", "show", id))),
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
