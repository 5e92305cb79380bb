// One agent: what it asks, what it said and did, what it changed, and what is known of it.

import { get, mayWrite, post } from "./api.js";
import { state } from "./board.js";
import { age, fill, make } from "./dom.js";

/** The most lines of a story that are kept in the page. */
const MAX_LINES = 2000;
const TABS = ["story", "diff", "facts"];

/** Makes the view of an agent. `get` returns what is known of it now. */
export function view(id, current) {
  const head = make("div", { class: "head" });
  const asks = make("div", { class: "asks" });
  const result = make("p", { class: "result", role: "status" });
  const body = make("div", { class: "body", tabindex: "0", role: "tabpanel" });
  const tabs = make("div", { class: "tabs", role: "tablist" });
  const acts = make("form", { class: "acts", onsubmit: (event) => event.preventDefault() });
  const shown = { tab: "story", next: null, asked: null, isReading: false, isStale: false };
  const root = make("article", { class: "agent" }, head, asks, tabs, body, result, acts);

  async function act(words, path, body) {
    fill(result, `${words}…`);
    try {
      const answer = await post(`agents/${id}/${path}`, body);
      const failed = answer.failed?.[0]?.error;
      fill(result, failed ?? `Done: ${words}`);
      return failed === undefined;
    } catch (error) {
      fill(result, [error.message, ...(error.hints ?? [])].join(" — "));
      return false;
    }
  }

  function drawHead() {
    const agent = current();
    if (!agent) {
      fill(head, make("a", { href: "#", class: "back" }, "‹ all"), make("h2", {}, id), make("p", {}, "It is not in view any more."));
      fill(asks);
      return;
    }
    const { word, mark } = state(agent);
    const facts = [agent.profile, age(agent.started_at ?? agent.queued_at)];
    if (agent.cost_usd) facts.push(`$${agent.cost_usd.toFixed(2)}`);
    if (agent.insertions != null) facts.push(`+${agent.insertions} −${agent.deletions ?? 0}`);
    fill(
      head,
      make("a", { href: "#", class: "back" }, "‹ all"),
      make("h2", {}, id),
      make("p", { class: word }, `${mark} ${word}`),
      make("p", {}, agent.title ?? ""),
      make("p", { class: "facts" }, facts.join(" · ")),
    );
    drawAsk(agent);
  }

  function drawAsk(agent) {
    const key = JSON.stringify([agent.request, agent.waiting, agent.choice]);
    // Buttons that somebody is about to press are not replaced by the same ones.
    if (shown.asked === key) return;
    shown.asked = key;
    if (!agent.waiting) return fill(asks);
    const { request } = agent;
    const text = make("pre", { class: "request" }, request?.text ?? agent.waiting);
    const cut = request?.cut_from_bytes && make("p", {}, `Not all of it is shown: it has ${request.cut_from_bytes} bytes.`);
    if (!mayWrite() || !request?.id) return fill(asks, make("h3", {}, "Asks"), text, cut);
    const question = request.id;
    if (agent.choice) {
      const field = make("input", { name: "choice", "aria-label": "Your answer", autocomplete: "off" });
      const answer = make("button", { type: "button", onclick: () => act("answer", "answer", { question, text: field.value }) }, "Answer");
      return fill(asks, make("h3", {}, "Asks"), text, cut, field, answer);
    }
    const button = (words, body, kind) =>
      make("button", { type: "button", class: kind, onclick: () => act(words.toLowerCase(), "answer", { question, ...body }) }, words);
    fill(
      asks,
      make("h3", {}, "Asks"),
      text,
      cut,
      make("div", { class: "buttons" }, button("Deny", { allow: false }, "deny"), button("Allow", { allow: true }, "allow")),
    );
  }

  function line(entry) {
    const { event } = entry;
    const text = event.text ?? event.about ?? event.reason ?? event.how ?? "";
    const marks = { message: ">", tool_use: "→", tool_result: event.failed ? "✗" : "←", denied: "✗", question: "?", error: "✗", turn_end: "──" };
    const words = event.kind === "tool_use" ? `${event.tool} ${text}` : event.kind === "turn_end" && event.ok ? "turn ended" : text;
    return make("div", { class: `line ${event.kind}` }, `${marks[event.kind] ?? " "} ${words}`);
  }

  async function readStory() {
    if (shown.isReading) {
      shown.isStale = true;
      return;
    }
    shown.isReading = true;
    try {
      do {
        shown.isStale = false;
        const from = shown.next ? `?attempt=${shown.next.attempt}&from=${shown.next.from}` : "?lines=300";
        const page = await get(`agents/${id}/log${from}`);
        if (shown.tab !== "story") return;
        const isAtEnd = body.scrollHeight - body.scrollTop - body.clientHeight < 40;
        body.append(...page.entries.map(line));
        while (body.childElementCount > MAX_LINES) body.firstElementChild.remove();
        if (isAtEnd || !shown.next) body.scrollTop = body.scrollHeight;
        shown.next = page.next;
        shown.isStale ||= page.more;
      } while (shown.isStale);
    } catch (error) {
      if (!shown.next) fill(body, make("p", { class: "empty" }, error.message));
    } finally {
      shown.isReading = false;
    }
  }

  async function readDiff() {
    fill(body, make("p", { class: "empty" }, "reading…"));
    try {
      const diff = await get(`agents/${id}/diff`);
      if (shown.tab !== "diff") return;
      const kind = (text) => (/^(\+\+\+|---|diff|index)/.test(text) ? "file" : { "+": "added", "-": "removed", "@": "place" }[text[0]]);
      const lines = diff.text.split("\n").map((text) => make("div", { class: `line ${kind(text) ?? ""}` }, text));
      const cut = diff.text_cut && make("p", {}, `The rest is not shown: git orchestra diff ${id}`);
      fill(body, ...(diff.text ? lines : [make("p", { class: "empty" }, "It changed nothing.")]), cut);
    } catch (error) {
      if (shown.tab === "diff") fill(body, make("p", { class: "empty" }, error.message));
    }
  }

  function drawFacts() {
    const rows = Object.entries(current() ?? {}).filter(([, value]) => typeof value !== "object");
    fill(body, make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, String(value))])));
  }

  function open(tab) {
    shown.tab = tab;
    shown.next = null;
    fill(body);
    const button = (name) =>
      make("button", { type: "button", role: "tab", "aria-selected": String(name === tab), onclick: () => open(name) }, name);
    fill(tabs, ...TABS.map(button));
    if (tab === "story") readStory();
    else if (tab === "diff") readDiff();
    else drawFacts();
  }

  function drawActs() {
    if (!mayWrite()) return fill(acts, make("p", { class: "empty" }, "To act from here: git orchestra web --write"));
    const text = make("textarea", { rows: "1", "aria-label": "Message", placeholder: "say something" });
    const say = async () => {
      if (text.value.trim() && (await act("send", "send", { text: text.value }))) text.value = "";
    };
    const stop = () => {
      const sure = make("button", { type: "button", class: "deny", onclick: () => (act("stop", "stop", {}), drawActs()) }, "Stop it");
      const not = make("button", { type: "button", onclick: drawActs }, "Let it run");
      fill(acts, make("p", {}, "Its work is saved, and 'resume' starts it again. This is: git orchestra stop ", id), not, sure);
    };
    fill(
      acts,
      text,
      make("button", { type: "button", onclick: say }, "Say"),
      make("button", { type: "button", onclick: () => act("pause", "pause", {}) }, "Pause"),
      make("button", { type: "button", onclick: () => act("resume", "resume", {}) }, "Resume"),
      make("button", { type: "button", class: "deny", onclick: stop }, "Stop…"),
    );
  }

  drawHead();
  drawActs();
  open("story");
  return {
    root,
    changed() {
      drawHead();
      if (shown.tab === "facts") drawFacts();
    },
    grew() {
      if (shown.tab === "story") readStory();
    },
  };
}
