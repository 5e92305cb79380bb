// What agents wrote is text, wherever it is shown; and no other page gets anything.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import fs from "node:fs";
import { agent, end, git, go, live, open, orchestra, origin, shot, spawn, spawnClaude, until } from "./stage.mjs";

const take = "window.__pwned=1";
const close = "</scr" + "ipt>";
const scheme = "java" + "script:";
/** What would run code, if it were read as markup, as an attribute, as an address, as a style, or by a framework. */
const PAYLOADS = [
  `<script>${take}${close}`,
  `"><script>${take}${close}`,
  `'><script>${take}${close}`,
  `</title><script>${take}${close}`,
  `</textarea><script>${take}${close}`,
  `</style><script>${take}${close}`,
  `</script><script>${take}${close}`,
  `--><script>${take}${close}`,
  `]]><script>${take}${close}`,
  `<ScRiPt>${take}${close}`,
  `<script/x>${take}${close}`,
  `<scr<script>ipt>${take}${close}`,
  `<script\t>${take}${close}`,
  `<script src=data:,${take}>${close}`,
  `<script type=module>${take}${close}`,
  `<img src=x onerror=${take}>`,
  `<img src=x onerror="${take}">`,
  `<img/src=x/onerror=${take}>`,
  `<IMG SRC=x OnErRoR=${take}>`,
  `<img src=x:x onerror=${take} //`,
  `"><img src=x onerror=${take}>`,
  `'"><img src=x onerror=${take}>`,
  `\`"><img src=x onerror=${take}>`,
  `<svg onload=${take}>`,
  `<svg/onload=${take}>`,
  `<svg><script>${take}${close}`,
  `<svg><animate onbegin=${take} attributeName=x dur=1s>`,
  `<svg><a href="${scheme}${take}"><text y=9>x</text></a>`,
  `<svg><use href="data:image/svg+xml,<svg onload=${take}>">`,
  `<svg><foreignObject><img src=x onerror=${take}>`,
  `<body onload=${take}>`,
  `<iframe srcdoc="<script>parent.__pwned=1${close}">`,
  `<iframe src="${scheme}parent.__pwned=1">`,
  `<object data="${scheme}${take}">`,
  `<embed src="${scheme}${take}">`,
  `<a href="${scheme}${take}">x</a>`,
  `[x](${scheme}${take})`,
  `![x](x" onerror="${take})`,
  `${scheme}${take}`,
  `data:text/html,<script>${take}${close}`,
  `<details open ontoggle=${take}>`,
  `<input autofocus onfocus=${take}>`,
  `<select autofocus onfocus=${take}>`,
  `<textarea autofocus onfocus=${take}>`,
  `<video><source onerror=${take}></video>`,
  `<audio src=x onerror=${take}>`,
  `<marquee onstart=${take}>`,
  `<div onpointerover=${take}>x</div>`,
  `<math><mtext><img src=x onerror=${take}>`,
  `<form><button formaction="${scheme}${take}">x`,
  `<base href="//127.0.0.1:1/">`,
  `<meta http-equiv=refresh content="0;${scheme}${take}">`,
  `<link rel=stylesheet href=data:text/css,*{}>`,
  `<style>@import 'data:text/css,x'</style>`,
  `<template><img src=x onerror=${take}></template>`,
  `{{constructor.constructor('${take}')()}}`,
  `\${${take}}`,
  `#{${take}}`,
  `" onmouseover="${take}" x="`,
  `' onfocus='${take}' autofocus x='`,
  `\u202e<img src=x onerror=${take}>`,
  `\u0000<img src=x onerror=${take}>`.replace("\u0000", ""),
  `&lt;img src=x onerror=${take}&gt;`,
  `%3Cscript%3E${take}%3C/script%3E`,
  `\\u003cscript\\u003e${take}\\u003c/script\\u003e`,
];
assert.ok(PAYLOADS.length >= 60);
const all = PAYLOADS.join("\n");

// In the log, the diff, names of files, and messages of commits.
fs.writeFileSync("payloads", `${all}\n`);
git("add", "payloads");
git("commit", "-qm", "Add payloads");
const files = PAYLOADS.map((text) => text.replaceAll("/", "_").slice(0, 120)).filter((text) => text !== "");
fs.mkdirSync("../names");
fs.writeFileSync("../names.json", JSON.stringify(files));
const many = spawn(
  `cat payloads; node -e 'for (const [i, name] of JSON.parse(fs.readFileSync("../../names.json")).entries()) fs.writeFileSync(name + i, name)'; cp payloads copy; git add . && git commit -qm '<img src=x onerror=${take}>'`,
);
// In titles and tasks, in what is asked, said, answered and denied.
const titles = [0, 5, 15, 23, 31, 38, 55].map((at) => spawnClaude(`say ${PAYLOADS[at]}`, "--again"));
const asks = spawnClaude(`say ${PAYLOADS[16]}\nask ${PAYLOADS[16]}`, "--name", "asks", "--on-prompt", "ask");
const chooses = spawnClaude(`choose ${PAYLOADS[40]}`, "--name", "chooses", "--on-prompt", "ask");
for (const id of [many, ...titles]) await until(`${id} ends`, () => agent(id).liveness === "ended");
for (const id of [asks, chooses]) await until(`${id} asks`, () => agent(id).waiting);
orchestra("review", many, "--changes", "--keep", "-m", all.slice(0, 4000));

