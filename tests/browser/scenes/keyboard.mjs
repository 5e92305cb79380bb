// Everything by the keyboard alone, and the focus stays through changes.

import assert from "node:assert/strict";
import { agent, end, live, open, orchestra, shot, spawn, spawnClaude, until } from "./stage.mjs";

const done = spawn("echo 'fn main() {}' > main.rs; echo words");
const asking = spawnClaude("ask cargo add argon2\nwrite out 1", "--name", "asks", "--on-prompt", "ask");
const working = spawn("i=0; while ! [ -e stop ]; do i=$((i+1)); echo line $i; sleep 0.05; done");
await until("it waits", () => agent(asking).waiting);
await until("it ends", () => agent(done).liveness === "ended");
const { page } = await open({ reducedMotion: "reduce" });
await live(page);
for (const id of [done, asking, working]) await page.locator(`a.row[href="#agent/${id}"]`).waitFor();
const key = (name) => page.keyboard.press(name);
const focused = () => page.evaluate(() => document.activeElement.getAttribute("href") ?? document.activeElement.textContent);

await key("j");
assert.equal(await focused(), `#agent/${asking}`);
await key("j");
assert.equal(await focused(), `#agent/${working}`);
// The row changes many times a second, and keeps the focus.
const said = () => page.locator(`a.row[href="#agent/${working}"] .about`).textContent();
const before = await said();
await until("the row changes", async () => (await said()) !== before);
assert.equal(await focused(), `#agent/${working}`);
const other = spawn("true", "--again");
await page.locator(`section.ended a.row[href="#agent/${other}"]`).waitFor();
assert.equal(await focused(), `#agent/${working}`, "an agent came and ended");
await key("k");
assert.equal(await focused(), `#agent/${asking}`);

// Opened, and the focus is in it; back, and it is where it was.
await key("Enter");
await page.waitForFunction((id) => document.activeElement.textContent === id, asking);
await key("Escape");
await page.waitForFunction((id) => document.activeElement.getAttribute("href") === `#agent/${id}`, asking);

// The next that waits, and its answer.
await key("w");
await page.locator(".agent .request").waitFor();
for (let left = 20; left > 0 && (await focused()) !== "Allow"; left -= 1) await key("Tab");
assert.equal(await focused(), "Allow");
await shot(page, "focus");
await key("Enter");
await until("it writes", () => agent(asking).phase === "done");

// Tabs, by numbers and by arrows.
await key("2");
await page.locator(".diff .path").getByText("out").waitFor();
await page.getByRole("tab", { name: "diff" }).focus();
await key("ArrowRight");
await page.locator("dd").first().waitFor();
assert.equal(await page.getByRole("tab", { selected: true }).textContent(), "facts");

// A remark on a line by the arrows, and the sheet of a stop takes and returns the focus.
await page.evaluate((id) => (location.hash = `#agent/${id}/diff`), done);
await page.locator("button.number").first().focus();
await key("Enter");
await page.getByRole("textbox", { name: "Remark on line 1 of main.rs" }).waitFor();
await page.keyboard.type("say why");
await key("Tab");
await key("Tab");
await key("Enter");
await page.locator(".remark").getByText("say why").waitFor();
await page.getByText("1 remark").waitFor();
await page.evaluate((id) => (location.hash = `#agent/${id}`), working);
const stop = page.getByRole("button", { name: "Stop…" });
await stop.focus();
await key("Enter");
await page.getByRole("dialog").waitFor();
assert.equal(await focused(), "Let it run", "the focus is on what changes nothing");
await key("Escape");
await page.getByRole("dialog").waitFor({ state: "detached" });
assert.equal(await focused(), "Stop…");

// The filter, the keys, and letters in fields are not keys.
await page.locator("h2").first().focus();
await key("/");
await page.waitForFunction(() => document.activeElement.id === "filter");
await page.keyboard.type("jkw?");
assert.equal(await page.getByLabel("Filter agents").inputValue(), "jkw?");
await page.getByLabel("Filter agents").fill("");
await key("Escape");
await key("?");
await page.getByRole("dialog").getByText("the next that waits for you").waitFor();
await shot(page, "keys");
await key("Escape");
orchestra("stop", "--all");
await end();
