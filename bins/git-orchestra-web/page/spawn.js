// Starts agents: one task a line, an agent for each.

import { get, howToAct, mayWrite } from "./api.js";
import { ofAgent } from "./agents.js";
import { command } from "./commands.js";
import { fill, make, setText } from "./dom.js";
import { act, resultLine } from "./sheet.js";

/** What was typed stays when one looks at something else meanwhile. */
const typed = { tasks: "", by: "" };

/** Makes the view. */
export function view() {
  const heading = make("h2", { tabindex: "-1" }, "Start agents");
  if (!mayWrite()) {
    const hint = make("p", { class: "empty" }, `${howToAct()}. In a terminal: git orchestra spawn 'what is to be done'`);
    return { root: make("section", { class: "page" }, heading, hint) };
  }
  const tasks = make("textarea", { rows: "6", id: "tasks", oninput: () => equal() });
  tasks.value = typed.tasks;
  const by = make("select", { id: "by", onchange: () => equal() }, make("option", { value: "" }, "the default agent"));
  const code = make("code", {});
  const result = resultLine();
  const started = make("ul", { class: "rows", "aria-label": "Started" });
  const start = make("button", { class: "allow" }, "Start");
  const form = make("form", { class: "fields", onsubmit: (event) => (event.preventDefault(), spawn()) });
  fill(
    form,
    make("label", { for: "tasks" }, "Tasks, one a line"),
    tasks,
    make("label", { for: "by" }, "Agent or team"),
    by,
    make("p", { class: "equals" }, code),
    make("div", { class: "buttons" }, start),
    result,
  );
  const lines = () =>
    tasks.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  const chosen = () => (by.value.startsWith("team ") ? { team: by.value.slice(5) } : by.value ? { profile: by.value } : {});

  function equal() {
    Object.assign(typed, { tasks: tasks.value, by: by.value });
    const { team, profile } = chosen();
    const words = command("spawn", "--detach", team ? ["--team", team] : [], profile ? ["--agent", profile] : [], lines());
    setText(code, lines().length > 0 ? words : "");
    start.disabled = lines().length === 0;
    return words;
  }

  async function spawn() {
    const words = equal();
    start.disabled = true;
    const answer = await act(result, words, "spawn", { tasks: lines(), ...chosen() });
    if (answer) {
      fill(
        started,
        ...(answer.agents ?? []).map(({ id, title }) => make("li", {}, make("a", { href: ofAgent(id) }, id), " ", title ?? "")),
      );
      tasks.value = "";
    }
    equal();
  }

  async function readChoices() {
    const add = (value, name) => by.append(make("option", { value }, name));
    const [profiles, teams] = await Promise.all([
      get("profiles").catch(() => ({ profiles: [] })),
      get("teams").catch(() => ({ teams: [] })),
    ]);
    for (const profile of profiles.profiles) add(profile.name ?? profile, profile.name ?? profile);
    for (const team of teams.teams) add(`team ${team.name}`, `team ${team.name}${team.flaw ? ` (${team.flaw})` : ""}`);
    by.value = typed.by;
    equal();
  }

  equal();
  readChoices();
  return { root: make("section", { class: "page" }, heading, form, started) };
}
