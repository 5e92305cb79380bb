// A plan: a list of tasks, which is read for flaws, shown, and carried out as a run.

import { get, howToAct, mayWrite, post } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, make, setText } from "./dom.js";
import { act, ask, fault, resultLine } from "./sheet.js";

/** What was typed stays when one looks at something else meanwhile. */
const typed = { text: "", by: "", isConfirmed: true, isSequential: false, isPublished: false };
/** The largest file that is taken. */
const MOST = 48 * 1024;

/** Makes the view. */
export function view() {
  const heading = make("h2", { tabindex: "-1" }, "Carry out a plan");
  const back = make("a", { href: "#runs", class: "back" }, "‹ runs");
  if (!mayWrite()) {
    const hint = make("p", { class: "empty" }, `${howToAct()}. In a terminal: `, make("code", {}, command("run", "plan.md")));
    return { root: make("section", { class: "page" }, back, heading, hint) };
  }
  const text = make("textarea", {
    rows: "10",
    id: "plan",
    placeholder: "- [ ] add a login page\n- [ ] test it (after: 1)",
    oninput: () => changed(),
  });
  text.value = typed.text;
  const file = make("input", { type: "file", id: "file", accept: ".md,.markdown,.txt,.json,.yaml,.yml,.toml,text/*", onchange: take });
  const by = make("select", { id: "by", onchange: () => changed() }, make("option", { value: "" }, "the default agent"));
  const confirms = make("input", { type: "checkbox", id: "confirm", onchange: () => changed() });
  const inTurn = make("input", { type: "checkbox", id: "sequential", onchange: () => changed() });
  const publishes = make("input", { type: "checkbox", id: "pr", onchange: () => changed() });
  confirms.checked = typed.isConfirmed;
  publishes.checked = typed.isPublished;
  inTurn.checked = typed.isSequential;
  const code = make("code", {});
  const result = resultLine();
  const read = make("div", { "aria-live": "polite" });
  const look = button("Read it", show);
  const start = button("Carry it out…", begin, { class: "allow" });
  const root = make(
    "section",
    { class: "page" },
    back,
    heading,
    make(
      "div",
      { class: "fields" },
      make("label", { for: "plan" }, "Tasks, as a list"),
      text,
      make("label", { for: "file" }, "Or a file with them"),
      file,
      make("label", { for: "by" }, "Agent"),
      by,
      make("p", { class: "switch" }, confirms, make("label", { for: "confirm" }, "Ask before the first agent starts")),
      make("p", { class: "switch" }, inTurn, make("label", { for: "sequential" }, "One task after the other")),
      make("p", { class: "switch" }, publishes, make("label", { for: "pr" }, "Publish each task as a pull request, instead of landing it")),
      make("p", { class: "equals" }, code),
      make("div", { class: "buttons" }, look, start),
      result,
    ),
    read,
  );
  const options = () => ({
    ...(by.value ? { agent: by.value } : {}),
    ...(confirms.checked ? { confirm: true } : {}),
    ...(inTurn.checked ? { sequential: true } : {}),
    ...(publishes.checked ? { pr: true } : {}),
  });
  const switches = () => [confirms.checked && "--confirm", inTurn.checked && "--sequential", publishes.checked && "--pr"];
  const words = () => command("run", by.value ? ["--agent", by.value] : [], switches(), "FILE");

  function changed() {
    Object.assign(typed, {
      text: text.value,
      by: by.value,
      isConfirmed: confirms.checked,
      isSequential: inTurn.checked,
      isPublished: publishes.checked,
    });
    const isThere = text.value.trim() !== "";
    setText(code, isThere ? words() : "");
    look.disabled = start.disabled = !isThere;
  }

  async function take() {
    const [chosen] = file.files;
    if (!chosen) return;
    if (chosen.size > MOST) {
      return fill(result, "✗ ", `${chosen.name} is larger than a page takes. In a terminal: `, make("code", {}, words()));
    }
    text.value = await chosen.text();
    changed();
    await show();
  }

  /** Reads the plan, and returns whether it can be carried out. */
  async function show() {
    try {
      const plan = await post("plan", { text: text.value });
      const level = (ids, at) => make("li", {}, `${at === 0 ? "First" : "Then"}: ${ids.join(", ")}`);
      fill(
        read,
        make("h3", {}, `${plan.title ? `${plan.title}: ` : ""}${count(plan.tasks.length, "task")}`),
        ...plan.flaws.map((flaw) => make("p", { class: "warning" }, `${flaw.line ? `line ${flaw.line}: ` : ""}${flaw.message}`)),
        make("ol", { class: "rows", "aria-label": "Tasks" }, ...plan.tasks.map(task)),
        plan.levels.length > 1 && make("ul", {}, ...plan.levels.map(level)),
      );
      return plan.flaws.length === 0 ? plan : null;
    } catch (error) {
      fill(read, make("p", { class: "warning" }, fault(error)));
      return null;
    }
  }

  const task = ({ id, title, after = [] }) =>
    make(
      "li",
      {},
      make("code", {}, String(id)),
      ` ${title}`,
      after.length > 0 && make("div", { class: "facts" }, `after ${after.join(", ")}`),
    );

  async function begin() {
    const plan = await show();
    if (!plan) return fill(result, "✗ the plan has flaws");
    const isWanted = await ask({
      title: `Carry out ${count(plan.tasks.length, "task")}?`,
      keeps: publishes.checked
        ? "each agent works in a worktree of its branch; what passes the configured check is pushed once you agree in Runs."
        : "each agent works in a worktree of its branch; what passes the configured check lands.",
      undo: publishes.checked
        ? "give the run up in Runs; what is on the forge stays there"
        : "give the run up in Runs; landed work: in History",
      command: words(),
      yes: "Carry it out",
    });
    if (!isWanted) return;
    const answer = await act(result, words(), "runs", { plan: text.value, ...options() });
    if (!answer) return;
    text.value = "";
    changed();
    location.hash = "#runs";
  }

  async function readChoices() {
    const { profiles } = await get("profiles").catch(() => ({ profiles: [] }));
    for (const profile of profiles) by.append(make("option", { value: profile.name ?? profile }, profile.name ?? profile));
    by.value = typed.by;
    changed();
  }

  changed();
  readChoices();
  return { root };
}
