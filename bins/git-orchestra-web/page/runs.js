// Runs of plans, their gates, messages of agents, and teams.

import { ofAgent } from "./agents.js";
import { get, mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, keepRows, make, since } from "./dom.js";
import { act, ask, fault, resultLine } from "./sheet.js";
import { known } from "./store.js";

/** Options of gates that end something. */
const ENDS = new Set(["stop", "skip", "abort", "reject"]);

function gatePart(run, gate, result) {
  const note = make("input", {
    "aria-label": `Words to the answer at gate ${gate.gate}`,
    placeholder: "words to the answer (may be empty)",
    autocomplete: "off",
  });
  const answer = async (option) => {
    const words = command("decide", run.run, gate.gate, option, note.value ? ["-m", note.value] : []);
    const keeps = "the work of the agent so far; the other tasks of the run continue.";
    if (
      ENDS.has(option) &&
      !(await ask({
        title: `${option} at gate ${gate.gate}?`,
        keeps,
        undo: "the task can be started once more; its work stays on its branch",
        command: words,
        yes: option,
      }))
    )
      return;
    await act(result, words, "gates", { run: run.run, gate: gate.gate, option, ...(note.value ? { note: note.value } : {}) });
  };
  return make(
    "div",
    { class: "asks" },
    make("h3", {}, `? gate ${gate.gate}: ${gate.kind}${gate.task ? ` of task ${gate.task}` : ""}`),
    gate.says && make("pre", { class: "request" }, gate.says),
    gate.agent && make("a", { href: ofAgent(String(gate.agent)) }, String(gate.agent)),
    ...(gate.answers ?? []).map(({ option, via, note }) =>
      make("p", {}, `Answered: ${option}${via ? ` (via ${via})` : ""}. It counts when the run continues.`, note ? ` — ${note}` : ""),
    ),
    gate.deadline && make("p", {}, `Without an answer, ${gate.default} is taken at ${gate.deadline}.`),
    mayWrite() && note,
    mayWrite() &&
      make(
        "div",
        { class: "buttons" },
        ...gate.options.map((option) =>
          button(option, () => answer(option), {
            class: ENDS.has(option) ? "deny" : "allow",
            "aria-label": `${option} at gate ${gate.gate}`,
          }),
        ),
      ),
    make("p", { class: "equals" }, make("code", {}, command("decide", run.run, gate.gate, gate.options[0] ?? ""))),
  );
}

function messagePart(message, result, read) {
  const { id, agent, at, kind, text, unread, reply, reply_via: via } = message;
  const field = make("input", { "aria-label": `Reply to ${agent}`, placeholder: "reply", autocomplete: "off" });
  const answer = async () => {
    if (
      field.value.trim() &&
      (await act(result, command("inbox", "reply", id.slice(0, 10), field.value.trim()), "inbox/reply", {
        message: id,
        text: field.value.trim(),
      }))
    )
      read();
  };
  const mark = async () => {
    if (await act(result, command("inbox", "read", id.slice(0, 10)), "inbox/read", { messages: [id] })) read();
  };
  return make(
    "li",
    { class: unread ? "" : "faint" },
    make("a", { href: ofAgent(agent) }, agent),
    make("span", { class: "facts" }, ` ${kind} · `, since(at), " ago"),
    make("pre", { class: "request" }, text),
    reply && make("p", {}, `Replied${via ? ` (via ${via})` : ""}: ${reply}`),
    mayWrite() &&
      make(
        "form",
        { class: "buttons", onsubmit: (event) => (event.preventDefault(), answer()) },
        kind === "question" && !reply && field,
        kind === "question" && !reply && make("button", { class: "allow" }, "Reply"),
        unread && button("Mark as read", mark),
      ),
  );
}

