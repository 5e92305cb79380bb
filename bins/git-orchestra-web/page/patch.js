// A diff as git prints it, cut into files and lines. Pure.

/** Unquotes a path as git quotes it, and leaves out its `a/` or `b/`. */
function pathOf(text) {
  let path = text.replace(/\t$/, "");
  if (path.startsWith('"')) {
    const bytes = [];
    const inner = path.slice(1, -1);
    const named = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 };
    for (let at = 0; at < inner.length; at += 1) {
      if (inner[at] !== "\\") bytes.push(...new TextEncoder().encode(inner[at]));
      else if (/[0-7]/.test(inner[at + 1])) {
        bytes.push(Number.parseInt(inner.slice(at + 1, at + 4), 8));
        at += 3;
      } else {
        at += 1;
        bytes.push(named[inner[at]] ?? inner.charCodeAt(at));
      }
    }
    path = new TextDecoder().decode(new Uint8Array(bytes));
  }
  return path.replace(/^[ab]\//, "");
}

/**
 * Makes what turns or hides letters visible, as the server does for all other texts: git quotes such letters in names, and
 * they came to be here.
 */
export function visible(text) {
  const named = { "\n": "\\n", "\t": "\\t", "\u001b": "\\e" };
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu,
    (letter) => named[letter] ?? `\\u{${letter.codePointAt(0).toString(16)}}`,
  );
}

/**
 * Returns the files of a diff, each with `path` (as it is) and `shown` (safe to show), what git says of it in `head`, and `lines`: `{kind, text, line}`,
 * where `line` is the number in the new version, which remarks name, and absent from lines that were removed.
 */
export function files(text) {
  const all = [];
  let file = null;
  let next = 0;
  let isIn = false;
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    if (line.startsWith("diff --git ")) {
      file = { path: pathOf(line.slice(line.lastIndexOf(" b/") + 1 || 11)), head: [], lines: [] };
      isIn = false;
      all.push(file);
    } else if (file === null) continue;
    else if (line.startsWith("@@ ")) {
      next = Number(/\+(\d+)/.exec(line)?.[1] ?? 1);
      isIn = true;
      file.lines.push({ kind: "place", text: line });
    } else if (!isIn) {
      file.head.push(line);
      if (line.startsWith("+++ ") && line !== "+++ /dev/null") file.path = pathOf(line.slice(4));
    } else if (line.startsWith("-")) file.lines.push({ kind: "removed", text: line });
    else if (line.startsWith("\\")) file.lines.push({ kind: "note", text: line });
    else {
      file.lines.push({ kind: line.startsWith("+") ? "added" : "same", text: line, line: next });
      next += 1;
    }
  }
  for (const one of all) one.shown = visible(one.path);
  return all;
}
