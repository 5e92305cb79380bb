// What an agent changed, by file. Only the lines near what is in sight are in the page.

import { get, mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, make } from "./dom.js";
import { files, visible } from "./patch.js";
import { remarks, verdictBar } from "./remarks.js";
import { act, fault, resultLine } from "./sheet.js";

/** The lines of a part that comes into the page and leaves it as one. */
const PART = 100;
/** How far from the window a part is made. */
const NEAR = "1200px";
/** The height of a line before it was measured, in pixels. */
const HEIGHT = 20;

/** The command that equals a verdict. */
function commandOf(id, { verdict, head, text, comments }) {
  const remarks = comments.flatMap(({ file, line, text }) => ["-C", `${visible(file)}:${line}`, text]);
  return command("review", id, `--${verdict}`, text ? ["-m", text] : [], remarks, head ? ["--head", head.slice(0, 10)] : []);
}

/** The numbers of lines are one stop of the Tab key in each part; the arrows move between them. */
function arrows(event) {
  const body = event.currentTarget;
  if (!event.target.classList?.contains("number") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const all = [...body.querySelectorAll("button.number")];
  const to = all[all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
  if (!to) return;
  event.preventDefault();
  event.target.setAttribute("tabindex", "-1");
  to.setAttribute("tabindex", "0");
  to.focus();
}

/** Makes the diff of an agent. `current` returns what is known of it. */
export function diff(id, current) {
  const body = make(
    "div",
    { class: "body diff", tabindex: "0", role: "tabpanel", "aria-label": "Diff" },
    make("p", { class: "empty" }, "reading…"),
  );
  const result = resultLine();
  const foot = make("div", {});
  const root = make("div", { class: "scrolls" }, body, result, foot);
  const shown = { isClosed: false, work: null, bar: null };
  const notes = remarks(() => shown.bar?.draw());
  const parts = new Map();
  const watch = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) if (isIntersecting) enter(target);
      for (const { target, isIntersecting } of seen) if (!isIntersecting) leave(target);
    },
    { root: body, rootMargin: NEAR },
  );

  function lineOf({ path, shown: name }, { kind, text, line }) {
    const element = make("div", { class: `line ${kind}` });
    const isRemarkable = line !== undefined && mayWrite();
    const number = isRemarkable
      ? button(String(line), () => notes.edit(below, path, line), {
          class: "number",
          tabindex: "-1",
          "aria-label": `Remark on line ${line} of ${name}`,
        })
      : make("span", { class: "number", "aria-hidden": "true" }, line === undefined ? "" : String(line));
    const below = make("div", { class: "below" });
    element.append(number, make("span", { class: "text" }, text || " "));
    if (!isRemarkable) return [element];
    if (notes.has(path, line)) notes.show(below, path, line);
    return [element, below];
  }

  function enter(element) {
    const part = parts.get(element);
    if (!part || element.childElementCount > 0) return;
    element.style.height = "";
    fill(element, ...part.lines.flatMap((line) => lineOf(part.file, line)));
    element.querySelector("button.number")?.setAttribute("tabindex", "0");
  }

  function leave(element) {
    if (element.childElementCount === 0 || element.contains(document.activeElement)) return;
    element.style.height = `${element.getBoundingClientRect().height}px`;
    fill(element);
  }

  function fileOf(file) {
    const { shown: name, head, lines } = file;
    const added = lines.filter(({ kind }) => kind === "added").length;
    const removed = lines.filter(({ kind }) => kind === "removed").length;
    const places = [];
    for (let at = 0; at < lines.length; at += PART) {
      const place = make("div", { class: "part" });
      const some = lines.slice(at, at + PART);
      place.style.height = `${some.length * HEIGHT}px`;
      parts.set(place, { file, lines: some });
      places.push(place);
    }
    const said = head.filter((line) => !/^(index|---|\+\+\+) /.test(line)).join("; ");
    const details = make(
      "details",
      { open: true },
      make(
        "summary",
        {},
        make("span", { class: "path" }, name),
        make("span", { class: "added" }, `+${added}`),
        make("span", { class: "removed" }, `−${removed}`),
      ),
      said && make("p", { class: "empty" }, said),
      ...places,
    );
    for (const place of places) watch.observe(place);
    return details;
  }

  function draw(answer) {
    watch.disconnect();
    parts.clear();
    const all = files(answer.text);
    const missing = (answer.files ?? []).filter(
      ({ path }) => !all.some((file) => file.path === path || file.shown === path || file.shown === visible(path)),
    );
    const left = answer.left_out ?? [];
    fill(
      body,
      shown.work?.dirty > 0 &&
        make(
          "p",
          { class: "warning" },
          `${count(shown.work.dirty, "file")} of this may not be committed yet; a verdict is about the last commit.`,
        ),
      answer.problem && make("p", { class: "warning" }, answer.problem),
      all.length === 0 && make("p", { class: "empty" }, "It changed nothing."),
      all.length > 0 &&
        make(
          "p",
          { class: "empty" },
          `${count(all.length + missing.length, "file")}. ${mayWrite() ? "The number of a line takes a remark on it." : ""}`,
        ),
      ...all.map(fileOf),
      ...missing.map(({ path, insertions, deletions }) =>
        make("p", { class: "empty" }, `${path} +${insertions ?? "?"} −${deletions ?? "?"}: not shown`),
      ),
      ...left.map(({ path, why }) => make("p", { class: "empty" }, `${path} was left out: ${why}`)),
      answer.text_cut && make("p", { class: "empty" }, "The rest is not shown: ", make("code", {}, command("diff", id))),
    );
    if (!shown.work || all.length === 0) return fill(foot);
    shown.bar = verdictBar({
      id,
      read: () => ({ base: shown.work.base, head: shown.work.head }),
      all: notes.all,
      give,
      write: (request) => commandOf(id, request),
    });
    fill(foot, shown.bar.root);
  }

  async function give(words, request) {
    const answer = await act(result, words, `agents/${id}/review`, request);
    if (answer) notes.clear();
    return answer !== null;
  }

  async function read() {
    try {
      // Read before the diff: a verdict on work that changes meanwhile is refused.
      shown.work = mayWrite() && current()?.commits > 0 ? (await get(`agents/${id}/review`)).work : null;
      const answer = await get(`agents/${id}/diff`);
      if (!shown.isClosed) draw(answer);
    } catch (error) {
      if (!shown.isClosed) fill(body, make("p", { class: "empty" }, fault(error)));
    }
  }

  body.addEventListener("keydown", arrows);
  read();
  return {
    root,
    /** The work changed: what is read stays, until the reader wants the new one. */
    changed(agent) {
      if (!agent?.head || !shown.work || agent.head === shown.work.head) return;
      if (root.querySelector(".stale")) return;
      const again = button("Read it again", () => (note.remove(), read()));
      const note = make("p", { class: "warning stale", role: "status" }, "The work has changed since. ", again);
      root.prepend(note);
    },
    close() {
      shown.isClosed = true;
      watch.disconnect();
    },
  };
}
