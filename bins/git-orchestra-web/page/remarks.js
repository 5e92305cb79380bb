// Remarks on lines of a diff, which go to the agent with a verdict.

import { visible } from "./patch.js";
import { button, count, fill, make, setText } from "./dom.js";

/** Makes the remarks of a review. `changed` is called when there are more or fewer. */
export function remarks(changed) {
  const all = new Map();
  const keyOf = (file, line) => `${line} ${file}`;
  const of = (file, line) => all.get(keyOf(file, line));

  /** Shows the remark below its line, if there is one. */
  function show(place, file, line) {
    const known = of(file, line);
    if (known)
      fill(
        place,
        make(
          "div",
          { class: "remark" },
          make("p", {}, known.text),
          button("Edit", () => edit(place, file, line)),
        ),
      );
    else fill(place);
  }

  /** Asks for the remark on a line. */
  function edit(place, file, line) {
    const text = make("textarea", { rows: "2", "aria-label": `Remark on line ${line} of ${visible(file)}` });
    text.value = of(file, line)?.text ?? "";
    const keep = () => {
      const words = text.value.trim();
      if (words) all.set(keyOf(file, line), { file, line, text: words });
      else all.delete(keyOf(file, line));
      show(place, file, line);
      changed();
    };
    fill(
      place,
      make(
        "div",
        { class: "remark" },
        text,
        make(
          "div",
          { class: "buttons" },
          button("Cancel", () => show(place, file, line)),
          button("Keep", keep, { class: "allow" }),
        ),
      ),
    );
    text.focus();
  }

  return { all: () => [...all.values()], show, edit, has: of, clear: () => all.clear() };
}

/** Makes the bar that gives a verdict: with what was read, the remarks, and the command that equals it. */
export function verdictBar({ id, read, all, give, write }) {
  const text = make("textarea", {
    rows: "1",
    "aria-label": "Words to the verdict",
    placeholder: "words to the verdict",
    oninput: () => draw(),
  });
  const note = make("span", {});
  const code = make("code", {});
  const bar = make("div", { class: "verdicts" });
  let last = "approve";
  const request = (verdict) => ({ verdict, ...read(), ...(text.value.trim() ? { text: text.value.trim() } : {}), comments: all() });
  const one = (words, verdict, kind) =>
    button(
      words,
      async () => {
        last = verdict;
        draw();
        if (await give(write(request(verdict)), request(verdict))) text.value = "";
        draw();
      },
      { class: kind, onfocus: () => ((last = verdict), draw()) },
    );
  function draw() {
    setText(note, all().length > 0 ? count(all().length, "remark") : "");
    setText(code, write(request(last)));
  }
  fill(
    bar,
    text,
    make("div", { class: "buttons" }, note, one("Reject", "reject", "deny"), one("Changes", "changes"), one("Approve", "approve", "allow")),
    make("p", { class: "equals" }, code),
  );
  bar.setAttribute("aria-label", `Verdict on ${id}`);
  bar.setAttribute("role", "group");
  draw();
  return { root: bar, draw };
}
