// Compares the work of agents that had the same task, and picks one.

import { ofAgent, state } from "./agents.js";
import { get, howToAct, mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, count, dollars, fill, make, setText } from "./dom.js";
import { act, ask, fault, resultLine } from "./sheet.js";
import { agents } from "./store.js";

/** The most files of one agent that are named. */
const MOST_FILES = 50;

/** Makes the view: which agents to compare, or their work side by side. */
export const view = (...ids) => (ids.length > 1 ? compared(ids) : choose(ids));

const place = (ids) => `#compare/${ids.map(encodeURIComponent).join("/")}`;

/** Returns agents by what they were to do, if there is more than one for it. */
function together() {
  const groups = new Map();
  for (const agent of agents.values()) {
    if (agent.reviews) continue;
    const key = agent.title ?? "";
    groups.set(key, [...(groups.get(key) ?? []), agent]);
  }
  return [...groups].filter(([, group]) => group.length > 1).reverse();
}

function choose(chosen) {
  const groups = make("ul", { class: "rows", "aria-label": "Agents with the same task" });
  const boxes = make("ul", { class: "rows", "aria-label": "All agents" });
  const picked = new Set(chosen);
  const go = button("Compare", () => (location.hash = place([...picked])), { class: "allow" });
  const root = make(
    "section",
    { class: "page" },
    make("h2", { tabindex: "-1" }, "Compare"),
    make("h3", {}, "With the same task"),
    groups,
    make("h3", {}, "Or any"),
    boxes,
    make("div", { class: "buttons" }, go),
  );
  const equal = () => (go.disabled = picked.size < 2);
  function box(agent) {
    const input = make("input", { type: "checkbox", "aria-label": `Compare ${agent.id}` });
    input.checked = picked.has(agent.id);
    input.addEventListener("change", () => {
      if (input.checked) picked.add(agent.id);
      else picked.delete(agent.id);
      equal();
    });
    return make("li", { class: "ranked" }, input, make("span", {}, agent.id), make("span", { class: "facts" }, state(agent).word));
  }
  function draw() {
    const all = together();
    fill(
      groups,
      ...(all.length > 0
        ? all.map(([title, group]) =>
            make(
              "li",
              {},
              make("a", { href: place(group.map(({ id }) => id)) }, title || "without a task"),
              make("div", { class: "facts" }, group.map(({ id }) => id).join(" · ")),
            ),
          )
        : [make("li", { class: "empty" }, "None. Several for one task: ", make("code", {}, command("spawn", "--copies", 2, "a task")))]),
    );
    if (boxes.contains(document.activeElement)) return;
    fill(boxes, ...[...agents.values()].reverse().map(box));
  }
  draw();
  equal();
  return { root, changed: (event) => ["reset", "agent", "gone", "all"].includes(event) && draw() };
}

function compared(ids) {
  const works = make("ul", { class: "rows", "aria-label": "Work" });
  const note = make("p", { class: "warning", role: "status" });
  const reason = make("input", { id: "reason", autocomplete: "off", placeholder: "why (may be empty)", oninput: () => equal() });
  const code = make("code", {});
  const result = resultLine();
  const shown = { report: null };
  const root = make(
    "section",
    { class: "page" },
    make("a", { href: "#compare", class: "back" }, "‹ compare"),
    make("h2", { tabindex: "-1" }, `Compare ${count(ids.length, "agent")}`),
    note,
    works,
    mayWrite()
      ? make(
          "div",
          { class: "fields" },
          make("label", { for: "reason" }, "Words to the verdicts"),
          reason,
          make("p", { class: "equals" }, code),
        )
      : make("p", { class: "empty" }, howToAct()),
    result,
  );
  const words = (pick) => command("compare", ids, pick ? ["--pick", pick] : [], pick && reason.value ? ["-m", reason.value] : []);
  const equal = () => setText(code, words("ID"));

  async function pick(id) {
    const others = ids.filter((other) => other !== id);
    const isWanted = await ask({
      title: `Pick ${id}?`,
      keeps: `the branches of all. The work of ${id} is approved, that of ${others.join(", ")} is rejected; nothing lands.`,
      undo: "in History, or another verdict",
      command: words(id),
      yes: "Pick it",
    });
    if (!isWanted) return;
    const heads = Object.fromEntries(shown.report.agents.filter(({ head }) => head).map((work) => [work.id, work.head]));
    const request = { agents: ids, pick: id, heads, ...(reason.value ? { reason: reason.value } : {}) };
    const answer = await act(result, words(id), "compare", request);
    if (answer) draw(answer);
  }

  const fileOf = ({ path, insertions, deletions }) =>
    make("li", {}, make("code", {}, path), ` +${insertions ?? "?"} −${deletions ?? "?"}`);
  const conflictOf = ({ branch, files }) => make("p", { class: "warning" }, `It conflicts with ${branch}, in ${count(files, "file")}.`);

  function row(work) {
    const facts = [
      work.commits ? count(work.commits, "commit") : "no commit",
      work.insertions != null ? `+${work.insertions} −${work.deletions ?? 0}` : "",
      work.cost_usd ? dollars(work.cost_usd) : "",
      work.ran_seconds != null ? `${Math.round(work.ran_seconds)}s` : "",
      work.known ? `${work.known.verdict} by ${work.known.by}${work.known.via ? ` (via ${work.known.via})` : ""}` : "",
    ];
    return make(
      "li",
      { class: work.id === shown.report.picked ? "picked" : "" },
      make("a", { href: ofAgent(work.id, "diff") }, work.id),
      make("div", { class: "facts" }, `${state(work).mark} ${state(work).word} · ${facts.filter(Boolean).join(" · ")}`),
      work.same_as && make("p", {}, `The same files as ${work.same_as}.`),
      work.problem && make("p", { class: "warning" }, work.problem),
      ...(work.conflicts_with ?? []).map(conflictOf),
      make("ul", {}, ...work.files.slice(0, MOST_FILES).map(fileOf)),
      work.last_words && make("p", { class: "facts" }, work.last_words),
      mayWrite() && work.head && make("div", { class: "buttons" }, button(`Pick ${work.id}…`, () => pick(work.id), { class: "allow" })),
    );
  }

  function draw(report) {
    shown.report = report;
    const outcome = report.picked ? `${report.picked} is approved; ${report.rejected.join(", ") || "no other"} is rejected.` : "";
    setText(note, [report.same_task ? "" : "Their tasks differ.", ...report.warnings, outcome].filter(Boolean).join(" "));
    fill(works, ...report.agents.map(row));
  }

  async function read() {
    try {
      draw(await get(`compare?agents=${ids.map(encodeURIComponent).join(",")}`));
    } catch (error) {
      setText(note, fault(error));
    }
  }

  equal();
  read();
  return { root };
}
