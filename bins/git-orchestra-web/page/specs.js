// Specs: what is to be built, in versions. Saving one tells the designer what changed.

import { get, howToAct, mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, count, fill, make, setText, since } from "./dom.js";
import { act, fault, resultLine } from "./sheet.js";

const by = ({ by: who, via }) => [who, via && `(via ${via})`].filter(Boolean).join(" ");
const place = (name) => `#specs/${encodeURIComponent(name)}`;

/** Texts that were typed and not saved, by the name of their spec, each with the version that it changes. */
const typed = new Map();

/** Makes the view: all specs, or one. */
export const view = (name) => (name ? one(name) : all());

function all() {
  const list = make("ul", { class: "rows", "aria-label": "Specs" });
  const name = make("input", {
    id: "name",
    placeholder: "rate-limit",
    autocomplete: "off",
    pattern: "[a-z0-9][a-z0-9\\-]*",
    required: true,
  });
  const open = (event) => {
    event.preventDefault();
    location.hash = place(name.value.trim());
  };
  const begin = make("form", { class: "fields", onsubmit: open });
  if (mayWrite())
    fill(
      begin,
      make("label", { for: "name" }, "A new spec: its name"),
      name,
      make("div", { class: "buttons" }, make("button", { class: "allow" }, "Begin")),
    );
  const root = make("section", { class: "page" }, make("h2", { tabindex: "-1" }, "Specs"), list, begin);
  const row = (spec) =>
    make(
      "li",
      {},
      make("a", { href: place(spec.name) }, spec.name),
      make("div", {}, spec.title),
      make("div", { class: "facts" }, `version ${spec.version} · ${by(spec)} · `, since(spec.at), " ago"),
      spec.beside.length > 0 && make("p", { class: "warning" }, `${count(spec.beside.length, "version")} beside it`),
    );
  async function read() {
    try {
      const { specs, unreadable } = await get("specs");
      const none = make("li", { class: "empty" }, "No spec yet. In a terminal: ", make("code", {}, command("spec", "new", "NAME")));
      fill(list, ...(specs.length > 0 ? specs.map(row) : [none]), ...unreadable.map((why) => make("li", { class: "warning" }, why)));
    } catch (error) {
      fill(list, make("li", { class: "empty" }, fault(error)));
    }
  }
  read();
  return { root };
}

function one(name) {
  const head = make("p", { class: "facts" });
  const text = make("textarea", { rows: "16", id: "text", spellcheck: "true", oninput: () => keep() });
  const versions = make("select", { id: "version", onchange: () => read(versions.value) });
  const label = make("label", { for: "version" }, "Version");
  const note = make("p", { class: "warning", role: "status" });
  const told = make("pre", { class: "request", hidden: true });
  const code = make("code", {});
  const result = resultLine();
  const save = make("button", { class: "allow" }, "Save");
  const form = make("form", { class: "fields", onsubmit: (event) => (event.preventDefault(), store()) });
  /** What is shown: the version that a change is of, its text, and whether there is such a spec. */
  const shown = { base: null, text: "", isNew: false };

  fill(
    form,
    label,
    versions,
    make("label", { for: "text" }, "Text"),
    text,
    note,
    mayWrite() && make("p", { class: "equals" }, code),
    mayWrite() && make("div", { class: "buttons" }, button("Forget what I typed", forget), save),
    result,
    told,
  );
  text.readOnly = !mayWrite();
  const root = make(
    "section",
    { class: "page" },
    make("a", { href: "#specs", class: "back" }, "‹ specs"),
    make("h2", { tabindex: "-1" }, name),
    head,
    form,
    !mayWrite() && make("p", { class: "empty" }, howToAct()),
  );
  const words = () => command("spec", shown.isNew ? "new" : "edit", name, "--from", "FILE");

  function keep() {
    if (text.value === shown.text) typed.delete(name);
    else typed.set(name, { text: text.value, base: shown.base });
    equal();
  }

  function equal() {
    const isChanged = text.value !== shown.text;
    setText(code, isChanged ? words() : "");
    save.disabled = !isChanged || !text.value.trim();
  }

  function forget() {
    typed.delete(name);
    read();
  }

  async function store() {
    const written = text.value;
    const answer = await act(result, words(), `specs/${encodeURIComponent(name)}`, {
      text: written,
      ...(shown.base ? { base: shown.base } : {}),
    });
    if (!answer) return;
    typed.delete(name);
    const { outcome, number, told: designer, diff } = answer;
    const became = {
      saved: `Version ${number} is current.`,
      merged: `Version ${number} is current, merged with what was saved meanwhile.`,
      beside: `It conflicts with what was saved meanwhile: it is version ${number}, beside the current one.`,
      unchanged: "The current version has this text already.",
    }[outcome];
    await read();
    setText(note, [became, designer ? `The designer ${designer} heard what changed.` : ""].filter(Boolean).join(" "));
    told.hidden = !diff;
    setText(told, diff);
  }

  async function read(version) {
    const path = `specs/${encodeURIComponent(name)}`;
    try {
      if (version) return draw(await get(`${path}?version=${version}`), true);
      const { specs, unreadable } = await get("specs");
      const isThere = specs.some((spec) => spec.name === name) || unreadable.some((why) => why.startsWith(`${name}:`));
      if (isThere) draw(await get(path), false);
      else begin();
    } catch (error) {
      setText(note, fault(error));
    }
  }

  function begin() {
    Object.assign(shown, { base: null, text: "", isNew: true });
    setText(head, "It begins when it is saved.");
    label.hidden = versions.hidden = true;
    text.value = typed.get(name)?.text ?? "";
    equal();
  }

  function draw({ spec, number, id, text: now, versions: numbers }, isChosen) {
    const kept = isChosen ? null : typed.get(name);
    // What was typed is a change of the version that was shown then.
    Object.assign(shown, { base: kept?.base ?? id, text: now, isNew: false });
    fill(
      head,
      `version ${spec.version} · ${by(spec)} · `,
      since(spec.at),
      " ago",
      spec.designer ? ` · designer ${spec.designer}` : "",
    );
    label.hidden = versions.hidden = false;
    const option = (one) => make("option", { value: one.version }, `${one.version} · ${by(one)}`);
    fill(versions, ...numbers.toReversed().map(option));
    versions.value = String(number);
    text.value = kept?.text ?? now;
    setText(
      note,
      [
        number !== spec.version ? "This is no longer the current version; what you save is merged with it." : "",
        spec.beside.length > 0 &&
          `Beside the current version: ${spec.beside.join(", ")}. In a terminal: ${command("spec", "edit", name)}`,
      ]
        .filter(Boolean)
        .join(" "),
    );
    equal();
  }

  read();
  return { root };
}
