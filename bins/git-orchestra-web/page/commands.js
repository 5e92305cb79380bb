// The command that equals what is pressed, as a person types it.

/** Quotes a word for a shell, if it needs that. */
export function quote(word) {
  return /^[A-Za-z0-9_.,:=@%+/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns a command: `command("stop", id)`. Words that are not given are left out. */
export function command(...words) {
  const given = words.flat().filter((word) => word != null && word !== false);
  return ["git orchestra", ...given.map((word) => quote(String(word)))].join(" ");
}
