// Lands work: the plan in ranked order, which branches conflict, what runs, and what came of it.

import { ofAgent } from "./agents.js";
import { get, howToAct, mayWrite, post } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, keepRows, make, setText, since } from "./dom.js";
import { sentences, table } from "./matrix.js";
import { act, ask, fault, resultLine } from "./sheet.js";

const words = ({ branches, into, approved }) =>
  command("merge-ranked", branches, into ? ["--into", into] : [], approved ? "--approved" : null);

/** Makes what came of a landing. */
function outcomeOf(report) {
  if (report.kind === "error") return [make("p", { class: "warning" }, `The landing failed: ${fault(report.error ?? report)}`)];
  const landed = report.order.filter((row) => row.outcome === "merged").length;
  const rows = report.order.map((row) =>
    make(
      "li",
      {},
      make("span", { class: `outcome ${row.outcome}` }, row.outcome.replaceAll("_", " ")),
      ` ${row.branch}`,
      row.why ? `: ${row.why}` : "",
    ),
  );
  return [
    make("h3", {}, report.moved ? `${landed} of ${report.order.length} landed in ${report.into}` : `${report.into} did not move`),
    report.blocked && make("p", { class: "warning" }, report.blocked),
    make("ul", {}, ...rows),
    report.moved &&
      report.operation &&
      make("p", {}, "Undo it in ", make("a", { href: "#history" }, "History"), ": ", make("code", {}, command("undo", report.operation))),
  ];
}

/** Makes the landings that run or were interrupted. `ended` is called with the answer when one was continued or aborted. */
function unfinished(result, ended) {
  const list = make("ul", { class: "rows", "aria-label": "Unfinished landings" });
  async function read() {
    const { landings } = await get("landing");
    fill(list, ...landings.map(part));
  }
  async function end(verb, into) {
    const typed = command("merge-ranked", `--${verb}`, "--into", into);
    if (
      verb === "abort" &&
      !(await ask({
        title: `Abort the landing on ${into}?`,
        keeps: `${into} as it is, and the work of all agents.`,
        undo: "land once more",
        command: typed,
        yes: "Abort it",
      }))
    )
      return;
    const answer = await act(result, typed, `landing/${verb}`, { into });
    await read();
    ended(answer);
  }
  function part({ operation, into, summary, began_at, running }) {
    const buttons = make(
      "div",
      { class: "buttons" },
      button("Abort…", () => end("abort", into), { class: "deny" }),
      button("Continue", () => end("continue", into), { class: "allow" }),
    );
    return make(
      "li",
      { class: "asks" },
      make("b", {}, running ? "A landing runs" : "A landing was interrupted"),
      make("div", { class: "facts" }, `${summary} · `, since(began_at), " ago · ", make("code", {}, operation)),
      !running && buttons,
    );
  }
  return { list, read };
}

