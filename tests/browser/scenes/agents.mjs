// Agents are seen, answered and directed, on a phone and on a wide screen.

import assert from "node:assert/strict";
import { agent, end, fits, git, go, isUsable, live, open, orchestra, shot, spawn, spawnClaude, until } from "./stage.mjs";

const { page } = await open({ width: 390, height: 844 });
await live(page);
assert.equal(new URL(page.url()).hash, "", "the token is not in the address");
await page.getByText("No agents yet").waitFor();
await shot(page, "empty");

const done = spawn("seq 3 > numbers.txt; echo 'fn main() {}' > main.rs; git add . && git commit -qm Numbers; echo finished");
const failed = spawn("echo some words; exit 3");
const asking = spawnClaude("say I will look at what is there\nask cargo add argon2\nwrite out 1", "--name", "asks", "--on-prompt", "ask");
const working = spawn("echo begun; while ! [ -e stop ]; do sleep 0.1; done; echo ended");
for (const id of [done, failed, asking, working]) await page.locator(`a.row[href="#agent/${id}"]`).waitFor();
const needs = page.locator("section.needs");
await needs.getByText("Bash cargo add argon2").waitFor();
await page.waitForFunction(() => document.title.startsWith("(1)"));
await page.locator("section.ended li").nth(1).waitFor();
await fits(page, "board");
await isUsable(page, "board");
await shot(page, "board");

// The answer from the board reaches the agent.
await needs.getByRole("button", { name: "Allow", exact: true }).click();
await until("the agent writes", () => agent(asking).phase === "done");
assert.equal(git("show", `refs/orchestra/heads/${asking}:out`), "1");
await page.locator("section.ended").getByText(asking).waitFor();
await page.waitForFunction(() => document.title === "git orchestra");

// Denied with a reason.
const denied = spawnClaude("ask rm -rf build", "--name", "denied", "--on-prompt", "ask");
await page.locator(`a.row.waiting[href="#agent/${denied}"]`).click();
await page.getByRole("heading", { name: denied }).waitFor();
await shot(page, "asks");
await page.locator(".agent").getByRole("button", { name: "Deny…" }).click();
await page.getByLabel("Why not").fill("use make clean");
await page.getByRole("button", { name: "Deny", exact: true }).click();
await until("the denial is recorded", () => git("log", "--format=%B", `refs/orchestra/agents/${denied}`).includes("use make clean"));

// Pause, resume, say, and stop, each with the command that equals it.
await go(page, `#agent/${working}`);
await page.locator(".line").getByText("begun").waitFor();
await page.getByRole("button", { name: "Pause" }).click();
await page.locator(".acts").getByText(`git orchestra pause ${working}`).waitFor();
await page.locator(".head p.paused").waitFor();
assert.equal(agent(working).phase, "paused");
await page.getByRole("button", { name: "Resume" }).click();
await page.locator(".head p.running").waitFor();
await isUsable(page, "agent");
await fits(page, "agent");
await shot(page, "story");
await page.getByRole("button", { name: "Stop…" }).click();
const sheet = page.getByRole("dialog");
await sheet.getByText("Kept: ").waitFor();
await sheet.getByText(`git orchestra resume ${working}`).waitFor();
await shot(page, "stop");
await sheet.getByRole("button", { name: "Let it run" }).click();
assert.equal(agent(working).liveness, "live");
await page.getByRole("button", { name: "Stop…" }).click();
await page.keyboard.press("Escape");
await page.getByRole("button", { name: "Stop…" }).click();
await page.getByRole("dialog").getByRole("button", { name: "Stop it" }).click();
await page.locator(".head p.stopped").waitFor();
assert.equal(agent(working).phase, "stopped");

// A message, to an agent that listens.
const listening = spawnClaude("say hello\nawait never", "--name", "listens");
await until("it runs", () => agent(listening).phase === "running");
await go(page, `#agent/${listening}`);
await page.getByLabel("Message").fill("it's time for tests");
await page.getByText(`git orchestra send ${listening} 'it'\\''s time for tests'`).waitFor();
await page.getByRole("button", { name: "Say" }).click();
await page.locator(".acts .result").getByText("done").waitFor();
assert.match(git("log", "--format=%B", `refs/orchestra/agents/${listening}`), /it's time for tests/);
orchestra("stop", listening);

// The tabs of one that has ended, by an address.
await go(page, `#agent/${done}/diff`);
await page.locator(".diff .path").getByText("main.rs").waitFor();
await page.locator(".line.added").getByText("+fn main() {}").waitFor();
await shot(page, "diff");
await page.getByRole("tab", { name: "facts" }).click();
await page.locator("dd").getByText(`orchestra/${done}`).waitFor();
await fits(page, "facts");
await shot(page, "facts");
await page.getByRole("tab", { name: "story" }).click();
await page.locator(".line").getByText("finished").waitFor();
await go(page, `#agent/${failed}`);
await page.locator(".head").getByText("exit code 3").waitFor();

// New agents from the page.
await page.getByRole("link", { name: "+", exact: true }).click();
await page.getByLabel("Tasks, one a line").fill("say one\nsay two");
await page.getByText("git orchestra spawn --detach 'say one' 'say two'").waitFor();
await fits(page, "spawn");
await shot(page, "spawn");
await page.getByRole("button", { name: "Start" }).click();
await page.getByRole("list", { name: "Started" }).getByRole("link").nth(1).waitFor();
const started = await page.getByRole("list", { name: "Started" }).getByRole("link").allTextContents();
for (const id of started) assert.match(git("rev-parse", `refs/orchestra/agents/${id}`), /^[0-9a-f]{40}/);

// The same on a wide screen, side by side.
await page.context().setOffline(false);
await page.setViewportSize({ width: 1280, height: 800 });
await go(page, `#agent/${done}/diff`);
await page.locator(".line.added").getByText("+fn main() {}").waitFor();
assert.ok(await page.locator(".board").isVisible());
await fits(page, "wide");
await shot(page, "wide");
await page.emulateMedia({ colorScheme: "dark" });
await shot(page, "wide-dark");
await end();
