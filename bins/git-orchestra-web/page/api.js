// Requests to the server: the key of this page goes with each, and the browser adds the cookie.

const KEY = "orchestra-login";
/** The longest time between two signs of the stream; after it, the connection is taken for dead. */
const SILENCE = 40000;

let login = read();

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

const isGuest = () => login.guest === true;

/** Says why nothing can be changed from here, and what to type. */
export const howToAct = () =>
  isGuest() ? "You are a guest, who only looks" : "This page only looks. To act from here: git orchestra web --write";

/** Whether this browser may change something. */
export const mayWrite = () => login.write === true;

/** An answer that is an error, with what to do. */
export class Refused extends Error {
  constructor(status, answer) {
    super(answer?.message ?? `the server answered ${status}`);
    this.status = status;
    this.hints = answer?.hints ?? [];
  }
}

async function answered(response) {
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

function headers(more = {}) {
  return { "Orchestra-Key": login.key ?? "", ...more };
}

/** Calls `changed` when another tab of this browser has logged in: what this one has does not count any more. */
export function whenLoggedInElsewhere(changed) {
  addEventListener("storage", (event) => event.key === KEY && changed());
}

/** Logs in by the token of the link, which is then taken out of the address. */
export async function logIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("t");
  if (token === null) return;
  history.replaceState(null, "", location.pathname);
  const body = JSON.stringify({ token });
  const response = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const { key, write, guest } = await answered(response);
  login = { key, write, guest };
  localStorage.setItem(KEY, JSON.stringify(login));
}

/** Asks for something. */
export async function get(path) {
  return answered(await fetch(`/api/v1/${path}`, { headers: headers() }));
}

/** Returns a name that no other request has; `randomUUID` is not there without a secure context. */
function name() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Changes something. A request whose answer got lost is sent again, and done once. */
export async function post(path, body) {
  const more = { "Content-Type": "application/json", "Idempotency-Key": name() };
  const options = { method: "POST", headers: headers(more), body: JSON.stringify(body) };
  for (let left = 2; ; left -= 1) {
    let response;
    try {
      response = await fetch(`/api/v1/${path}`, options);
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      continue;
    }
    return answered(response);
  }
}

/** Reads the stream of changes until it ends or `signal` is aborted: `on` gets the event and its data, and `sign` is called when it lives. */
export async function listen(signal, on, sign = () => {}) {
  const own = new AbortController();
  signal.addEventListener("abort", () => own.abort());
  let timer = setTimeout(() => own.abort(), SILENCE);
  try {
    const response = await fetch("/api/v1/events", { headers: headers(), signal: own.signal });
    if (!response.ok) await answered(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => own.abort(), SILENCE);
      sign();
      text += value;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        frame(text.slice(0, end), on);
        text = text.slice(end + 2);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function frame(text, on) {
  const fields = new Map(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line]));
  const event = fields.get("event")?.slice(7);
  if (event !== undefined) on(event, JSON.parse(fields.get("data").slice(6)));
}
