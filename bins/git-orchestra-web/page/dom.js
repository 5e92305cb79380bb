// Elements of the page. Every text is set as text: what agents wrote is never read as markup.

/** Makes an element with attributes, listeners (`onclick`), and children: elements and texts. */
export function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** Makes an element of a picture. Its namespace is made from that of the page, so that no address is spelled here. */
export function shape(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(PICTURE, tag), attributes, children);
}

const PICTURE = document.documentElement.namespaceURI.replace("1999/xhtml", "2000/svg");

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...shown(children));
  return element;
}

const shown = (children) => children.flat().filter((child) => child != null && child !== false && child !== "");

/** Shows children in place of what an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
}

/** Sets a text, if it is another one: a reader of the screen does not hear the same twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const kept = new WeakMap();

/**
 * Shows a row for each item. A row stays the same element while its item has the same key, so that focus and
 * what is pressed stay; `update` draws into it when `sign` of its item has changed.
 */
export function keepRows(list, items, { key, sign, create, update }) {
  const old = kept.get(list) ?? new Map();
  const now = new Map();
  const focused = document.activeElement;
  for (const item of items) now.set(key(item), old.get(key(item)) ?? { element: create(item), sign: null });
  for (const [name, { element }] of old) if (!now.has(name)) element.remove();
  let next = list.firstElementChild;
  for (const item of items) {
    const row = now.get(key(item));
    const is = sign(item);
    if (row.sign !== is) update(row.element, item);
    row.sign = is;
    if (row.element === next) next = next.nextElementSibling;
    else list.insertBefore(row.element, next);
  }
  kept.set(list, now);
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

/** Formats how long ago a moment was. */
export function age(moment) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1000));
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** Makes the age of a moment, which `tick` keeps. */
export const since = (moment) => (moment ? make("time", { datetime: moment, title: moment }, age(moment)) : null);

/** Writes all ages in the page again. */
export function tick() {
  for (const time of document.querySelectorAll("time")) setText(time, age(time.dateTime));
}

/** Says a number of things: `1 commit`, `2 commits`. */
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** Formats a size in bytes. */
export function size(bytes) {
  if (bytes == null) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; bytes >= 1024 && at < units.length - 1; at += 1) bytes /= 1024;
  return `${at === 0 ? bytes : bytes.toFixed(1)} ${units[at]}`;
}

/** Formats dollars. */
export const dollars = (usd) => `$${usd.toFixed(usd > 0 && usd < 0.1 ? 3 : 2)}`;

/** Makes a button. */
export function button(words, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, words);
}
