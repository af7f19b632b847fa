// The terms of a share, in words: what may be seen, of which time, and until when.
// Must never leave out a term that narrows what a person believes to share.

import { sinceWords } from "./words.js";

const KINDS = [["live", "the live picture"], ["events", "events"], ["clips", "videos"]];

/** Joins words: "a", "a and b", "a, b and c". */
export function joined(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export function kindsWords(kinds) {
  const seen = KINDS.filter(([kind]) => kinds?.[kind]).map(([, words]) => words);
  return seen.length === KINDS.length ? "everything" : joined(seen) || "nothing";
}

/** Returns a moment, given in milliseconds since 1970, as it follows "until" or "since". */
export function moment(milliseconds) {
  return sinceWords(new Date(milliseconds), new Date());
}

export function untilWords(seconds) {
  return typeof seconds === "number" ? `until ${moment(seconds * 1000)}` : "until it is stopped";
}

/** Says which footage a window covers. `past`: what an invitation opens of the time before. */
export function windowWords(window, past = null) {
  const from = window?.from_milliseconds;
  const until = window?.until_milliseconds;
  const words = [];
  if (typeof from === "number") words.push(`footage since ${moment(from)}`);
  else if (past === false) words.push("from the confirmation on");
  else words.push("old footage too");
  if (typeof until === "number") words.push(`none after ${moment(until)}`);
  return words.join(", ");
}
