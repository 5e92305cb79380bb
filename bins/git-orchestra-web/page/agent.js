// One agent: what it asks, what it said and did, what it changed, and what is known of it.

import { actions } from "./actions.js";
import { ofAgent, state } from "./agents.js";
import { asks } from "./asks.js";
import { count, dollars, fill, make, setText, since } from "./dom.js";
import { diff } from "./diff.js";
import { facts } from "./facts.js";
import { get } from "./api.js";
import { agents } from "./store.js";
import { story } from "./story.js";

const TABS = ["story", "diff", "facts"];

/** Makes the view of an agent, with one of its tabs. */
export function view(id, wanted) {
  const head = make("div", { class: "head" });
  const name = make("h2", { tabindex: "-1" }, id);
  const word = make("p", {});
  const title = make("p", { class: "title" });
  const line = make("p", { class: "facts" });
  const asked = asks();
  const tabs = make("div", { class: "tabs", role: "tablist", "aria-label": "What is shown" });
  const place = make("div", { class: "place" });
  const open = { tab: null, name: null, other: null };
  const current = () => agents.get(id) ?? open.other;
  const bar = actions(id, current);
  const root = make("article", { class: "agent", "aria-label": id }, head, asked.root, tabs, place, bar.root);
  fill(head, make("a", { href: "#", class: "back" }, "‹ all"), name, word, title, line);

  function draw() {
    const agent = current();
    asked.draw(agent);
    if (!agent) return setText(word, "It is not in view.");
    const { word: is, mark } = state(agent);
    setText(word, `${mark} ${is}`);
    word.className = is;
    setText(title, agent.title ?? "");
    const parts = [
      agent.profile,
      agent.cost_usd ? dollars(agent.cost_usd) : null,
      agent.commits ? count(agent.commits, "commit") : null,
      agent.insertions != null ? `+${agent.insertions} −${agent.deletions ?? 0}` : null,
      agent.verdict,
      agent.merged ? `landed${agent.landed_in ? ` in ${agent.landed_in}` : ""}` : null,
      agent.reason && !agent.waiting ? agent.reason : null,
    ];
    fill(line, since(agent.ended_at ?? agent.started_at ?? agent.queued_at), ` · ${parts.filter(Boolean).join(" · ")}`);
  }

  const made = { story: () => story(id), diff: () => diff(id, current), facts: () => facts(id, current) };

  function show(tab) {
    open.tab?.close();
    open.name = tab;
    root.dataset.tab = tab;
    open.tab = made[tab]();
    fill(place, open.tab.root);
    for (const one of tabs.children) {
      one.setAttribute("aria-selected", String(one.dataset.tab === tab));
      one.setAttribute("tabindex", one.dataset.tab === tab ? "0" : "-1");
    }
  }

  function choose(tab) {
    history.replaceState(null, "", ofAgent(id, tab));
    show(tab);
  }

  function arrows(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const to = tabs.children[(TABS.indexOf(open.name) + by + TABS.length) % TABS.length];
    to.focus();
    choose(to.dataset.tab);
  }

  async function find() {
    try {
      const { agents: found } = await get(`agents/${encodeURIComponent(id)}`);
      [open.other] = found;
    } catch {
      open.other = null;
    }
    changed("agent", { id });
  }

  function changed(event, data) {
    if (event === "log" && data.agent === id && open.name === "story") open.tab.grew();
    const isIt = event === "reset" || event === "all" || data?.id === id || data?.agent === id;
    if (!isIt || event === "log") return;
    if (event === "reset" && open.name === "story") open.tab.grew();
    draw();
    bar.changed();
    open.tab.changed?.(current());
  }

  fill(tabs, ...TABS.map((tab) => make("button", { type: "button", role: "tab", "data-tab": tab, onclick: () => choose(tab) }, tab)));
  tabs.addEventListener("keydown", arrows);
  draw();
  show(TABS.includes(wanted) ? wanted : "story");
  // One that the stream left out.
  if (!current()) find();
  return { root, changed, close: () => open.tab?.close() };
}
