// What can be done with an agent: to say something, pause, resume, stop, save, review and remove.

import { ofAgent, possible } from "./agents.js";
import { howToAct, mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, fill, make, setText } from "./dom.js";
import { act, ask, resultLine } from "./sheet.js";

/** Makes the bar of an agent. It is drawn again only if something else can be done. */
export function actions(id, current) {
  const result = resultLine();
  const field = make("textarea", { rows: "1", "aria-label": "Message", placeholder: "say something", oninput: () => equal() });
  const code = make("code", {});
  const equals = make("p", { class: "equals" }, code);
  const buttons = make("div", { class: "buttons" });
  const root = make("form", { class: "acts", onsubmit: (event) => event.preventDefault() });
  let shown = null;

  const on = (words, path, body) => act(result, command(...words), `agents/${id}/${path}`, body);
  const equal = () => setText(code, field.value.trim() ? command("send", id, field.value.trim()) : "");

  async function say() {
    const text = field.value.trim();
    if (!text || !(await on(["send", id, text], "send", { text }))) return;
    field.value = "";
    equal();
  }

  async function stop() {
    const words = ["stop", id];
    const keeps = "its work so far is committed to its branch; its worktree and its session stay.";
    if (
      await ask({ title: `Stop ${id}?`, keeps, undo: command("resume", id), command: command(...words), yes: "Stop it", no: "Let it run" })
    )
      await on(words, "stop", {});
  }

  async function cleanup() {
    const words = ["cleanup", id];
    const keeps = "work that is not landed: only an agent whose work is provably in your branch is removed.";
    if (
      !(await ask({ title: `Remove ${id}?`, keeps, undo: "in History, for 30 days of use", command: command(...words), yes: "Remove it" }))
    )
      return;
    const answer = await act(result, command(...words), "cleanup", { agents: [id] });
    const [row] = answer?.agents ?? [];
    if (row && row.outcome !== "removed") fill(result, `It was ${row.outcome}: `, row.why ?? "", row.hint ? ` — ${(row.hints ?? [row.hint]).join(" — ")}` : "");
  }

  function draw() {
    const agent = current();
    const can = agent ? possible(agent) : {};
    const key = JSON.stringify(can);
    if (key === shown) return;
    shown = key;
    const focused = document.activeElement?.textContent;
    const hadFocus = buttons.contains(document.activeElement);
    fill(
      buttons,
      can.pause && button("Pause", () => on(["pause", id], "pause", {})),
      can.resume && button("Resume", () => on(["resume", id], "resume", {})),
      can.stop && button("Stop…", stop, { class: "deny" }),
      button("Save work", () => on(["collect", id], "collect", {})),
      can.review && make("a", { class: "button", href: ofAgent(id, "diff") }, "Review"),
      can.cleanup && button("Remove…", cleanup, { class: "deny" }),
    );
    if (hadFocus) ([...buttons.children].find((one) => one.textContent === focused) ?? buttons.firstElementChild)?.focus();
  }

  if (!mayWrite()) fill(root, make("p", { class: "empty" }, howToAct()));
  else {
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) say();
    });
    fill(root, field, button("Say", say, { class: "allow" }), buttons, equals, result);
    draw();
  }
  return { root, changed: () => mayWrite() && draw() };
}
