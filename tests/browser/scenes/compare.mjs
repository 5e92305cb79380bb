// The work of several agents on one task is compared, and one is picked.

import assert from "node:assert/strict";
import { agent, end, fits, go, isUsable, live, mark, open, orchestra, shot, spawn, until } from "./stage.mjs";

const task = "echo $ORCHESTRA_AGENT > name.txt";
const ids = [spawn(task, "--name", "left"), spawn(task, "--name", "right", "--again")];
for (const id of ids) await until(`${id} ends`, () => agent(id).liveness === "ended");
const { page } = await open({ width: 390, height: 844 });
await live(page);
await go(page, "#more");
await page.getByRole("link", { name: "Compare" }).click();
await page.getByRole("list", { name: "Agents with the same task" }).getByRole("link").first().click();
const works = page.getByRole("list", { name: "Work" });
await works.getByText("name.txt").nth(1).waitFor();
await fits(page, "compare");
await isUsable(page, "compare");
await shot(page, "compare");
mark("compared");

await page.getByLabel("Words to the verdicts").fill("the better name");
await page.getByRole("button", { name: `Pick ${ids[1]}…` }).click();
const sheet = page.locator("dialog.sheet");
await sheet.getByText(`git orchestra compare ${ids.join(" ")} --pick ${ids[1]} -m 'the better name'`).waitFor();
await shot(page, "pick");
await sheet.getByRole("button", { name: "Pick it" }).click();
await page.getByText(`${ids[1]} is approved; ${ids[0]} is rejected.`).waitFor();
await works.getByText("(via web)").first().waitFor();
assert.deepEqual(
  ids.map((id) => agent(id).verdict),
  ["reject", "approve"],
);
assert.match(orchestra("compare", ...ids, "--json"), /the better name|approve/);

// Any others can be chosen as well.
await go(page, "#compare");
for (const id of ids) await page.getByLabel(`Compare ${id}`).check();
await page.getByRole("button", { name: "Compare" }).click();
await works.getByText("name.txt").nth(1).waitFor();
mark("picked");
await end();