/** Makes the view. */
export function view() {
  const list = make("ul", { class: "rows", "aria-label": "Runs" });
  const none = make("p", { class: "empty" });
  const messages = make("ul", { class: "rows", "aria-label": "Messages" });
  const teams = make("ul", { class: "rows", "aria-label": "Teams" });
  const result = resultLine();
  const root = make(
    "section",
    { class: "page" },
    make("h2", { tabindex: "-1" }, "Runs"),
    mayWrite() && make("p", {}, make("a", { href: "#plan", class: "button" }, "Carry out a plan")),
    result,
    none,
    list,
    make("h3", {}, "Messages"),
    messages,
    make("h3", {}, "Teams"),
    teams,
  );

  async function resume(run) {
    await act(result, command("run", "--continue", run.run), `runs/${run.run}/continue`, {});
  }

  async function end(run) {
    const words = command("run", "--abort", run.run);
    if (
      await ask({
        title: `Give up ${run.title}?`,
        keeps: "what has landed, and the work of all its agents.",
        undo: "landed work: in History",
        command: words,
        yes: "Give it up",
      })
    ) {
      await act(result, words, `runs/${run.run}/abort`, {});
    }
  }

  function update(row, run) {
    const parts = [
      run.tasks != null ? count(run.tasks, "task") : "",
      `${run.landed} landed`,
      run.published ? `${run.published} published` : "",
      run.failed ? `${run.failed} failed` : "",
      run.skipped ? `${run.skipped} skipped` : "",
      run.unchanged ? `${run.unchanged} unchanged` : "",
    ];
    const isDriven = Boolean(run.driver);
    fill(
      row,
      make("b", {}, run.title),
      make("div", { class: "facts" }, make("code", {}, run.run), " · ", parts.filter(Boolean).join(" · ")),
      run.tasks
        ? make("progress", {
            max: run.tasks,
            value: run.landed + run.published + run.failed + run.skipped + run.unchanged,
            "aria-label": "Tasks that have ended",
          })
        : null,
      ...(run.waits ?? []).map((id) => make("a", { href: ofAgent(id) }, `? ${id}`)),
      ...(run.gates ?? []).map((gate) => gatePart(run, gate, result)),
      mayWrite() &&
        make(
          "div",
          { class: "buttons" },
          !isDriven || run.driver.here ? button("Continue", () => resume(run)) : null,
          button("Give up…", () => end(run), { class: "deny" }),
        ),
    );
  }

  function drawRuns(runs) {
    fill(
      none,
      runs.length === 0 && "No run of a plan is open. Start one: ",
      runs.length === 0 && make("code", {}, command("run", "plan.md")),
    );
    keepRows(list, runs, { key: (run) => run.run, sign: JSON.stringify, create: () => make("li", {}), update });
  }

  async function readMessages() {
    try {
      const { messages: all } = await get("inbox");
      fill(
        messages,
        ...(all.length > 0
          ? all.map((message) => messagePart(message, result, readMessages))
          : [make("li", { class: "empty" }, "No messages.")]),
      );
    } catch (error) {
      fill(messages, make("li", { class: "empty" }, fault(error)));
    }
  }

  async function readTeams() {
    try {
      const { teams: all } = await get("teams");
      fill(
        teams,
        ...(all.length > 0
          ? all.map((team) =>
              make(
                "li",
                {},
                make("b", {}, team.name),
                make(
                  "div",
                  { class: "facts" },
                  team.flaw ?? `${team.roles.map((role) => role.name ?? JSON.stringify(role)).join(", ")} · ${count(team.rounds, "round")}`,
                ),
              ),
            )
          : [make("li", { class: "empty" }, "No team is configured.")]),
      );
    } catch {
      fill(teams, make("li", { class: "empty" }, "Teams cannot be read."));
    }
  }

  drawRuns(known.runs);
  readMessages();
  readTeams();
  const isTyped = () => messages.contains(document.activeElement) && document.activeElement.value;
  return {
    root,
    changed(event, data) {
      if (event === "runs" || event === "reset") drawRuns(known.runs);
      if (event === "agent" && data.unread_messages && !isTyped()) readMessages();
    },
  };
}
