// The edge's clock, as the answers told it last. Ages are told by this clock, because the reader's
// own device may be wrong by hours.
// Must never run slower than the device does: an old picture would look newer than it is.

/** What the edge told last: its time, and both clocks of the device at that moment. */
let told = null;

/** Takes the time from an answer's Date header. Without one, the last told time stays. */
export function hear(date) {
  const time = Date.parse(date ?? "");
  if (Number.isFinite(time)) told = { time, wall: Date.now(), ticks: performance.now() };
}

/**
 * Returns the edge's time in milliseconds since 1970, or the device's if no answer told one.
 *
 * Of the device's two clocks one may stand still while the device sleeps, and the other one may be
 * set back. So the one counts that went further.
 */
export function edgeNow() {
  if (!told) return Date.now();
  return told.time + Math.max(Date.now() - told.wall, performance.now() - told.ticks);
}
