// What agents cost, as pictures with their numbers in tables.

import { ofAgent } from "./agents.js";
import { get } from "./api.js";
import { count, dollars, fill, make, shape } from "./dom.js";
import { fault } from "./sheet.js";

const WIDE = 600;
const HIGH = 180;
/** The most days in the picture. */
const DAYS = 30;

const usd = (row) => row.cost_micros / 1e6;
const text = (row) => `${row.name}: ${dollars(usd(row))}, ${count(row.agents, "agent")}`;

/** Draws a bar for each day, from the left. */
export function byDay(rows) {
  const some = rows.slice(-DAYS);
  const most = Math.max(...some.map(usd), 0.000001);
  const step = WIDE / Math.max(some.length, 7);
  const bars = some.flatMap((row, at) => {
    const height = (usd(row) / most) * (HIGH - 40);
    const x = at * step;
    const bar = shape(
      "rect",
      { class: "bar", x: x + step * 0.1, y: HIGH - 20 - height, width: step * 0.8, height: Math.max(height, 1) },
      shape("title", {}, text(row)),
    );
    const isNamed = some.length <= 10 || at === 0 || at === some.length - 1;
    return [bar, isNamed && shape("text", { x: x + step / 2, y: HIGH - 5, "text-anchor": "middle" }, row.name.slice(5))];
  });
  const top = shape("text", { x: 0, y: 14 }, `${dollars(most)} at most on a day`);
  const line = shape("line", { x1: 0, x2: WIDE, y1: HIGH - 20, y2: HIGH - 20 });
  return shape(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `Costs by day: ${some.map(text).join("; ")}` },
    ...bars,
    top,
    line,
  );
}

/** Draws a bar for each name, one below the other. */
export function byName(rows, about) {
  const some = [...rows].sort((a, b) => b.cost_micros - a.cost_micros).slice(0, 12);
  const most = Math.max(...some.map(usd), 0.000001);
  const bars = some.flatMap((row, at) => [
    shape(
      "rect",
      { class: "bar", x: 0, y: at * 40 + 20, width: Math.max((usd(row) / most) * WIDE, 1), height: 14 },
      shape("title", {}, text(row)),
    ),
    shape("text", { x: 0, y: at * 40 + 14 }, text(row)),
  ]);
  return shape(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDE} ${some.length * 40 + 4}`, role: "img", "aria-label": `${about}: ${some.map(text).join("; ")}` },
    ...bars,
  );
}

function table(rows, first, link) {
  const cells = (row) => [
    make("th", { scope: "row" }, link ? make("a", { href: link(row.name) }, row.name) : row.name),
    make("td", {}, dollars(usd(row))),
    make("td", {}, String(row.agents)),
  ];
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...[first, "cost", "agents"].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row)))),
  );
}

/** Makes the view. */
export function view() {
  const body = make("div", {}, make("p", { class: "empty" }, "reading…"));
  const root = make("section", { class: "page" }, make("h2", { tabindex: "-1" }, "Costs"), body);
  async function read() {
    try {
      const costs = await get("costs");
      const sum = costs.by_program.reduce((all, row) => all + usd(row), 0);
      const paid = costs.by_agent.filter((row) => row.cost_micros > 0).sort((a, b) => b.cost_micros - a.cost_micros);
      if (costs.by_agent.length === 0) return fill(body, make("p", { class: "empty" }, "No agents yet."));
      if (sum === 0) return fill(body, make("p", { class: "empty" }, "No agent reported what it cost."));
      fill(
        body,
        make("p", {}, make("b", {}, dollars(sum)), ` in all, of ${count(costs.by_agent.length, "agent")}`),
        make("h3", {}, "By day"),
        byDay(costs.by_day),
        make("h3", {}, "By program"),
        byName(costs.by_program, "Costs by program"),
        make(
          "details",
          {},
          make("summary", {}, "Numbers"),
          table(costs.by_day, "day"),
          table(costs.by_program, "program"),
          table(paid.slice(0, 200), "agent", ofAgent),
        ),
      );
    } catch (error) {
      fill(body, make("p", { class: "empty" }, fault(error)));
    }
  }
  read();
  return { root };
}
