// The page that only looks, small windows, dark ones, and large letters.

import assert from "node:assert/strict";
import { agent, end, fits, go, isUsable, links, live, open, orchestra, shot, spawn, spawnClaude, until } from "./stage.mjs";

const done = spawn("echo 'fn main() {}' > main.rs; echo words that were said");
const asking = spawnClaude(
  "say a\nask cargo add argon2 --features 'std,alloc' && cargo test --workspace --all-targets --locked -- --nocapture",
  "--name",
  "asks-for-a-long-command",
  "--on-prompt",
  "ask",
);
spawn("echo begun; while ! [ -e stop ]; do sleep 0.1; done");
await until("it waits", () => agent(asking).waiting);
await until("it ends", () => agent(done).liveness === "ended");
const PLACES = [
  "",
  `#agent/${done}`,
  `#agent/${done}/diff`,
  `#agent/${done}/facts`,
  `#agent/${asking}`,
  "#land",
  "#runs",
  "#more",
  "#history",
  "#sessions",
  "#worktrees",
  "#costs",
  "#spawn",
];

// An owner without --write, and a guest: nothing can be pressed that changes something.
for (const [at, link] of links.entries()) {
  const dark = at === 1;
  const { page, context } = await open({ width: 320, height: 568, link, dark });
  await live(page);
  for (const place of PLACES) {
    await go(page, place);
    await page
      .locator(place === "" ? ".board .row" : place.startsWith("#agent") ? ".agent .tabs" : ".page h2")
      .first()
      .waitFor();
    await fits(page, `${place} at 320 pixels`);
    await isUsable(page, place);
    const name =
      place
        .replace(/^#/, "")
        .replace(/\/.*-[a-z0-9]{5}/, "")
        .replaceAll("/", "-") || "board";
    await shot(page, `${dark ? "dark" : "light"}-${name}`);
  }
  await go(page, `#agent/${asking}`);
  await page.locator(".agent .request").waitFor();
  for (const word of ["Allow", "Deny…", "Say", "Stop…", "Pause", "Approve", "Land…", "Start"])
    assert.equal(await page.getByRole("button", { name: word, exact: true }).count(), 0, word);
  await page
    .locator(".acts")
    .getByText(at === 0 ? "git orchestra web --write" : "You are a guest")
    .waitFor();
  if (at === 0) {
    // Twice as large, on a wide screen: as if it had half of the pixels.
    await page.setViewportSize({ width: 640, height: 400 });
    for (const place of PLACES) {
      await go(page, place);
      await fits(page, `${place} at 200 %`);
    }
  }
  await context.close();
}

orchestra("stop", "--all");
await end();
