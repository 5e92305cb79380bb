// The parts of the page that only compute: commands are quoted as a shell reads them, and diffs are read as git means them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { end, git, live, open } from "./stage.mjs";

const { page } = await open();
await live(page);

// A shell reads the very words.
const WORDS = [
  "plain",
  "",
  "two words",
  "it's",
  '"',
  "$(touch /x)",
  "`id`",
  "a\nb",
  "\\",
  "!x",
  "*",
  "~",
  "-n",
  "ünïcode 日本",
  "a;b&c|d",
  "'",
  "''",
  "x=1",
  "#",
];
const typed = await page.evaluate(async (words) => (await import("/commands.js")).command("send", words), WORDS);
assert.ok(typed.startsWith("git orchestra send plain '' 'two words' 'it'\\''s'"), typed);
const read = execFileSync("sh", ["-c", `set -- ${typed.slice("git orchestra send ".length)}; printf '%s\\0' "$@"`], { encoding: "utf8" });
assert.deepEqual(read.split("\0").slice(0, -1), WORDS);
const left = await page.evaluate(async () => (await import("/commands.js")).command("stop", null, false, [undefined, "a"]));
assert.equal(left, "git orchestra stop a");

// Names of any kind, and every sort of change.
const NAMES = [
  "plain",
  "with space",
  "tab\there",
  'quo"te',
  "back\\slash",
  "ünïcode",
  "日本",
  "\u202etxt.exe",
  "a b/ b/c",
  "new\nline",
  "-dash",
  "b",
  "zero\u200bwidth",
];
for (const name of NAMES) {
  if (name.includes("/")) fs.mkdirSync(name.slice(0, name.lastIndexOf("/")), { recursive: true });
  fs.writeFileSync(name, Array.from({ length: 30 }, (_, at) => `line ${at}\n`).join(""));
}
fs.writeFileSync("gone", "gone\n");
fs.writeFileSync("moved", "moved\n".repeat(9));
fs.writeFileSync("runs", "#!/bin/sh\n");
git("add", ".");
git("commit", "-qm", "before");
for (const name of NAMES) {
  const lines = fs.readFileSync(name, "utf8").split("\n");
  lines.splice(20, 2, "changed", "+++ b/none", "--- a/none", "@@ -1 +1 @@", "diff --git a/x b/x");
  lines.splice(3, 1);
  fs.writeFileSync(name, lines.join("\n").trimEnd());
}
fs.unlinkSync("gone");
fs.renameSync("moved", "moved there");
fs.chmodSync("runs", 0o755);
fs.writeFileSync("binary", Buffer.from([0, 1, 2, 0, 255]));
git("add", ".");
const text = execFileSync("git", ["diff", "--cached", "-M"], { encoding: "utf8" });
const files = await page.evaluate(async (diff) => (await import("/patch.js")).files(diff), text);
const named = execFileSync("git", ["diff", "--cached", "-M", "--name-only", "-z"], { encoding: "utf8" });
assert.deepEqual(files.map(({ path }) => path).sort(), named.split("\0").slice(0, -1).sort());
for (const { path, shown, lines } of files.filter((file) => NAMES.includes(file.path))) {
  const now = fs.readFileSync(path, "utf8").split("\n");
  const numbered = lines.filter(({ line }) => line !== undefined);
  assert.ok(numbered.length >= 10, path);
  for (const { line, text: said } of numbered) assert.equal(said.slice(1), now[line - 1], `${path}:${line}`);
  assert.ok(!/[\u0000-\u001f\u200b\u202e]/.test(shown), `${JSON.stringify(shown)} hides nothing`);
}
assert.equal(files.find(({ path }) => path.startsWith("\u202e")).shown, "\\u{202e}txt.exe");

// Which branches conflict: each pair once, also one with a branch that is not in the plan.
const order = [
  { rank: 1, branch: "a", conflicts: [{ branch: "b", files: 2, kinds: ["content"] }] },
  {
    rank: 2,
    branch: "b",
    conflicts: [
      { branch: "a", files: 2, kinds: ["content"] },
      { branch: "x", files: 1, kinds: [] },
    ],
  },
  { rank: 3, branch: "c", conflicts: [] },
];
const pairs = await page.evaluate(
  async (rows) => (await import("/matrix.js")).pairs(rows).map(({ a, b, files }) => [a.branch, b.branch, files]),
  order,
);
assert.deepEqual(pairs, [
  ["a", "b", 2],
  ["b", "x", 1],
]);
await end();
