// What is done: at once, or after a sheet that names what it keeps and how to undo it.

import { post } from "./api.js";
import { button, fill, make } from "./dom.js";

/** Says what failed, with what to do. */
export const fault = (error) => [error.message, ...(error.hints ?? [])].join(" — ");

/** Makes a line for the result of what is pressed. */
export const resultLine = () => make("p", { class: "result", role: "status" });

/** Does something, and says the command that it equals. Returns the answer, or null if it failed. */
export async function act(result, command, path, body) {
  fill(result, "…");
  try {
    const answer = await post(path, body);
    const failed = answer.failed?.[0]?.error;
    if (failed) {
      fill(result, "✗ ", typeof failed === "string" ? failed : fault(failed));
      return null;
    }
    fill(result, "✓ done: ", make("code", {}, command));
    return answer;
  } catch (error) {
    fill(result, "✗ ", fault(error));
    return null;
  }
}

/** Asks before something that ends or removes. `keeps` and `undo` are sentences; the answer is whether it is wanted. */
export function ask({ title, keeps, undo, command, yes, no = "Cancel", more = [] }) {
  return new Promise((resolve) => {
    const sheet = make("dialog", { class: "sheet", "aria-label": title });
    const close = (wanted) => {
      resolve(wanted);
      sheet.close();
      sheet.remove();
    };
    fill(
      sheet,
      make("h2", {}, title),
      ...more,
      keeps && make("p", {}, make("b", {}, "Kept: "), keeps),
      undo && make("p", {}, make("b", {}, "Undo: "), undo.startsWith("git ") ? make("code", {}, undo) : undo),
      command && make("p", {}, make("b", {}, "This is: "), make("code", {}, command)),
      make(
        "div",
        { class: "buttons" },
        button(no, () => close(false), { autofocus: true }),
        button(yes, () => close(true), { class: "deny" }),
      ),
    );
    sheet.addEventListener("cancel", () => close(false));
    document.body.append(sheet);
    sheet.showModal();
  });
}

/** Shows something to read, until it is closed. */
export function tell(title, ...parts) {
  const sheet = make("dialog", { class: "sheet", "aria-label": title });
  const close = () => {
    sheet.close();
    sheet.remove();
  };
  fill(sheet, make("h2", {}, title), ...parts, make("div", { class: "buttons" }, button("Close", close, { autofocus: true })));
  sheet.addEventListener("cancel", close);
  document.body.append(sheet);
  sheet.showModal();
}
