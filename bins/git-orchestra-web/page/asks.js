// What an agent asks for: the whole of it, and the answers.

import { mayWrite } from "./api.js";
import { command } from "./commands.js";
import { button, fill, make, setText } from "./dom.js";
import { act, resultLine } from "./sheet.js";

/** Makes the part with a question. Its buttons stay while the question is the same: nobody presses one for another question. */
export function asks() {
  const root = make("div", { class: "asks" });
  const result = resultLine();
  let shown = null;

  function answer(agent, words, body) {
    const path = `agents/${agent.id}/answer`;
    return act(result, command("send", agent.id, ...words), path, { question: agent.request.id, ...body });
  }

  function permission(agent) {
    const equal = make("code", {}, command("send", agent.id, "--allow"));
    const deny = async () => {
      const words = () => ["--deny", ...(why.value ? ["-m", why.value] : [])];
      const equals = () => setText(equal, command("send", agent.id, ...words()));
      const why = make("input", { "aria-label": "Why not", placeholder: "why not (may be empty)", autocomplete: "off", oninput: equals });
      const send = () => answer(agent, words(), { allow: false, ...(why.value ? { text: why.value } : {}) });
      const form = make(
        "form",
        { class: "buttons", onsubmit: (event) => (event.preventDefault(), send()) },
        why,
        make("button", { class: "deny" }, "Deny"),
      );
      fill(
        choices,
        button("Back", () => draw(agent, true)),
        form,
      );
      equals();
      why.focus();
    };
    const choices = make("div", { class: "buttons" });
    fill(
      choices,
      button("Deny…", deny, { class: "deny" }),
      agent.request.pattern &&
        button("Always allow", () => answer(agent, ["--allow", "--always"], { allow: true, always: true }), {
          title: `Also later, for ${agent.request.pattern}`,
        }),
      button("Allow", () => answer(agent, ["--allow"], { allow: true }), { class: "allow" }),
    );
    return [choices, make("p", { class: "equals" }, equal)];
  }

  function choice(agent) {
    const field = make("input", { name: "choice", "aria-label": "Your answer", placeholder: "your answer", autocomplete: "off" });
    const send = (event) => {
      event.preventDefault();
      if (field.value.trim()) answer(agent, [field.value], { text: field.value });
    };
    return [make("form", { class: "buttons", onsubmit: send }, field, make("button", { class: "allow" }, "Answer"))];
  }

  function draw(agent, isAgain) {
    const key = agent?.waiting ? JSON.stringify([agent.id, agent.request, agent.waiting, agent.choice]) : null;
    if (key === shown && !isAgain) return;
    shown = key;
    fill(result);
    root.hidden = key === null;
    if (key === null) return fill(root);
    const { request } = agent;
    const cut = request?.cut_from_bytes && make("p", {}, `Not all of it is shown: it has ${request.cut_from_bytes} bytes.`);
    const text = make(
      "pre",
      { class: "request", tabindex: "0", role: "group", "aria-label": "What it asks for" },
      request?.text ?? agent.waiting,
    );
    const answers = !mayWrite() || !request?.id ? [] : agent.choice ? choice(agent) : permission(agent);
    fill(root, make("h3", {}, agent.choice ? "Asks you" : "Asks to run"), text, cut, ...answers, result);
  }

  return { root, draw };
}
