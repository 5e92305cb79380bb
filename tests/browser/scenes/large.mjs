// A thousand agents, a diff of five thousand lines, and logs that grow for an hour: the page stays small.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { agent, end, git, go, live, mark, open, orchestra, shot, spawn, until } from "./stage.mjs";

const AGENTS = 1000;
/** The most lines that a page holds. */
const MOST = 2000;

/** Measures the time from an event to its row, beside that of a whole 'git update-ref'. */
async function measure(among) {
  const ref = `refs/orchestra/agents/${model}`;
  const tips = [git("rev-parse", `${ref}~1`), git("rev-parse", ref)];
  await page.evaluate((row) => {
    const state = () => document.querySelector(row)?.className ?? "";
    let last = state();
    window.__rows = [];
    window.__observer?.disconnect();
    window.__observer = new MutationObserver(() => {
      if (state() === last) return;
      last = state();
      requestAnimationFrame(() => window.__rows.push(performance.timeOrigin + performance.now()));
    });
    window.__observer.observe(document.querySelector(".board"), { childList: true, subtree: true, attributes: true, characterData: true });
  }, `a.row[href="#agent/${model}"]`);
  const [delays, alone] = [[], []];
  for (let at = 0; at < 14; at += 1) {
    const begun = performance.timeOrigin + performance.now();
    git("update-ref", ref, tips[at % 2]);
    alone.push(performance.timeOrigin + performance.now() - begun);
    await page.waitForFunction((number) => window.__rows.length > number, at);
    delays.push((await page.evaluate(() => window.__rows.at(-1))) - begun);
  }
  const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
  console.log(
    `event to row among ${among}: median ${median(delays).toFixed(1)} ms; 'git update-ref' ${median(alone).toFixed(1)} ms; ratio ${(median(delays) / median(alone)).toFixed(2)}`,
  );
}

git("config", "orchestra.jobs", "8");
const model = spawn("echo text > file", "--name", "many");
await until("it ends", () => agent(model).liveness === "ended");
const { page } = await open({ height: 900 });
const client = await page.context().newCDPSession(page);
const heap = async () => {
  await client.send("HeapProfiler.collectGarbage");
  return (await client.send("Runtime.getHeapUsage")).usedSize;
};
await live(page);
await page.locator("section.ended h2").getByText("Ended 1", { exact: true }).waitFor();
await measure("1 agent");
// Copies of one agent, by plain git.
const suffix = model.slice("many-".length);
const text = execFileSync("git", ["fast-export", `refs/orchestra/agents/${model}`], { encoding: "latin1" });
const names = Array.from({ length: AGENTS }, (_, at) => String(at).padStart(5, "0"));
const copies = names.map((name) => text.replaceAll(suffix, name)).join("");
execFileSync("git", ["fast-import", "--quiet", "--force"], { input: Buffer.from(copies, "latin1") });
git("pack-refs", "--all");
mark("1,000 agents are made");

await page.reload();
await live(page);
await page
  .locator("section.ended h2")
  .getByText(`Ended ${AGENTS + 1}`)
  .waitFor();
mark("they are on the board");
const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
assert.ok((await page.locator("li").count()) <= 100, "not all are drawn at once");
await page.getByRole("button", { name: /^Show more of / }).click();
await page.locator("section.ended li").nth(200).waitFor();
mark("all are read");
const draws = await page.evaluate(async () => {
  const board = await import("/board.js");
  const begun = performance.now();
  for (let at = 0; at < 20; at += 1) board.draw();
  return (performance.now() - begun) / 20;
});
console.log(`one look at all rows: ${draws.toFixed(2)} ms`);
await page.getByLabel("Filter agents").fill("many-00007");
await page.locator('a.row[href="#agent/many-00007"]').waitFor();
await page.locator("section.ended h2").getByText("Ended 1", { exact: true }).waitFor();
await page.getByLabel("Filter agents").fill("");
console.log(`first paint with ${AGENTS} agents: ${Math.round(painted)} ms; heap: ${((await heap()) / 1e6).toFixed(1)} MB`);
await shot(page, "board");
mark("1,000 agents are shown");

await measure(`${AGENTS} agents`);
mark("events are measured");

// A large diff: only what is near is in the page, and its end is reached.
const big = spawn("seq 5000 > big.txt; for i in $(seq 100); do echo $i > file$i; done");
await until("it ends", () => agent(big).liveness === "ended");
await go(page, `#agent/${big}/diff`);
const body = page.locator(".diff");
await body.locator(".line").first().waitFor();
let lines = 0;
for (const part of [0, 0.25, 0.5, 0.75, 1, 0.1, 1]) {
  await body.evaluate((element, to) => (element.scrollTop = (element.scrollHeight - element.clientHeight) * to), part);
  // What is in sight has its lines.
  await page.waitForFunction(() => {
    const box = document.querySelector(".diff").getBoundingClientRect();
    return document.elementFromPoint(box.left + 100, box.bottom - 60)?.closest(".line, summary, .empty");
  });
  lines = Math.max(lines, await body.locator(".line").count());
}
assert.ok(lines < 1000, `${lines} lines are in the page`);
await body.locator(".path").getByText("file99", { exact: true }).waitFor();
await shot(page, "diff");
mark(`a diff of 5,100 lines scrolls with at most ${lines} in the page`);

// Eight agents print as much as in an hour; the heap is as after a minute.
const talk = "seq 1 400; while ! [ -e go ]; do sleep 0.1; done; seq 401 18000; echo all said; while ! [ -e stop ]; do sleep 0.1; done";
const eight = Array.from({ length: 8 }, () => spawn(talk, "--again"));
const [chatty] = eight;
await go(page, `#agent/${chatty}`);
await page.locator(".line").getByText("400", { exact: true }).waitFor();
for (const one of eight) await until(`${one} runs`, () => agent(one).worktree);
const early = await heap();
for (const one of eight) fs.writeFileSync(path.join(agent(one).worktree, "go"), "");
await page.locator(".line").getByText("all said").waitFor();
const held = await page.locator(".lines .line").count();
assert.ok(held <= MOST, `${held} lines are in the page`);
for (const one of eight) await until(`${one} has spoken`, () => orchestra("logs", "-n", "1", one).includes("all said"));
const late = await heap();
console.log(
  `heap after 400 lines of 8 agents ${(early / 1e6).toFixed(2)} MB, after 18,000 ${(late / 1e6).toFixed(2)} MB: ${(late / early).toFixed(2)} times`,
);
assert.ok(late <= early * 1.5, `the heap grew from ${early} to ${late}`);
await shot(page, "story");
mark("logs have grown");

// What was before is asked for, and stays bounded.
await page.locator(".scrolls .body").evaluate((element) => (element.scrollTop = 0));
await page
  .getByText(`git orchestra logs ${chatty}`)
  .or(page.getByRole("button", { name: "Earlier" }))
  .first()
  .waitFor();
orchestra("stop", "--all");
await end();
