// What waits, in the title, on the icon, in the header, and as a sound if one is wanted.

import { setText } from "./dom.js";
import { agents, known } from "./store.js";

const KEY = "orchestra-sound";
const waits = document.getElementById("waits");
let before = 0;
let audio = null;
let isLoud = false;

try {
  isLoud = localStorage.getItem(KEY) === "on";
} catch {
  // No storage, no sound.
}

/** Whether a sound is wanted; such a tab keeps listening when nobody sees it. */
export const areLoud = () => isLoud;

/** Turns the sound on or off. */
export function setLoud(isOn) {
  isLoud = isOn;
  try {
    localStorage.setItem(KEY, isOn ? "on" : "off");
  } catch {
    // It holds until the page is closed.
  }
  if (isOn) play();
}

function play() {
  audio ??= new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.setValueAtTime(0.08, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.4);
}

/** Returns the gates of a run that nobody has answered. */
export const open = (run) => (run.gates ?? []).filter(({ answers = [] }) => !answers.some(({ standing }) => standing === "waits"));

/** Counts what waits for a person: agents, and gates of runs. */
export function waiting() {
  let shown = 0;
  for (const agent of agents.values()) if (agent.waiting) shown += 1;
  const gates = known.runs.reduce((sum, run) => sum + open(run).length, 0);
  return Math.max(shown, known.counts.waiting ?? 0) + gates;
}

/** Shows how many wait. */
export function show() {
  const number = waiting();
  document.title = number ? `(${number}) git orchestra` : "git orchestra";
  setText(waits, number ? `? ${number} ${number === 1 ? "waits" : "wait"}` : "");
  if (number > 0) navigator.setAppBadge?.(number)?.catch?.(() => {});
  else navigator.clearAppBadge?.()?.catch?.(() => {});
  if (isLoud && number > before) play();
  before = number;
}
