// Where agents work.

import { ofAgent, state } from "./agents.js";
import { get, mayWrite, post } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, make, size } from "./dom.js";
import { act, ask, fault, resultLine } from "./sheet.js";

/** Makes the view. */
export function view() {
  const list = make("ul", { class: "rows", "aria-label": "Worktrees" });
  const result = resultLine();
  const clean = mayWrite() && button("Remove what has landed…", cleanup);
  const root = make(
    "section",
    { class: "page" },
    make("h2", { tabindex: "-1" }, "Worktrees"),
    make("div", { class: "buttons" }, clean),
    result,
    list,
  );

  function row(tree) {
    const { word, mark } = state(tree);
    const facts = [
      `${mark} ${word}`,
      tree.branch,
      size(tree.size),
      tree.dirty ? count(tree.dirty, "uncommitted file") : "",
      tree.locked ? `locked: ${tree.locked}` : "",
      tree.worktree_state === "here" ? "" : tree.worktree_state,
    ];
    return make(
      "li",
      {},
      make("a", { href: ofAgent(tree.id) }, tree.id),
      make("div", {}, make("code", {}, tree.path ?? tree.worktree ?? "")),
      make("div", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    );
  }

  async function cleanup() {
    const words = command("cleanup");
    let plan;
    try {
      plan = await post("cleanup", { dry_run: true });
    } catch (error) {
      return fill(result, "✗ ", fault(error));
    }
    const goes = plan.agents.filter(({ outcome }) => outcome !== "kept");
    const stays = plan.agents.filter(({ outcome }) => outcome === "kept");
    if (goes.length === 0) return fill(result, "Nothing is removed: the work of no agent is provably in your branch.");
    const more = [make("ul", {}, ...goes.map(({ id, why }) => make("li", {}, `${id}: ${why}`)))];
    const keeps = stays.length > 0 ? stays.map(({ id, why }) => `${id} (${why})`).join(", ") : "all work: it is in your branch.";
    if (
      await ask({
        title: `Remove ${count(goes.length, "agent")}?`,
        keeps,
        undo: "in History, for 30 days of use",
        command: words,
        yes: "Remove",
        more,
      })
    ) {
      await act(result, words, "cleanup", { agents: goes.map(({ id }) => id) });
      read();
    }
  }

  async function read() {
    try {
      const { worktrees } = await get("worktrees");
      fill(list, ...(worktrees.length > 0 ? worktrees.map(row) : [make("li", { class: "empty" }, "No agent has a worktree.")]));
    } catch (error) {
      fill(list, make("li", { class: "empty" }, fault(error)));
    }
  }

  read();
  return { root, changed: (event) => ["gone", "reset"].includes(event) && read() };
}
