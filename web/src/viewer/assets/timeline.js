// One camera's events, newest first, grouped by day in the reader's own time zone.
// Must never add an answer about one camera to the list of another: a list that the person leaves
// gives up its questions.

import { ask, wasGivenUp } from "./ask.js";
import { dayKey, dayName, duration, explain, kindIcon, kindName, labelOf, timeOfDay } from "./words.js";

const part = (id) => document.getElementById(id);
const PAGE_LENGTH = 24;

export function eventAddress(camera, event, rest = "") {
  return `cameras/${encodeURIComponent(camera)}/events/${encodeURIComponent(event)}${rest}`;
}

/**
 * Sets up the timeline. It calls `onOpen(event)` when the person chooses an event, and `onEnded()`
 * when the session is over.
 */
export function timeline({ onOpen, onEnded }) {
  const list = part("timeline");
  const message = part("timeline-message");
  const older = part("older");
  const again = part("timeline-again");
  const empty = part("timeline-empty");

  let camera = null;
  let asking = null;
  let next = null;
  let isWhole = false;
  let events = [];

  function show(nextCamera) {
    hide();
    camera = nextCamera;
    part("timeline-title").textContent = camera.name;
    return load();
  }

  function hide() {
    asking?.abort();
    camera = null;
    next = null;
    isWhole = false;
    events = [];
    list.replaceChildren();
    message.textContent = "";
    older.hidden = again.hidden = empty.hidden = true;
  }

  async function load() {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    setBusy(true);
    message.classList.remove("is-error");
    message.textContent = events.length ? "Loading older events…" : "Loading events…";
    try {
      const words = new URLSearchParams({ limit: String(PAGE_LENGTH) });
      if (next) words.set("before", next);
      const address = `cameras/${encodeURIComponent(camera.id)}/events?${words}`;
      const { body } = await ask(address, { as: "json", signal });
      if (signal.aborted) return null;
      return add(body);
    } catch (trouble) {
      if (wasGivenUp(trouble) || signal.aborted) return null;
      if (trouble.kind === "ended") return onEnded();
      message.classList.add("is-error");
      message.textContent = explain(trouble, events.length ? "Older events didn't load" : "The events didn't load");
      older.hidden = true;
      again.hidden = false;
      return null;
    } finally {
      if (!signal.aborted) setBusy(false);
    }
  }

  // Not `disabled`, because that would take the focus from a person who uses the keyboard.
  function setBusy(busy) {
    list.setAttribute("aria-busy", String(busy));
    for (const button of [older, again]) button.setAttribute("aria-disabled", String(busy));
  }

  async function loadMore() {
    if (list.getAttribute("aria-busy") === "true") return;
    const first = await load();
    if (document.activeElement !== document.body) return;
    // The pressed button is hidden now: after the last page, or after "try again".
    const next = [again, older].find((button) => !button.hidden);
    (first?.querySelector("button") ?? next ?? part("timeline-title")).focus();
  }

  /** Adds a page, and returns the first new element. */
  function add(page) {
    let first = null;
    for (const event of Array.isArray(page.events) ? page.events : []) {
      if (events.some((each) => each.id === event.id)) continue;
      events.push(event);
      const item = itemOf(event);
      first ??= item;
      daySection(event).querySelector("ol").append(item);
    }
    next = page.next ?? null;
    isWhole = next === null;
    older.hidden = isWhole;
    again.hidden = true;
    message.textContent = "";
    empty.hidden = events.length > 0 || !isWhole;
    return first;
  }

  function daySection(event) {
    const time = new Date(event.time);
    const key = dayKey(time);
    const last = list.lastElementChild;
    if (last?.dataset.day === key) return last;
    const section = part("day-template").content.firstElementChild.cloneNode(true);
    section.dataset.day = key;
    section.querySelector("h2").textContent = dayName(time);
    list.append(section);
    return section;
  }

  function itemOf(event) {
    const item = part("event-template").content.firstElementChild.cloneNode(true);
    const time = new Date(event.time);
    const fill = (name, text) => { item.querySelector(`[data-part="${name}"]`).textContent = text; };
    item.dataset.event = event.id;
    for (const use of item.querySelectorAll(".event-kind use, .event-title use")) {
      use.setAttribute("href", kindIcon(event.kind));
    }
    fill("title", kindName(event.kind));
    fill("label", labelOf(event));
    fill("time", timeOfDay(time));
    item.querySelector("time").setAttribute("datetime", String(event.time));
    fill("duration", duration(event.duration_milliseconds ?? Number.NaN));
    const canPlay = event.clip && camera.clips;
    item.querySelector(".event-mark").hidden = !canPlay;
    fill("action", canPlay ? ", play the clip" : ", show");
    showThumbnail(item.querySelector(".event-picture"), event);
    item.querySelector("button").addEventListener("click", () => onOpen(event));
    return item;
  }

  function showThumbnail(frame, event) {
    const image = frame.querySelector("img");
    if (!event.still) {
      frame.dataset.state = "empty";
      return;
    }
    image.addEventListener("load", () => { frame.dataset.state = "shown"; });
    image.addEventListener("error", () => { frame.dataset.state = "empty"; });
    image.src = eventAddress(camera.id, event.id, "/thumbnail?width=320");
  }

  const itemFor = (id) => list.querySelector(`[data-event="${CSS.escape(id)}"]`);

  /** Removes a deleted event, and returns the element that the focus should go to. */
  function remove(id) {
    const item = itemFor(id);
    const index = events.findIndex((each) => each.id === id);
    if (index >= 0) events.splice(index, 1);
    const neighbour = events[Math.min(Math.max(index, 0), events.length - 1)];
    if (item) {
      const section = item.closest(".day");
      item.remove();
      if (!section.querySelector("li")) section.remove();
    }
    empty.hidden = events.length > 0 || !isWhole;
    if (events.length === 0 && !isWhole) load();
    return (neighbour && itemFor(neighbour.id)?.querySelector("button")) ?? part("timeline-title");
  }

  /** Returns the listed events beside this one: {newer, older}, each or null. */
  function around(id) {
    const index = events.findIndex((each) => each.id === id);
    if (index < 0) return { newer: null, older: null };
    return { newer: events[index - 1] ?? null, older: events[index + 1] ?? null };
  }

  older.addEventListener("click", loadMore);
  again.addEventListener("click", loadMore);

  return {
    show,
    hide,
    remove,
    around,
    find: (id) => events.find((each) => each.id === id) ?? null,
    itemFor,
  };
}
