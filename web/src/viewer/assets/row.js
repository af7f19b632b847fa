// One event: its address, and its row in the list with its picture and its words.
// Must never take the focus or move: a row changes in place, because a person may be reading it.

import { edgeNow } from "./clock.js";
import { duration, kindIcon, kindName, labelOf, timeOfDay } from "./words.js";

const part = (id) => document.getElementById(id);

/** Below this age an event's picture and clip may still be on their way. */
const YOUNG_MILLISECONDS = 15 * 60_000;

/** Says whether more of this event may come. */
export function isYoung(event) {
  return edgeNow() - Date.parse(event.time) < YOUNG_MILLISECONDS;
}

export function eventAddress(camera, event, rest = "") {
  return `cameras/${encodeURIComponent(camera)}/events/${encodeURIComponent(event)}${rest}`;
}

/** Makes the row. `onOpen` is called when the person chooses it. */
export function row(camera, event, onOpen) {
  const item = part("event-template").content.firstElementChild.cloneNode(true);
  const frame = item.querySelector(".event-picture");
  const image = frame.querySelector("img");
  image.addEventListener("load", () => { frame.dataset.state = "shown"; });
  image.addEventListener("error", () => { frame.dataset.state = "empty"; });
  item.querySelector("button").addEventListener("click", onOpen);
  fillRow(item, camera, event);
  return item;
}

/** Writes what is known of the event by now. */
export function fillRow(item, camera, event) {
  const fill = (name, text) => { item.querySelector(`[data-part="${name}"]`).textContent = text; };
  item.dataset.event = event.id;
  for (const use of item.querySelectorAll(".event-kind use, .event-title use")) {
    use.setAttribute("href", kindIcon(event.kind));
  }
  fill("title", kindName(event.kind));
  fill("label", labelOf(event));
  fill("time", timeOfDay(new Date(event.time)));
  item.querySelector("time").setAttribute("datetime", String(event.time));
  fill("duration", duration(event.duration_milliseconds ?? Number.NaN));
  const canPlay = event.clip && camera.clips;
  item.querySelector(".event-mark").hidden = !canPlay;
  fill("action", canPlay ? ", play the clip" : ", show");
  const frame = item.querySelector(".event-picture");
  if (frame.dataset.state === "shown") return;
  if (event.still) showPicture(frame, camera, event);
  else frame.dataset.state = "empty";
}

/** Asks again for a young event's picture that did not come. */
export function retryPicture(item, camera, event) {
  const frame = item.querySelector(".event-picture");
  const isMissing = event.still && frame.dataset.state === "empty";
  if (isMissing && isYoung(event)) showPicture(frame, camera, event);
}

function showPicture(frame, camera, event) {
  frame.dataset.state = "loading";
  frame.querySelector("img").src = eventAddress(camera.id, event.id, "/thumbnail?width=320");
}
