// The age of every picture: small words on a fresh one, and the look of an offline camera on an old
// one. The words go on by themselves, also while nothing can be asked.
// Must never let an old picture pass for the present, nor speak at every tick to a person who
// listens.

import { edgeNow } from "./clock.js";
import { ageWords, sinceWords } from "./words.js";

/** From this age on, the age stands out. */
const LATE_MILLISECONDS = 2 * 60_000;
/** From this age on, the camera looks offline. */
const OLD_MILLISECONDS = 10 * 60_000;
const TICK_MILLISECONDS = 10_000;

/** What each frame shows: the picture's time, and when the edge said that it is the newest. */
const known = new WeakMap();
/** What each frame said last to a screen reader, without the numbers. */
const said = new WeakMap();

/**
 * Says when the picture in `frame` was taken, in milliseconds since 1970 by the edge's clock. Null
 * means that nobody knows. `asOf` is when the edge gave the picture as the newest.
 */
export function setAge(frame, time, asOf = edgeNow()) {
  known.set(frame, { time: Number.isFinite(time) ? time : null, asOf });
  tell(frame);
}

/** Gives the age of one frame's picture to another frame that shows the same picture. */
export function copyAge(from, to) {
  const here = known.get(from);
  if (here) setAge(to, here.time, here.asOf);
}

export function forgetAge(frame) {
  known.delete(frame);
  tell(frame);
}

/** Returns how long ago the edge was asked for this frame's picture, in milliseconds. */
export function sinceAsked(frame) {
  const here = known.get(frame);
  return here ? edgeNow() - here.asOf : Number.POSITIVE_INFINITY;
}

function ageOf(time) {
  const age = edgeNow() - time;
  if (age >= OLD_MILLISECONDS) return "old";
  return age >= LATE_MILLISECONDS ? "late" : "fresh";
}

/** Writes the age anew. Whoever changes the state of a frame calls it too. */
export function tell(frame) {
  const { time = null, asOf = 0 } = known.get(frame) ?? {};
  const { state } = frame.dataset;
  const isStale = state === "stale";
  const isShown = isStale || state === "shown";
  const age = !isShown || time === null ? "unknown" : ageOf(time);
  frame.dataset.age = age;
  const loud = [];
  if (isStale) loud.push("Not updating");
  if (age === "old") {
    const when = sinceWords(new Date(time), new Date(edgeNow()));
    // A page that has not asked for a while does not know whether the camera sent a picture since.
    const isNewest = !isStale && edgeNow() - asOf < LATE_MILLISECONDS;
    loud.push(isNewest ? `No picture since ${when}` : `Picture from ${when}`);
  }
  const quiet = age === "fresh" || age === "late" ? ageWords(edgeNow() - time) : "";
  write(frame.querySelector(".age-loud"), loud.join(" · "));
  write(frame.closest(".card, .enlarge-frame").querySelector(".age-quiet"), quiet);
  // A screen reader repeats the name of the button in focus whenever the name changes. So while a
  // person is there, only a change that matters is written.
  const kind = `${state} ${age}`;
  if (said.get(frame) !== kind || document.activeElement !== frame) {
    said.set(frame, kind);
    if (quiet) loud.push(`Taken ${quiet}`);
    write(frame.querySelector(".age-spoken"), loud.join(". "));
  }
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function tellAll() {
  for (const frame of document.querySelectorAll(".picture")) tell(frame);
}

setInterval(tellAll, TICK_MILLISECONDS);
document.addEventListener("visibilitychange", tellAll);
