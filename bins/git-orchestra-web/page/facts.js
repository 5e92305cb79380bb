// What is known of an agent.

import { command } from "./commands.js";
import { get, mayWrite } from "./api.js";
import { button, dollars, fill, make, size } from "./dom.js";
import { act, fault, resultLine } from "./sheet.js";

/** What is shown first, in this order, with other words. */
const FIRST = [
  ["title", "task"],
  ["reason", "reason"],
  ["profile", "agent"],
  ["model", "model"],
  ["branch", "branch"],
  ["worktree", "worktree"],
  ["session", "session"],
  ["parent", "parent"],
  ["verdict", "verdict"],
  ["last_words", "last words"],
];
const MONEY = new Set(["cost_usd"]);
const BYTES = new Set(["memory_bytes"]);
/** The names of facts that are not words. */
const NAMES = {
  cost_usd: "cost",
  memory_bytes: "memory",
  ran_seconds: "seconds that it ran",
  told_at: "heard of at",
  pid: "process",
  supervisor_pid: "process of the supervisor",
  attached_pid: "process that is attached",
};
const HIDDEN = new Set(["id", "request", "choice", "waiting"]);

function text(name, value) {
  if (MONEY.has(name)) return dollars(value);
  if (BYTES.has(name)) return size(value);
  if (Array.isArray(value)) return value.map((one) => text(name, one)).join(value.some((one) => typeof one === "object") ? "; " : ", ");
  if (value === true) return "yes";
  if (typeof value !== "object" || value === null) return String(value);
  const parts = Object.entries(value).filter(([, one]) => !isEmpty(one));
  return parts.map(([part, one]) => `${words(part)} ${typeof one === "object" ? `(${text(part, one)})` : text(part, one)}`).join(", ");
}

/** Returns the name of a fact as words. */
const words = (name) => (NAMES[name] ?? name).replaceAll("_", " ");

const isEmpty = (value) => value == null || value === "" || value === false || (Array.isArray(value) && value.length === 0);

/** Makes the facts of an agent. */
export function facts(id, current) {
  const list = make("dl", {});
  const resumes = make("p", { class: "equals" });
  const result = resultLine();
  const tags = make("form", { class: "buttons" });
  const body = make(
    "div",
    { class: "body facts-body", tabindex: "0", role: "tabpanel", "aria-label": "Facts" },
    list,
    resumes,
    tags,
    result,
  );
  let shown = "";

  function draw() {
    const agent = current() ?? {};
    const key = JSON.stringify(agent);
    if (key === shown) return;
    shown = key;
    const first = FIRST.filter(([name]) => !isEmpty(agent[name])).map(([name, words]) => [words, text(name, agent[name])]);
    const others = Object.entries(agent).filter(
      ([name, value]) => !isEmpty(value) && !HIDDEN.has(name) && !FIRST.some(([one]) => one === name),
    );
    const rows = [...first, ...others.map(([name, value]) => [words(name), text(name, value)])];
    fill(list, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  }

  async function readCommand() {
    const show = button("How to resume its session by hand", async () => {
      try {
        const answer = await get(`agents/${id}/command`);
        fill(resumes, make("code", {}, answer.command));
      } catch (error) {
        fill(resumes, fault(error));
      }
    });
    fill(resumes, show);
  }

  function drawTags() {
    const field = make("input", { "aria-label": "A tag", placeholder: "tag", autocomplete: "off" });
    const change = (way) => async () => {
      const tag = field.value.trim();
      if (tag && (await act(result, command("tag", `--${way}`, tag, id), `agents/${id}/tag`, { [way]: [tag] }))) field.value = "";
    };
    tags.addEventListener("submit", (event) => event.preventDefault());
    fill(tags, field, button("Add tag", change("add")), button("Remove tag", change("remove")));
  }

  draw();
  readCommand();
  if (mayWrite()) drawTags();
  return { root: make("div", { class: "scrolls" }, body), changed: draw, close() {} };
}
