// What was done, newest first, and undo.

import { get, mayWrite, post } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, make, since } from "./dom.js";
import { act, ask, fault, resultLine } from "./sheet.js";

/** What stays when an operation is undone, by its command. */
const KEEPS = {
  "merge-ranked": "the branches and worktrees of the agents; your branch goes back to where it was.",
  cleanup: "everything: branches, worktrees and files come back as they were.",
  undo: "everything: what was undone is done once more.",
};

/** Makes the view. */
export function view() {
  const list = make("ul", { class: "rows", "aria-label": "Operations" });
  const result = resultLine();
  const root = make("section", { class: "page" }, make("h2", { tabindex: "-1" }, "History"), result, list);

  async function undo(operation) {
    const words = command("undo", operation.id);
    const path = "undo";
    let plan;
    try {
      plan = await post(path, { operation: operation.id, dry_run: true });
    } catch (error) {
      return fill(result, "✗ ", fault(error));
    }
    const changes = (plan.operations ?? []).flatMap(({ changes = [], removals = [] }) => [
      ...changes.map(({ branch, old }) => `${branch} goes back to ${old?.slice(0, 10) ?? "nothing"}`),
      ...removals.map(({ agent }) => `${agent} comes back`),
    ]);
    const more = [
      changes.length > 0 && make("ul", {}, ...changes.map((text) => make("li", {}, text))),
      ...(plan.warnings ?? []).map((text) => make("p", { class: "warning" }, String(text.message ?? text))),
    ].filter(Boolean);
    const isWanted = await ask({
      title: `Undo ${operation.command}: ${operation.summary}?`,
      keeps: KEEPS[operation.command] ?? "what is not named here.",
      undo: "an undo can be undone, in this list",
      command: words,
      yes: "Undo it",
      more,
    });
    if (isWanted && (await act(result, words, path, { operation: operation.id }))) read();
  }

  function row(operation) {
    const { id, command: what, at, summary, stage, holds, changes = [], removals = [], via } = operation;
    const about = [
      stage === "done" ? (holds ? "" : "is undone or has no effect") : stage,
      ...changes.map(({ branch, old, new: now }) => `${branch}: ${old?.slice(0, 10) ?? "nothing"} → ${now?.slice(0, 10) ?? "nothing"}`),
      removals.length > 0 ? count(removals.length, "agent") : "",
      via ? `via ${via}` : "",
    ];
    return make(
      "li",
      { class: holds ? "" : "faint" },
      make("div", {}, make("b", {}, what), " ", summary),
      make("div", { class: "facts" }, since(at), " ago · ", make("code", {}, id), " ", about.filter(Boolean).join(" · ")),
      holds && mayWrite() && button("Undo…", () => undo(operation), { "aria-label": `Undo ${what} ${id}` }),
    );
  }

  async function read() {
    try {
      const { operations } = await get("history");
      fill(
        list,
        ...(operations.length > 0
          ? operations.map(row)
          : [make("li", { class: "empty" }, "Nothing can be undone. Landings, cleanups and other operations appear here.")]),
      );
    } catch (error) {
      fill(list, make("li", { class: "empty" }, fault(error)));
    }
  }

  read();
  return { root, changed: (event) => ["operation", "background", "reset"].includes(event) && read() };
}
