// Which branches conflict, as a table and as sentences.

import { count, make } from "./dom.js";

/** The most branches in the table; the sentences name all pairs. */
const MOST = 40;

/** Returns the pairs that conflict: `{a, b, files, kinds}`, each once. */
export function pairs(order) {
  const found = [];
  const at = new Map(order.map((row, index) => [row.branch, index]));
  order.forEach((row, index) => {
    for (const { branch, files, kinds } of row.conflicts ?? []) {
      const other = at.get(branch);
      if (other === undefined || other > index) found.push({ a: row, b: order[other] ?? { branch }, files, kinds: kinds ?? [] });
    }
  });
  return found;
}

/** Makes the table: a row and a column for each branch, and in a cell in how many files two conflict. */
export function table(order) {
  const shown = order.slice(0, MOST);
  const conflicts = new Map();
  for (const { a, b, files } of pairs(order)) {
    conflicts.set(`${a.rank} ${b.rank}`, files);
    conflicts.set(`${b.rank} ${a.rank}`, files);
  }
  const cell = (row, column) => {
    if (row === column) return make("td", { class: "self" }, "·");
    const files = conflicts.get(`${row.rank} ${column.rank}`);
    return files
      ? make("td", { class: "conflict", title: `${row.branch} and ${column.branch}: ${count(files, "file")}` }, `✗${files}`)
      : make("td", { class: "clean" }, "✓");
  };
  const head = make(
    "tr",
    {},
    make("th", { scope: "col" }, "branch"),
    ...shown.map(({ rank, branch }) => make("th", { scope: "col", title: branch, "aria-label": branch }, String(rank))),
  );
  const rows = shown.map((row) =>
    make("tr", {}, make("th", { scope: "row" }, `${row.rank} ${row.branch}`), ...shown.map((column) => cell(row, column))),
  );
  const rest = order.length > MOST && make("p", { class: "empty" }, `${order.length - MOST} more are not in the table.`);
  return make(
    "div",
    {},
    make(
      "div",
      { class: "wide", tabindex: "0", role: "group", "aria-label": "Which branches conflict" },
      make("table", { class: "matrix" }, make("thead", {}, head), make("tbody", {}, ...rows)),
    ),
    rest,
  );
}

/** Makes a sentence for each pair that conflicts. */
export function sentences(order) {
  const all = pairs(order);
  if (all.length === 0) return make("p", { class: "empty" }, "No two branches conflict.");
  return make(
    "ul",
    { class: "conflicts" },
    ...all.map(({ a, b, files, kinds }) =>
      make("li", {}, `✗ ${a.branch} and ${b.branch}: ${count(files, "file")}${kinds.length > 0 ? `, ${kinds.join(", ")}` : ""}`),
    ),
  );
}