/** Makes the view. */
export function view() {
  const heading = make("h2", { tabindex: "-1" }, "Land");
  if (!mayWrite()) {
    const hint = make("p", { class: "empty" }, `${howToAct()}. In a terminal: `);
    return { root: make("section", { class: "page" }, heading, hint, make("code", {}, command("merge-ranked", "--dry-run"))) };
  }
  const shown = { plan: null, left: new Set(), isApproved: false };
  const note = make("p", { class: "empty", role: "status" });
  const order = make("ol", { class: "rows", "aria-label": "Plan" });
  const matrix = make("div", {});
  const code = make("code", {});
  const result = resultLine();
  const open = unfinished(result, (answer) => {
    if (answer?.order) fill(outcome, ...outcomeOf(answer));
    plan();
  });
  const outcome = make("div", {});
  const approved = make("input", { type: "checkbox", id: "approved", onchange: () => ((shown.isApproved = approved.checked), plan()) });
  const begin = button("Land…", land, { class: "allow" });
  const foot = make(
    "div",
    { class: "fields" },
    make("p", { class: "switch" }, approved, make("label", { for: "approved" }, "Only work that a review approved")),
    make("p", { class: "equals" }, code),
    make(
      "div",
      { class: "buttons" },
      button("Plan again", () => plan()),
      begin,
    ),
  );
  const root = make("section", { class: "page" }, heading, open.list, result, outcome, note, order, foot, matrix);

  const lands = (row) => row.outcome === "lands" || row.outcome === "conflict";
  const chosen = () => (shown.plan?.order ?? []).filter((row) => lands(row) && !shown.left.has(row.branch));

  function request() {
    const isLess = shown.plan?.order.some(({ branch }) => shown.left.has(branch));
    const branches = isLess ? chosen().map(({ branch }) => branch) : [];
    return { branches, into: shown.plan?.into, approved: shown.isApproved };
  }

  function equal() {
    setText(code, words(request()));
    begin.disabled = chosen().length === 0;
  }

  function create(row) {
    const box = make("input", { type: "checkbox", "aria-label": `Land ${row.branch}` });
    box.checked = !shown.left.has(row.branch);
    box.addEventListener("change", () => {
      if (box.checked) shown.left.delete(row.branch);
      else shown.left.add(row.branch);
      equal();
    });
    const item = make("li", {});
    item.box = box;
    return item;
  }

  function update(item, row) {
    const name = row.agent ? make("a", { href: ofAgent(row.agent, "diff") }, row.branch) : make("b", {}, row.branch);
    item.box.disabled = !lands(row);
    fill(
      item,
      make(
        "div",
        { class: "ranked" },
        make("span", { class: "mark" }, String(row.rank)),
        item.box,
        name,
        make("span", { class: `outcome ${row.outcome}` }, row.outcome.replaceAll("_", " ")),
      ),
      make("div", { class: "facts" }, row.reason),
      row.why && make("div", { class: "facts" }, row.why),
    );
  }

  function drawPlan() {
    const { plan: now } = shown;
    fill(
      note,
      now.order.length > 0
        ? `${count(now.order.length, "branch", "branches")} into ${now.into}`
        : "Nothing to land: no agent that is done has work that is not in your branch.",
      ...(now.warnings ?? []).map((text) => make("span", { class: "warning" }, ` ${text.message ?? text}`)),
    );
    keepRows(order, now.order, { key: (row) => row.branch, sign: JSON.stringify, create, update });
    foot.hidden = now.order.length === 0;
    fill(
      matrix,
      now.order.length > 1 && make("h3", {}, "Conflicts"),
      now.order.length > 1 && table(now.order),
      now.order.length > 1 && sentences(now.order),
    );
    equal();
  }

  async function plan() {
    setText(note, "planning…");
    try {
      shown.plan = await post("landing", { dry_run: true, approved: shown.isApproved });
      drawPlan();
    } catch (error) {
      fill(order);
      fill(matrix);
      foot.hidden = true;
      setText(note, fault(error));
    }
  }

  async function land() {
    const rows = chosen();
    const more = [make("ul", {}, ...rows.map(({ branch }) => make("li", {}, branch)))];
    const isWanted = await ask({
      title: `Land ${count(rows.length, "branch", "branches")} in ${shown.plan.into}?`,
      keeps: "the branches and worktrees of the agents; what conflicts or fails a check is set aside.",
      undo: "in History, or: git orchestra undo",
      command: words(request()),
      yes: "Land",
      more,
    });
    if (!isWanted) return;
    begin.disabled = true;
    const answer = await act(result, words(request()), "landing", request());
    if (answer?.order) fill(outcome, ...outcomeOf(answer));
    else if (answer) setText(result, "It continues; what came of it will be shown here.");
    await open.read();
    await plan();
  }

  async function readEnded(number) {
    const { calls } = await get("background");
    const call = calls.find((one) => one.number === number);
    if (call?.answer) fill(outcome, ...outcomeOf(call.answer));
    plan();
  }

  plan();
  open.read().catch(() => {});
  return {
    root,
    changed(event, data) {
      if (event === "operation") open.read().catch(() => {});
      if (event === "background" && data.what === "landing") readEnded(data.number).catch(() => {});
    },
  };
}
