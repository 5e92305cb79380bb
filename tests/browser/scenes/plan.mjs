// A plan is typed or taken from a file, read for flaws, and carried out.

import assert from "node:assert/strict";
import fs from "node:fs";
import { end, fits, git, go, isUsable, live, mark, open, shot, until } from "./stage.mjs";

git("config", "orchestra.test", "true");
git("config", "orchestra.agent", "sh");
const { page } = await open({ width: 390, height: 844 });
await live(page);
await go(page, "#runs");
await page.getByRole("link", { name: "Carry out a plan" }).click();
const text = page.getByLabel("Tasks, as a list");
await text.fill("- [ ] `a` echo a (after: nosuch)\n");
await page.getByRole("button", { name: "Read it" }).click();
await page.getByText("nosuch").nth(1).waitFor();
await page.getByRole("button", { name: "Carry it out…" }).click();
await page.getByText("the plan has flaws").waitFor();
mark("flaws");

fs.writeFileSync("../todo.md", "# Numbers\n\n- [ ] `one` echo 1 > one.txt\n- [ ] `two` echo 2 > two.txt (after: one)\n");
await page.getByLabel("Or a file with them").setInputFiles("../todo.md");
await page.getByText("Numbers: 2 tasks").waitFor();
await page.getByText("after one").waitFor();
await page.getByLabel("Ask before the first agent starts").uncheck();
await fits(page, "plan");
await isUsable(page, "plan");
await shot(page, "plan");
await page.getByRole("button", { name: "Carry it out…" }).click();
const sheet = page.locator("dialog.sheet");
await sheet.getByText("git orchestra run FILE").waitFor();
await sheet.getByRole("button", { name: "Carry it out" }).click();
await until("the work lands", () => git("ls-tree", "--name-only", "main").includes("two.txt"));
// Nothing is asked for at intervals: the run leaves the page by an event.
await go(page, "#runs");
await page.getByText("No run of a plan is open.").waitFor();
assert.match(git("log", "--format=%s", "main"), /one/);
mark("carried out");
await end();
