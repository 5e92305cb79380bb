// What all scenes use: the browser, the repository in which this runs, and what is wrong with a page.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";

const { chromium } = await import(process.env.DRIVER);

export const links = process.env.LINKS.split(" ");
export const origin = new URL(links[0]).origin;
export const server = Number(process.env.SERVER);
/** A name of a tunnel that leads to the server: for a browser, not this machine. */
export const TUNNEL = "orchestra.test";

/** Flags that keep the browser from asking the network for anything. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  `--host-resolver-rules=MAP ${TUNNEL}:80 ${new URL(origin).host}`,
];
/** The longest wait for a condition. */
export const PATIENCE = 30000;

const run = (program, args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
/** Runs plain git in the repository. */
export const git = (...args) => run("git", args);
/** Runs `git orchestra …`. */
export const orchestra = (...args) => run("git", ["orchestra", ...args]);
/** Starts a shell agent, and returns its id. */
export const spawn = (script, ...options) => orchestra("spawn", "--agent", "sh", "--detach", ...options, "--", script);
/** Starts a scripted Claude Code, and returns its id. */
export const spawnClaude = (task, ...options) => orchestra("spawn", "--detach", ...options, "--", task);
/** Returns an agent, as the command shows it. */
export const agent = (id) => JSON.parse(orchestra("status", "--json", id)).agents[0];

/** Waits until something holds, and returns it. Each look takes as long as a command. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) assert.fail(`it did not come: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const browser = await chromium.launch({ executablePath: process.env.BROWSER, args: FLAGS });
const faults = [];

/** Notes what a page must not do: an error, a report of its policy, or code that came as text. */
function observe(page, expected = []) {
  const fault = (text) => expected.some((one) => text.includes(one)) || faults.push(text);
  page.on("pageerror", (error) => fault(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && fault(`console: ${message.text()}`));
  page.on("dialog", (dialog) => (fault(`dialog: ${dialog.message()}`), dialog.dismiss()));
}

/** Opens a browser window; `expected` are parts of messages that are no faults. */
export async function open({ width = 1280, height = 800, link = links[0], dark = false, expected, context: known, ...more } = {}) {
  const isPhone = width < 600;
  const options = {
    viewport: { width, height },
    isMobile: isPhone,
    hasTouch: isPhone,
    deviceScaleFactor: isPhone ? 2 : 1,
    colorScheme: dark ? "dark" : "light",
    ...more,
  };
  const context = known ?? (await browser.newContext(options));
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  observe(page, expected);
  await page.addInitScript(() => {
    window.__reports = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.__reports.push(`${event.violatedDirective} ${event.sourceFile}:${event.lineNumber}`),
    );
  });
  await page.goto(link);
  return { context, page };
}

/** Waits until the page is live. */
export const live = (page) => page.locator("body.live").waitFor();

/** Goes to a place of the page. */
export const go = (page, hash) => page.evaluate((to) => (location.hash = to), hash);

/** Says how long it took to come here, to find what is slow. */
export const mark = (what) => console.log(`${(performance.now() / 1000).toFixed(1)}s ${what}`);

/** Takes a picture. */
export const shot = (page, name) => page.screenshot({ path: path.join(process.env.SHOTS, `${process.env.SCENE}-${name}.png`) });

/** Asserts that the page does not scroll sideways. */
export async function fits(page, what) {
  const [inner, width] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(inner <= width, `${what}: ${inner} pixels in ${width}`);
}

/** Asserts that every control has a name, and is large enough for a finger on a phone. */
export async function isUsable(page, what) {
  const nameless = await page.evaluate(() => {
    const named = (one) => one.getAttribute("aria-label") || one.textContent.trim() || one.title || one.labels?.length;
    return [...document.querySelectorAll("a, button, input, textarea, select, [role=tab], [tabindex]")]
      .filter((one) => one.checkVisibility() && !named(one))
      .map((one) => one.outerHTML.slice(0, 120));
  });
  assert.deepEqual(nameless, [], `${what}: controls without a name`);
}

/** Ends the scene: nothing went wrong in any page. */
export async function end() {
  for (const context of browser.contexts()) {
    for (const page of context.pages()) {
      const [reports, isTaken] = await page.evaluate(() => [window.__reports ?? [], window.__pwned]).catch(() => [[], undefined]);
      assert.deepEqual(reports, [], "reports of the policy");
      assert.equal(isTaken, undefined);
    }
  }
  await browser.close();
  assert.deepEqual(faults, []);
}

process.on("uncaughtException", async (error) => {
  console.error(error);
  const pages = browser.contexts().flatMap((context) => context.pages());
  for (const [at, page] of pages.entries()) {
    console.error(page.url(), (await page.innerText("body").catch(() => "")).slice(0, 2000));
    await shot(page, `failed-${at}`).catch(() => {});
  }
  await browser.close();
  process.exit(1);
});
