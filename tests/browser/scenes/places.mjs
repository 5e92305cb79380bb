// Reviews, landings, undo, cleanup, runs with gates, messages, sessions, worktrees and costs.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { agent, end, fits, git, go, isUsable, live, mark, open, orchestra, shot, spawn, spawnClaude, until } from "./stage.mjs";

const one = spawn("echo one > one.txt; echo more >> one.txt", "--name", "one");
const two = spawn("echo two > file.txt", "--name", "two");
const three = spawn("echo three > file.txt; echo 3 > three.txt", "--name", "three");
const paid = spawnClaude("say I looked at everything\nwrite paid 1", "--name", "paid");
for (const id of [one, two, three, paid]) await until(`${id} ends`, () => agent(id).liveness === "ended");
mark("agents have ended");

// A review with a remark on a line, bound to what is shown.
const { page } = await open({ width: 390, height: 844, expected: ["409 (Conflict)"] });
await live(page);
await go(page, `#agent/${one}/diff`);
await page.getByRole("button", { name: "Remark on line 2 of one.txt" }).click();
await page.getByRole("textbox", { name: "Remark on line 2 of one.txt" }).fill("why more?");
await page.getByRole("button", { name: "Keep" }).click();
await page.getByLabel("Words to the verdict").fill("just what I wanted");
await page.getByText(`git orchestra review ${one} --approve -m 'just what I wanted' -C one.txt:2 'why more?' --head`).waitFor();
await isUsable(page, "review");
await shot(page, "review");
await page.getByRole("button", { name: "Approve" }).click();
await page.locator(".scrolls > .result").getByText("done").waitFor();
assert.equal(agent(one).verdict, "approve");
assert.match(git("log", "-1", "--format=%B", `refs/orchestra/agents/${one}`), /why more\?/);
await page.locator(".head .facts").getByText("approve").waitFor();

// A verdict on work that changed since is refused, and it is said that it changed.
await go(page, `#agent/${three}/diff`);
await page.locator(".path").getByText("three.txt").waitFor();
fs.writeFileSync(`${agent(three).worktree}/later.txt`, "later\n");
git("-C", agent(three).worktree, "add", ".");
git("-C", agent(three).worktree, "commit", "-qm", "Later");
orchestra("collect", three);
await page.getByText("The work has changed since.").waitFor();
await page.getByRole("button", { name: "Reject" }).click();
await page.locator(".scrolls > .result").getByText("✗").waitFor();
assert.equal(agent(three).verdict, null);
await page.getByRole("button", { name: "Read it again" }).click();
await page.locator(".path").getByText("later.txt").waitFor();
mark("reviewed");

// The plan in ranked order, and which branches conflict.
await go(page, "#land");
await page.getByRole("list", { name: "Plan" }).locator("li").nth(3).waitFor();
await page
  .getByText(`✗ orchestra/${two}`)
  .or(page.getByText(new RegExp(`✗ .*${two}.* and |and .*${two}`)))
  .first()
  .waitFor();
await page.locator(".matrix .conflict").first().waitFor();
await fits(page, "land");
await isUsable(page, "land");
await shot(page, "land");
await page.getByLabel(new RegExp(`Land .*${paid}`)).uncheck();
await page.getByText(/git orchestra merge-ranked .*--into main/).waitFor();
await page.getByRole("button", { name: "Land…" }).click();
const sheet = page.getByRole("dialog");
await sheet.getByText("Kept: ").waitFor();
await shot(page, "land-sheet");
const main = git("rev-parse", "main");
await sheet.getByRole("button", { name: "Land", exact: true }).click();
await page.getByRole("heading", { name: /landed in main/ }).waitFor();
assert.notEqual(git("rev-parse", "main"), main);
assert.equal(git("show", "main:one.txt"), "one\nmore");
assert.equal(spawnSync("git", ["cat-file", "-e", "main:paid"]).status, 128, "what was left out did not land");
await shot(page, "landed");
// What a person left out stays left out in the next plan.
await page.getByText(`git orchestra merge-ranked ${three} --into main`).waitFor();
assert.equal(await page.getByLabel(`Land ${paid}`).isChecked(), false);
mark("landed");

// What has landed is removed, what has not is kept, and both are said before.
await go(page, "#worktrees");
await page.getByRole("list", { name: "Worktrees" }).getByRole("link", { name: three }).waitFor();
await fits(page, "worktrees");
await page.getByRole("button", { name: "Remove what has landed…" }).click();
await sheet.getByText(`${paid} (`).waitFor();
await shot(page, "cleanup-sheet");
await sheet.getByRole("button", { name: "Remove" }).click();
await until("it is removed", () => spawnSync("git", ["rev-parse", "--verify", "-q", `refs/orchestra/agents/${one}`]).status !== 0);
assert.match(git("rev-parse", `refs/orchestra/agents/${paid}`), /^[0-9a-f]{40}$/);
mark("removed");