// Agents that do not exist are asked for below.
const { page } = await open({ expected: ["404 (Not Found)"] });
await live(page);
await page.locator(".needs .request").nth(1).waitFor();
assert.ok(await page.getByText(PAYLOADS[16]).first().isVisible(), "it is there, as text");
await shot(page, "board");
await go(page, `#agent/${many}`);
await page.locator(".line").nth(50).waitFor();
for (const text of [PAYLOADS[0], PAYLOADS[23], PAYLOADS[33]]) assert.ok((await page.locator(".lines").textContent()).includes(text), text);
await shot(page, "story");
await go(page, `#agent/${many}/diff`);
await page.locator(".diff details").nth(20).waitFor();
assert.ok((await page.locator(".diff").textContent()).includes("<svg onload="), "names of files");
await page.locator(".diff details").last().scrollIntoViewIfNeeded();
await shot(page, "diff");
await go(page, `#agent/${many}/facts`);
await page.locator("dd").nth(5).waitFor();
for (const id of titles) {
  await go(page, `#agent/${id}`);
  await page.locator(".line.message").first().waitFor();
  await go(page, `#agent/${id}/facts`);
  await page.locator("dd").first().waitFor();
}
// In the address, the filter and the fields.
for (const text of PAYLOADS.slice(0, 30)) {
  await go(page, `#agent/${encodeURIComponent(text)}/diff`);
  await page.getByRole("heading", { name: text }).or(page.locator("h2")).first().waitFor();
}
await go(page, "");
await page.getByLabel("Filter agents").fill(`${PAYLOADS[15]} nothing`);
await page.locator(".board").getByText("Ended 0").waitFor();
await page.getByLabel("Filter agents").fill("");
for (const place of ["land", "runs", "history", "sessions", "worktrees", "costs", "spawn"]) {
  await Promise.all([page.waitForResponse(/api\/v1\//), go(page, `#${place}`)]);
  await page.locator(".page h2").waitFor();
}
assert.equal(await page.evaluate(() => window.__pwned), undefined);

// A page of another server of this machine, in the same browser, gets and changes nothing.
const foreign = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<title>foreign</title>"));
await new Promise((resolve) => foreign.listen(0, "127.0.0.1", resolve));
const before = git("for-each-ref");
const { page: other } = await open({
  context: page.context(),
  link: `http://127.0.0.1:${foreign.address().port}/`,
  expected: ["CORS", "Failed to load", "blocked", "WebSocket", "ERR_"],
});
const tries = await other.evaluate(
  async ([to, id]) => {
    const seen = {};
    const attempt = async (name, call) => {
      try {
        const answer = await call();
        seen[name] = answer.type === "opaque" ? "opaque" : `${answer.status} ${await answer.text()}`;
      } catch (error) {
        seen[name] = "refused";
      }
    };
    await attempt("read", () => fetch(`${to}/api/v1/status`, { credentials: "include" }));
    await attempt("read without CORS", () => fetch(`${to}/api/v1/status`, { credentials: "include", mode: "no-cors" }));
    await attempt("stream", () => fetch(`${to}/api/v1/events`, { credentials: "include" }));
    await attempt("post", () =>
      fetch(`${to}/api/v1/agents/${id}/stop`, {
        method: "POST",
        credentials: "include",
        mode: "no-cors",
        headers: { "Content-Type": "text/plain" },
        body: "{}",
      }),
    );
    await attempt("post JSON", () =>
      fetch(`${to}/api/v1/agents/${id}/stop`, {
        method: "POST",
        credentials: "include",
        headers: { "Content-Type": "application/json" },
        body: "{}",
      }),
    );
    await attempt("log in", () => fetch(`${to}/login`, { method: "POST", mode: "no-cors", body: '{"token":"x"}' }));
    seen.socket = await new Promise((resolve) => {
      const socket = new WebSocket(`${to.replace("http", "ws")}/ws/status`);
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("refused");
    });
    seen.script = await new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = `${to}/app.js`;
      script.onload = () => resolve("loaded");
      script.onerror = () => resolve("refused");
      document.head.append(script);
    });
    seen.frame = await new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.src = `${to}/`;
      frame.onload = () => resolve(frame.contentDocument === null ? "closed" : "open");
      document.body.append(frame);
    });
    return seen;
  },
  [origin, asks],
);
console.log("from another port:", JSON.stringify(tries));
for (const [name, answer] of Object.entries(tries)) assert.match(answer, /^(refused|opaque|closed)$/, name);
assert.equal(git("for-each-ref"), before, "nothing was changed");
assert.equal(agent(asks).liveness, "live");
foreign.close();
orchestra("stop", "--all");
await end();
