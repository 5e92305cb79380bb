// What an agent said and did: the end of it first, and more of what was before on demand.

import { get } from "./api.js";
import { command } from "./commands.js";
import { button, fill, make, setText } from "./dom.js";
import { fault } from "./sheet.js";

/** The most lines in the page, and how many are asked for at first and then. */
const MOST = 2000;
const FIRST = 300;
const STEP = 500;
/** The most lines of one entry that are shown before one asks for the rest. */
const LINES = 30;
const WIDTH = 4000;

const MARKS = { message: ">", tool_use: "→", denied: "✗", question: "?", error: "✗", turn_end: "──", retry: "↻", limit: "!" };
/** The texts that were cut, as long as their lines are in the page. */
const whole = new WeakMap();

function words(event) {
  const text = event.text ?? event.about ?? event.reason ?? event.how ?? "";
  if (event.kind === "tool_use") return `${event.tool} ${text}`;
  if (event.kind === "denied") return `${event.tool} was denied: ${text}`;
  if (event.kind === "turn_end") return event.ok ? "turn ended" : `turn ended: ${text}`;
  if (event.kind === "long_line") return `a line of ${event.bytes} bytes`;
  return text;
}

function cut(text) {
  let end = Math.min(text.length, WIDTH);
  let at = -1;
  for (let lines = 0; lines < LINES; lines += 1) {
    at = text.indexOf("\n", at + 1);
    if (at < 0) break;
  }
  if (at >= 0) end = Math.min(end, at);
  return end < text.length ? text.slice(0, end) : text;
}

/** Makes the lines of an entry. */
function lineOf({ event, depth }) {
  const text = words(event);
  const mark = event.kind === "tool_result" ? (event.failed ? "✗" : "←") : (MARKS[event.kind] ?? " ");
  const shown = cut(text);
  const line = make("div", { class: `line ${event.kind}${event.failed ? " failed" : ""}${depth ? " inner" : ""}` }, `${mark} ${shown}`);
  line.weight = shown.split("\n").length;
  if (shown.length < text.length) {
    const more = button("… all of it", () => {
      setText(line, `${mark} ${whole.get(line)}`);
    });
    more.className = "more";
    whole.set(line, text);
    line.append(more);
  }
  return line;
}

/** Makes the story of an agent. `grew` reads what is new. */
export function story(id) {
  const lines = make("div", { class: "lines" });
  const earlier = button("Earlier", () => readTail(shown.asked + STEP), { class: "more", hidden: true });
  const note = make("p", { class: "empty" });
  const down = button("", () => toEnd(), { class: "down", hidden: true });
  const body = make("div", { class: "body", tabindex: "0", role: "tabpanel", "aria-label": "Story" }, earlier, note, lines);
  const root = make("div", { class: "scrolls" }, body, down);
  const shown = { next: null, asked: FIRST, weight: 0, isReading: false, isStale: false, isClosed: false, unseen: 0 };

  const isAtEnd = () => body.scrollHeight - body.scrollTop - body.clientHeight < 40;

  function toEnd() {
    body.scrollTop = body.scrollHeight;
    shown.unseen = 0;
    down.hidden = true;
  }

  function add(entries) {
    const wasAtEnd = isAtEnd() || lines.childElementCount === 0;
    const made = entries.slice(-MOST).map(lineOf);
    lines.append(...made);
    for (const line of made) shown.weight += line.weight;
    while (shown.weight > MOST && lines.childElementCount > 1) {
      shown.weight -= lines.firstElementChild.weight;
      lines.firstElementChild.remove();
    }
    if (wasAtEnd) toEnd();
    else if (made.length > 0) {
      shown.unseen += made.length;
      down.hidden = false;
      setText(down, `↓ ${shown.unseen} new`);
    }
  }

  function drawNote() {
    const isFull = shown.asked >= MOST;
    earlier.hidden = isFull || lines.childElementCount < shown.asked * 0.6;
    if (lines.childElementCount === 0) fill(note, "It has said nothing yet.");
    else if (isFull) fill(note, "What was before: ", make("code", {}, command("logs", id)));
    else fill(note);
  }

  async function readTail(asked) {
    shown.asked = Math.min(asked, MOST);
    const fromEnd = body.scrollHeight - body.scrollTop;
    const isFirst = shown.next === null;
    const page = await get(`agents/${id}/log?lines=${shown.asked}`);
    if (shown.isClosed) return;
    fill(lines);
    shown.weight = 0;
    add(page.entries);
    shown.next = page.next;
    drawNote();
    if (!isFirst) {
      body.scrollTop = body.scrollHeight - fromEnd;
      shown.unseen = 0;
      down.hidden = true;
    }
    if (page.more) await grew();
  }

  async function readNew() {
    const { attempt, from } = shown.next;
    const page = await get(`agents/${id}/log?attempt=${attempt}&from=${from}`);
    if (shown.isClosed) return;
    add(page.entries);
    shown.next = page.next;
    shown.isStale ||= page.more;
  }

  async function grew() {
    shown.isStale = true;
    if (shown.isReading || shown.isClosed) return;
    shown.isReading = true;
    try {
      while (shown.isStale && !shown.isClosed) {
        shown.isStale = false;
        if (shown.next === null) await readTail(FIRST);
        else await readNew();
      }
      drawNote();
    } catch (error) {
      if (shown.next === null && !shown.isClosed) fill(note, fault(error));
    } finally {
      shown.isReading = false;
    }
  }

  body.addEventListener("scroll", () => {
    if (!down.hidden && isAtEnd()) toEnd();
  });
  grew();
  return {
    root,
    grew,
    close() {
      shown.isClosed = true;
    },
  };
}
