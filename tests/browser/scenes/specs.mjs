// Specs: begun, read, changed, merged with what is saved meanwhile; the designer hears what changed.

import assert from "node:assert/strict";
import childProcess from "node:child_process";
import fs from "node:fs";
import { agent, end, fits, git, go, isUsable, live, mark, open, orchestra, shot, until } from "./stage.mjs";

const { page } = await open({ width: 390, height: 844 });
await live(page);
await go(page, "#more");
await page.getByRole("link", { name: "Specs" }).click();
await page.getByText("No spec yet.").waitFor();
await page.getByLabel("A new spec: its name").fill("rate-limit");
await page.getByRole("button", { name: "Begin" }).click();
await page.getByText("It begins when it is saved.").waitFor();
assert.equal(await page.getByRole("button", { name: "Save" }).isDisabled(), true);
await page.getByLabel("Text", { exact: true }).fill("# Limits\n\none\ntwo\nthree\n");
await page.getByText("git orchestra spec new rate-limit --from FILE").waitFor();
await page.getByRole("button", { name: "Save" }).click();
await page.getByText("Version 1 is current.").waitFor();
assert.match(orchestra("spec", "show", "rate-limit"), /three/);
await fits(page, "spec");
await isUsable(page, "spec");
await shot(page, "spec");
mark("begun");

// What is typed stays while one looks at something else, and is a change of the version that was read.
await page.getByLabel("Text", { exact: true }).fill("# Limits\n\nONE\ntwo\nthree\n");
await go(page, "#more");
fs.writeFileSync("../spec.md", "# Limits\n\none\ntwo\nTHREE\n");
orchestra("spec", "edit", "rate-limit", "--from", "../spec.md");
await go(page, "#specs/rate-limit");
await page.getByText("version 2").first().waitFor();
assert.match(await page.getByLabel("Text", { exact: true }).inputValue(), /ONE/);
await page.getByRole("button", { name: "Save" }).click();
await page.getByText("Version 3 is current, merged with what was saved meanwhile.").waitFor();
assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "# Limits\n\nONE\ntwo\nTHREE\n");
await page.getByText("(via web)").first().waitFor();
assert.equal(git("log", "--format=%B", "refs/orchestra/specs/rate-limit").match(/"via":"web"/g).length, 2);
await page.getByLabel("Version").selectOption("1");
await page.getByText("This is no longer the current version").waitFor();
assert.match(await page.getByLabel("Text", { exact: true }).inputValue(), /one\ntwo\nthree/);
mark("merged");

// A designer that runs hears of a change: its program has a terminal of its own.
fs.writeFileSync("../designing", "#!/bin/sh\n[ \"$1\" = --version ] && echo 0.0.0 && exit\nwhile read -r line; do eval \"$line\"; done\n", { mode: 0o755 });
git("config", "orchestra.agent.claude.program", `${process.cwd()}/../designing`);
const typed = ["-qec", "git orchestra designer --agent claude", "/dev/null"];
const terminal = childProcess.spawn("script", typed, { stdio: ["pipe", "ignore", "ignore"] });
const running = () => JSON.parse(orchestra("status", "--json")).agents.find((one) => one.designer && one.phase === "running");
const designer = (await until("the designer runs", running)).id;
await go(page, "#specs");
await page.getByRole("link", { name: "rate-limit" }).click();
await page.getByText("version 3").first().waitFor();
await page.getByLabel("Text", { exact: true }).fill("# Limits\n\nONE\nTWO\nTHREE\n");
await page.getByRole("button", { name: "Save" }).click();
await page.getByText(`The designer ${designer} heard what changed.`).waitFor();
assert.match(git("log", "--format=%B", `refs/orchestra/agents/${designer}`), /The spec 'rate-limit' changed, from version 3 to 4/);
await shot(page, "told");
terminal.stdin.end("exit\n");
await until("the designer ends", () => agent(designer).liveness === "ended");
mark("told");
await end();
