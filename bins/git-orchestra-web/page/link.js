// The stream of changes, one for all tabs: a browser opens only six connections to a server. The tab that holds the
// lock reads it and tells the others. Without locks (they need a secure context) each tab has its own stream.

import { listen } from "./api.js";

/** How long a page that nobody sees keeps the stream. */
const HIDDEN = 30000;
/** The pauses between attempts to connect. */
const PAUSES = [300, 1000, 2000, 5000, 10000];
/** The longest time without a sign of the tab that leads. */
const SILENCE = 45000;
/** How old the last sign may be when somebody looks again, before everything is asked for: a phone that sleeps stops all timers. */
const FRESH = 20000;
const NAME = "orchestra-stream";

/** Waits; or less, if `signal` comes first. */
function pause(time, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

/** Waits until somebody sees this tab, or it is to stay awake. */
function isSeen(staysAwake) {
  if (!document.hidden || staysAwake()) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !staysAwake()) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}

/** Calls `rest` when nobody has seen this tab for a while; the answer ends that. */
function whenHidden(staysAwake, rest) {
  let timer;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => staysAwake() || rest(), HIDDEN);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

/** Calls `wake` when somebody looks at this tab again and `isOld` says that what it shows may be old; the answer ends that. */
function whenSeenAgain(isOld, wake) {
  const look = () => !document.hidden && isOld() && wake();
  document.addEventListener("visibilitychange", look);
  return () => document.removeEventListener("visibilitychange", look);
}

/**
 * Calls `wake` when the network comes or goes; the answer ends that. A stream that lost its network gives no error for minutes, and
 * one to this machine needs no network: only asking tells.
 */
function whenNetworkChanges(wake) {
  const names = ["online", "offline"];
  for (const name of names) addEventListener(name, wake);
  return () => {
    for (const name of names) removeEventListener(name, wake);
  };
}

/** Reads the stream until this tab rests, and then returns; it throws if this browser is not logged in. */
async function read(staysAwake, on) {
  const stop = new AbortController();
  const state = { failures: 0, heardAt: Date.now(), attempt: null };
  const hear = (message) => {
    state.heardAt = Date.now();
    on(message);
  };
  const take = (event, data) => {
    state.failures = 0;
    hear({ event, data });
  };
  const wake = () => {
    on({ wakes: true });
    state.attempt?.abort();
  };
  const ends = [
    whenHidden(staysAwake, () => stop.abort()),
    whenSeenAgain(() => Date.now() - state.heardAt > FRESH, wake),
    whenNetworkChanges(wake),
  ];
  try {
    for (;;) {
      state.attempt = new AbortController();
      try {
        await listen(AbortSignal.any([stop.signal, state.attempt.signal]), take, () => hear({ sign: true }));
      } catch (error) {
        if (error.status === 401) throw error;
      }
      if (stop.signal.aborted) return;
      if (state.attempt.signal.aborted) continue;
      on({ lost: state.failures });
      await pause(PAUSES[Math.min(state.failures, PAUSES.length - 1)], state.attempt.signal);
      if (state.attempt.signal.aborted) state.failures = 0;
      else state.failures += 1;
    }
  } finally {
    for (const end of ends) end();
  }
}

/**
 * Follows the changes for ever: `on` gets `{event, data}`, `{sign}` (the stream lives), `{lost}` with the number of
 * failures, `{rests}`, `{wakes}` or `{ended}`. `everything` returns what a tab that comes later is given.
 */
export async function follow({ on, everything, staysAwake }) {
  const isShared = "locks" in navigator && "BroadcastChannel" in window;
  if (isShared) await followTogether({ on, everything, staysAwake });
  else await followAlone({ on, staysAwake });
}

async function followAlone({ on, staysAwake }) {
  for (;;) {
    await isSeen(staysAwake);
    on({ wakes: true });
    try {
      await read(staysAwake, on);
    } catch (error) {
      return on({ ended: error });
    }
    on({ rests: true });
  }
}

async function followTogether({ on, everything, staysAwake }) {
  const channel = new BroadcastChannel(NAME);
  const own = String(Math.random());
  const state = { leads: false, hasLed: false, isFed: false, isOver: false };
  let timer;
  let heardAt = Date.now();
  const hear = (message) => {
    clearTimeout(timer);
    heardAt = Date.now();
    if (!message.lost) timer = setTimeout(() => state.leads || on({ lost: 1 }), SILENCE);
    on(message);
  };
  channel.onmessage = ({ data: message }) => {
    if (message.asks) {
      if (state.leads && state.isFed) channel.postMessage({ to: message.asks, event: "reset", data: everything() });
    } else if (state.leads || (message.to && message.to !== own)) return;
    else if (message.ended) {
      state.isOver = true;
      hear(message);
    } else hear(message);
  };
  const lead = async () => {
    Object.assign(state, { leads: true, hasLed: true });
    clearTimeout(timer);
    const both = (message) => {
      if (message.event === "reset") state.isFed = true;
      on(message);
      channel.postMessage(message);
    };
    try {
      // The first event is everything: what happened while nobody led is in it.
      await read(staysAwake, both);
    } catch (error) {
      state.isOver = true;
      const { message, hints } = error;
      both({ ended: { message, hints } });
    } finally {
      Object.assign(state, { leads: false, isFed: false });
    }
  };
  const ask = () => {
    on({ wakes: true });
    channel.postMessage({ asks: own });
  };
  whenSeenAgain(() => !state.leads && Date.now() - heardAt > FRESH, ask);
  while (!state.isOver) {
    await isSeen(staysAwake);
    state.hasLed = false;
    ask();
    const stop = new AbortController();
    const end = whenHidden(staysAwake, () => stop.abort());
    // A tab that waits to lead rests as well, and one that leads ends its stream.
    await navigator.locks.request(NAME, { signal: stop.signal }, lead).catch(() => {});
    end();
    // One that did not lead still hears who does.
    if (state.hasLed && !state.isOver) on({ rests: true });
  }
}
