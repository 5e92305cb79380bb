// Through a tunnel without HTTPS a browser has no locks: each tab has its own stream, and everything works.

import assert from "node:assert/strict";
import { TUNNEL, agent, end, go, links, live, open, spawn, until } from "./stage.mjs";

const link = links.find((one) => one.includes(TUNNEL));
// The browser says that a header of ours needs HTTPS.
const expected = ["Cross-Origin-Opener-Policy"];
const { page, context } = await open({ width: 390, height: 844, link, expected });
await live(page);
assert.equal(await page.evaluate(() => window.isSecureContext || "locks" in navigator), false);
const { page: other } = await open({ context, link: new URL(link).origin, expected });
await live(other);
const id = spawn("while ! [ -e stop ]; do sleep 0.1; done");
for (const one of [page, other]) await one.locator(`a.row.running[href="#agent/${id}"]`).waitFor();
await go(page, `#agent/${id}`);
await page.getByRole("button", { name: "Stop…" }).click();
await page.getByRole("dialog").getByRole("button", { name: "Stop it" }).click();
await until("it stops", () => agent(id).phase === "stopped");
for (const one of [page, other]) await one.locator(`a.row.stopped[href="#agent/${id}"]`).waitFor({ state: "attached" });
await end();
