// Changes come to every tab over one stream, and what is shown is never old state that looks new.

import assert from "node:assert/strict";
import { execFileSync, spawn as start } from "node:child_process";
import { agent, end, git, go, links, live, mark, open, orchestra, origin, server, shot, spawn, until } from "./stage.mjs";

const refused = ["Failed to load resource", "ERR_"];
const { page: first, context } = await open({ expected: refused });
await live(first);
const working = spawn("i=0; while ! [ -e stop ]; do i=$((i+1)); echo line $i; sleep 0.05; done");
await first.locator(`a.row.running[href="#agent/${working}"]`).waitFor();

mark("one tab");
// Twelve tabs, and one stream: a browser opens six connections to a server.
const link = `${origin}/#agent/${working}`;
const pages = [
  first,
  ...(await Promise.all(Array.from({ length: 11 }, () => open({ context, link, expected: refused })))).map(({ page }) => page),
];
await Promise.all(pages.map(live));
const streams = () =>
  execFileSync("ss", ["-Htn", "state", "established", `( sport = :${new URL(origin).port} )`], { encoding: "utf8" })
    .trim()
    .split("\n").length;
console.log(`connections of 12 tabs: ${streams()}`);
assert.ok(streams() <= 6, "one stream for all");
const holders = async () => (await first.evaluate(() => navigator.locks.query())).held.filter(({ name }) => name === "orchestra-stream");
assert.equal((await holders()).length, 1);

/** Makes a change, and waits until all tabs show it. */
async function allSee(tabs, tag) {
  orchestra("tag", "--add", tag, working);
  await Promise.all(tabs.map((tab) => tab.waitForFunction(() => document.body.className === "live")));
  const id = spawn("true", "--again", "--name", tag);
  await Promise.all(tabs.map((tab) => tab.locator(`a.row[href="#agent/${id}"]`).waitFor({ state: "attached" })));
}
await allSee(pages, "all");

mark("12 tabs");
// The tab that leads is closed: another one leads, and the others see what comes.
const leader = (await holders())[0].clientId;
const own = await Promise.all(
  pages.map((page) =>
    page.evaluate(async () => {
      const name = String(Math.random());
      return navigator.locks.request(name, async () => (await navigator.locks.query()).held.find((lock) => lock.name === name).clientId);
    }),
  ),
);
const at = own.indexOf(leader);
await pages[at].close();
const rest = pages.filter((_, index) => index !== at);
await allSee(rest, "others");

// What all tabs show is the same, and the story grows in those that show it.
const shown = rest.find((page) => page.url().includes("#agent/"));
await shown.locator(".line").nth(20).waitFor();

mark("a new leader");
// A tab that nobody sees rests, and asks before it says that it is live.
for (const page of rest.slice(1)) await page.close();
await rest[0].close();
const { page } = await open({ context, link: "about:blank", expected: refused });
await page.clock.install();
await page.goto(origin);
await live(page);
const hide = (isHidden) =>
  page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
await hide(true);
await page.clock.fastForward(31000);
await page.locator("#state").getByText("rests").waitFor();
const held = await page.evaluate(async () => (await navigator.locks.query()).held.length);
assert.equal(held, 0, "no stream is open");
const meanwhile = spawn("true", "--again", "--name", "meanwhile");
await until("it ended", () => agent(meanwhile).liveness === "ended");
assert.equal(await page.locator(`a.row[href="#agent/${meanwhile}"]`).count(), 0);
await page.evaluate(() => {
  window.__said = [];
  new MutationObserver(() => window.__said.push(document.getElementById("state").textContent)).observe(document.getElementById("state"), {
    childList: true,
  });
});
const said = () => page.evaluate(() => window.__said.splice(0).join(" "));
await hide(false);
await page.locator(`a.row.done[href="#agent/${meanwhile}"]`).waitFor();
await live(page);
assert.match(await said(), /asking.*live/);
// So does one whose timers slept for less than that: unless something came after the sleep, which is as good as an answer.
for (let asked = false; !asked; asked = /asking/.test(await said())) {
  await hide(true);
  await page.clock.fastForward(25000);
  await hide(false);
}
await live(page);
mark("rested and woken");

// Offline: said, with the age of what is shown; and back, everything is there.
await context.setOffline(true);
await page.locator("#state").getByText("reconnecting").waitFor();
assert.match(await page.locator("#state").textContent(), /what is shown is \d+s old/);
const during = spawn("true", "--again", "--name", "during");
await until("it ended", () => agent(during).liveness === "ended");
await context.setOffline(false);
await page.locator(`a.row.done[href="#agent/${during}"]`).waitFor();
await live(page);
mark("offline and back");
// The server is killed: said, with the command that starts it, and what is shown is marked as old.
process.kill(server, "SIGKILL");
await page.getByText("the server does not answer").waitFor();
await page.getByText("git orchestra web").first().waitFor();
assert.match(await page.evaluate(() => document.body.className), /old/);
await shot(page, "gone");

mark("killed");
// Another one on the same port does not know this browser, and says what to do.
const again = start("git", ["orchestra", "web", "--port", new URL(origin).port, "--write"], { stdio: ["ignore", "pipe", "ignore"] });
const other = await new Promise((resolve) => again.stdout.once("data", (text) => resolve(String(text).trim())));
await page.getByText("This browser is not logged in").waitFor();
await shot(page, "stranger");
await page.goto(other);
await page.reload();
await live(page);
assert.notEqual(other, links[0]);
orchestra("stop", "--all");
await page.locator(`a.row.stopped[href="#agent/${working}"]`).waitFor();
again.kill();
mark("started again");
await end();