// Undo, newest first: the agents come back, then the branch.
await go(page, "#history");
const undo = async (what) => {
  await page
    .getByRole("button", { name: new RegExp(`^Undo ${what}`) })
    .first()
    .click();
  await sheet.getByText("an undo can be undone").waitFor();
  await shot(page, `undo-${what}`);
  await sheet.getByRole("button", { name: "Undo it" }).click();
  await page.locator(".result").getByText("git orchestra undo").waitFor();
};
await page.getByRole("list", { name: "Operations" }).locator("li").nth(1).waitFor();
await fits(page, "history");
await shot(page, "history");
await undo("cleanup");
assert.match(git("rev-parse", `refs/orchestra/agents/${one}`), /^[0-9a-f]{40}$/);
await undo("merge-ranked");
assert.equal(git("rev-parse", "main"), main);
mark("undone");

// One agent is saved, tagged and removed from its own page; work that is nowhere else is kept.
await go(page, `#agent/${paid}/facts`);
await page.getByLabel("A tag").fill("night");
await page.getByRole("button", { name: "Add tag" }).click();
await until("it is tagged", () => agent(paid).tags.includes("night"));
await page.getByRole("button", { name: "Save work" }).click();
await page.locator(".acts .result").getByText(`git orchestra collect ${paid}`).waitFor();
await page.getByRole("button", { name: "Remove…" }).click();
await sheet.getByRole("button", { name: "Remove it" }).click();
await page.locator(".acts .result").getByText("It was kept").waitFor();
assert.match(git("rev-parse", `refs/orchestra/agents/${paid}`), /^[0-9a-f]{40}$/);
mark("kept");

// A gate of a run waits on the board and is answered.
fs.writeFileSync("../todo.md", "- [ ] `one` false\n- [ ] `two` true (after: one)\n");
spawnSync("git", ["orchestra", "run", "--agent", "sh", "--check", "true", "../todo.md"]);
await go(page, "#more");
await go(page, "#runs");
const gate = page.locator(".asks").getByText("gate 1: failed");
await gate.waitFor();
await fits(page, "runs");
await isUsable(page, "runs");
await shot(page, "runs");
await page.waitForFunction(() => document.title.startsWith("(1)"));
await page.getByLabel("Words to the answer at gate 1").fill("not needed");
await page.getByRole("button", { name: "skip at gate 1" }).click();
await sheet.getByRole("button", { name: "skip" }).click();
// Nothing drives the run: the answer is kept, and counts when it continues.
await page.getByText("Answered: skip (via web).").waitFor();
await page.waitForFunction(() => document.title === "git orchestra");
await page.getByRole("button", { name: "Continue" }).click();
await page.getByText("No run of a plan is open.").waitFor();
const gates = JSON.parse(orchestra("decide", "--json")).runs.flatMap((run) => run.gates);
assert.deepEqual(gates, []);

// A run that asks about its plan is given up.
fs.writeFileSync("../other.md", "- [ ] `three` true\n");
spawnSync("git", ["orchestra", "run", "--agent", "sh", "--check", "true", "--confirm", "../other.md"]);
await go(page, "#more");
await go(page, "#runs");
await page.getByRole("button", { name: "Give up…" }).click();
await sheet.getByRole("button", { name: "Give it up" }).click();
await page.getByText("No run of a plan is open.").waitFor();
mark("decided");

// A question of an agent is replied to.
const says = spawn(
  "git-orchestra-inbox tell -k question 'which one?'; until git-orchestra inbox hear --json > heard; do sleep 0.05; done",
  "--name",
  "says",
);
await until("it asks", () => JSON.parse(orchestra("inbox", "--json")).messages.length > 0);
await go(page, "#more");
await go(page, "#runs");
await page.getByLabel(`Reply to ${says}`).fill("the second");
await page.getByRole("button", { name: "Reply" }).click();
await until("it ends", () => agent(says).liveness === "ended");
assert.match(git("show", `refs/orchestra/heads/${says}:heard`), /the second/);
mark("replied");

// Sessions: found, searched, and how to resume one.
await go(page, "#sessions");
const sessions = page.getByRole("list", { name: "Sessions" });
await sessions.locator("li").first().waitFor();
await page.getByLabel("Find a session").fill("looked at everything");
await page.getByLabel("Find a session").press("Enter");
await page.locator(".hit").first().waitFor();
await page
  .getByRole("button", { name: /^Read/ })
  .first()
  .click();
await sessions.locator(".line.prompt").first().waitFor();
await sessions.locator(".line", { hasText: "looked at everything" }).first().waitFor();
await page
  .getByRole("button", { name: /How to resume/ })
  .first()
  .click();
await sessions.locator("code").first().waitFor();
await fits(page, "sessions");
await isUsable(page, "sessions");
await shot(page, "sessions");

// Costs, as a picture with its numbers.
await go(page, "#costs");
await page.getByRole("img", { name: /^Costs by day/ }).waitFor();
await page.getByText("Numbers").click();
await page.getByRole("table").first().waitFor();
await fits(page, "costs");
await shot(page, "costs");
await go(page, "#more");
await page.locator(".card").first().waitFor();
await isUsable(page, "more");
await shot(page, "more");

// All of it on a wide screen, in the dark.
await page.setViewportSize({ width: 1280, height: 800 });
await page.emulateMedia({ colorScheme: "dark" });
for (const place of ["land", "history", "costs", "runs"]) {
  await go(page, `#${place}`);
  await page.locator(".page h2").waitFor();
  if (place === "land") await page.locator(".matrix .conflict").first().waitFor();
  await fits(page, `${place} on a wide screen`);
  await shot(page, `wide-${place}`);
}
await end();
