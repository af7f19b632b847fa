// One camera's events, newest first, grouped by day in the reader's own time zone. The list renews
// itself while somebody looks.
// Must never add an answer about one camera to the list of another: a list that the person leaves
// gives up its questions. Nor move what the person is reading.

import { ask, wasGivenUp } from "./ask.js";
import { edgeNow } from "./clock.js";
import { fillRow, retryPicture, row } from "./row.js";
import { dayKey, dayName, explain } from "./words.js";

const part = (id) => document.getElementById(id);
const PAGE_LENGTH = 24;
/** The most pages that one renewal asks for, until it meets what is listed already. */
const RENEW_PAGES_MAX = 4;

/**
 * Sets up the timeline. It calls `onOpen(event)` when the person chooses an event, and `onEnded()`
 * when the session is over.
 */
export function timeline({ onOpen, onEnded }) {
  const list = part("timeline");
  const message = part("timeline-message");
  const news = part("timeline-news-go");
  const older = part("older");
  const again = part("timeline-again");
  const empty = part("timeline-empty");

  let camera = null;
  let asking = null;
  let renewing = null;
  let next = null;
  let isWhole = false;
  let isLoaded = false;
  let events = [];
  // An answer that was under way while the person deleted an event may have it still.
  const deleted = new Set();
  /** New events that wait until the person asks for them, by id. */
  const held = new Map();

  function show(nextCamera) {
    hide();
    camera = nextCamera;
    part("timeline-title").textContent = camera.name;
    return load();
  }

  function hide() {
    asking?.abort();
    renewing?.abort();
    camera = null;
    deleted.clear();
    clear();
    part("timeline-news").textContent = "";
    message.textContent = "";
    older.hidden = again.hidden = empty.hidden = true;
  }

  function clear() {
    next = null;
    isWhole = isLoaded = false;
    events = [];
    held.clear();
    list.replaceChildren();
    offerHeld();
  }

  function pageBefore(last, signal) {
    const words = new URLSearchParams({ limit: String(PAGE_LENGTH) });
    if (last) words.set("before", last);
    const address = `cameras/${encodeURIComponent(camera.id)}/events?${words}`;
    return ask(address, { as: "json", signal }).then(({ body }) => {
      const listed = Array.isArray(body?.events) ? body.events : [];
      return { events: listed.filter(({ id }) => !deleted.has(id)), next: body?.next ?? null };
    });
  }

  async function load() {
    asking?.abort();
    renewing?.abort();
    asking = new AbortController();
    const { signal } = asking;
    setBusy(true);
    message.classList.remove("is-error");
    message.textContent = events.length ? "Loading older events…" : "Loading events…";
    try {
      const page = await pageBefore(next, signal);
      if (signal.aborted) return null;
      return add(page);
    } catch (trouble) {
      if (wasGivenUp(trouble) || signal.aborted) return null;
      if (trouble.kind === "ended") return onEnded();
      const what = events.length ? "Older events didn't load" : "The events didn't load";
      complain(explain(trouble, what));
      return null;
    } finally {
      if (!signal.aborted) setBusy(false);
    }
  }

  function complain(words) {
    message.classList.add("is-error");
    message.textContent = words;
    older.hidden = true;
    again.hidden = false;
  }

  // Not `disabled`, because that would take the focus from a person who uses the keyboard.
  function setBusy(busy) {
    list.setAttribute("aria-busy", String(busy));
    for (const button of [older, again]) button.setAttribute("aria-disabled", String(busy));
  }

  const isBusy = () => list.getAttribute("aria-busy") === "true";

  async function loadMore() {
    if (isBusy()) return;
    const first = await load();
    if (document.activeElement !== document.body) return;
    // The pressed button is hidden now: after the last page, or after "try again".
    const next = [again, older].find((button) => !button.hidden);
    (first?.querySelector("button") ?? next ?? part("timeline-title")).focus();
  }

  /** Adds a page of older events, and returns the first new element. */
  function add(page) {
    let first = null;
    for (const event of page.events) {
      if (indexOf(event.id) >= 0) continue;
      const item = insert(event);
      first ??= item;
      held.delete(event.id);
    }
    offerHeld();
    next = page.next;
    isWhole = next === null;
    isLoaded = true;
    older.hidden = isWhole;
    again.hidden = true;
    message.textContent = "";
    empty.hidden = events.length > 0 || !isWhole;
    return first;
  }

  // ---- renewing ---------------------------------------------------------------------------------

  /**
   * Asks for the newest events and changes only what is different. Throws the Trouble of a failure.
   */
  async function renew() {
    if (!camera || isBusy()) return;
    renewing?.abort();
    renewing = new AbortController();
    const { signal } = renewing;
    try {
      const page = await newest(signal);
      if (!signal.aborted) merge(page);
    } catch (trouble) {
      if (signal.aborted) return;
      if (trouble.kind === "missing") {
        // The camera isn't shared any more, so its events go, as its picture does.
        clear();
        complain(explain(trouble, "The events didn't load"));
      }
      throw trouble;
    }
  }

  /** Returns the newest events, back to the first one that is listed. `next` is as in a page. */
  async function newest(signal) {
    const found = { events: [], next: null };
    for (let pages = 0; pages < RENEW_PAGES_MAX; pages += 1) {
      const page = await pageBefore(found.next, signal);
      found.events.push(...page.events);
      found.next = page.next;
      const last = found.events.at(-1);
      if (found.next === null || !isLoaded || !last || !events[0] || last.id <= events[0].id) break;
    }
    return found;
  }

  function merge(found) {
    const last = found.events.at(-1);
    const isEverything = found.next === null;
    const meets = isEverything || (last && events[0] && last.id <= events[0].id);
    if (!isLoaded || !meets) {
      // After a long time away there may be a gap, and a list with a gap would be wrong.
      keepPlace(() => {
        clear();
        add(found);
      });
      return;
    }
    const there = new Set(found.events.map((event) => event.id));
    const isGone = ({ id }) => (isEverything || id >= last.id) && !there.has(id);
    const gone = events.filter(isGone);
    for (const event of held.values()) if (isGone(event)) held.delete(event.id);
    const fresh = found.events.filter((event) => indexOf(event.id) < 0);
    const newsCount = fresh.filter((event) => !held.has(event.id)).length;
    for (const event of found.events) update(event);
    const isReading = anchorItem() !== null;
    keepPlace(() => {
      for (const event of gone) take(event.id);
      const lastSeen = lastOnScreen()?.dataset.event ?? "";
      for (const event of fresh) {
        // What comes below the screen moves nothing that is on it.
        if (isReading && !(event.id < lastSeen)) {
          held.set(event.id, event);
        } else {
          held.delete(event.id);
          insert(event);
        }
      }
    });
    empty.hidden = events.length > 0 || !isWhole;
    nameDays();
    offerHeld();
    if (newsCount > 0) part("timeline-news").textContent = newsWords(newsCount);
  }

  /** Changes what is known of a listed event. */
  function update(event) {
    const index = indexOf(event.id);
    const item = itemFor(event.id);
    if (!item) return;
    const isSame = JSON.stringify(events[index]) === JSON.stringify(event);
    events[index] = event;
    if (isSame) retryPicture(item, camera, event);
    else fillRow(item, camera, event);
  }

  /** Runs `change`, and puts what the person reads back to where it was on the screen. */
  function keepPlace(change) {
    const anchor = anchorItem();
    const before = anchor?.getBoundingClientRect().top;
    const focused = document.activeElement;
    change();
    if (anchor?.isConnected) {
      window.scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    }
    // What was in focus may be gone. Without a new focus, a keyboard would start at the page's top.
    if (!focused.isConnected || focused.hidden) {
      (list.querySelector("button") ?? part("timeline-title")).focus({ preventScroll: true });
    }
  }

  const isOnScreen = (item) => {
    const { top, bottom } = item.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  };

  /**
   * Returns the item that must stay where it is: the one in focus, else the first one on the
   * screen. At the list's top there is none, so that new events come into view.
   */
  function anchorItem() {
    const focused = document.activeElement?.closest("[data-event]");
    if (focused && isOnScreen(focused)) return focused;
    if (list.getBoundingClientRect().top >= 0) return null;
    return [...list.querySelectorAll("[data-event]")].find(isOnScreen) ?? null;
  }

  const lastOnScreen = () => [...list.querySelectorAll("[data-event]")].findLast(isOnScreen);

  const newsWords = (count) => `${count} new ${count === 1 ? "event" : "events"}`;

  function offerHeld() {
    news.hidden = held.size === 0;
    if (held.size > 0) part("timeline-news-words").textContent = newsWords(held.size);
  }

  /** Lists the events that waited, and goes to the newest of them. */
  function showHeld() {
    const newest = [...held.keys()].sort().at(-1);
    for (const event of held.values()) insert(event);
    held.clear();
    const item = itemFor(newest);
    if (newest === events[0].id) window.scrollTo(0, 0);
    else item.scrollIntoView({ block: "center" });
    item.querySelector("button").focus({ preventScroll: true });
    offerHeld();
  }

  // ---- the list ---------------------------------------------------------------------------------

  const indexOf = (id) => events.findIndex((each) => each.id === id);
  const itemFor = (id) => list.querySelector(`[data-event="${CSS.escape(id)}"]`);

  /** Inserts an event in its place: by the id, whose first part is the event's time. */
  function insert(event) {
    const item = row(camera, event, () => onOpen(event));
    const olderOne = events.findIndex((each) => each.id < event.id);
    const index = olderOne < 0 ? events.length : olderOne;
    const day = daySection(event).querySelector("ol");
    events.splice(index, 0, event);
    const nextItem = events[index + 1] && itemFor(events[index + 1].id);
    day.insertBefore(item, nextItem?.parentElement === day ? nextItem : null);
    return item;
  }

  /** Returns the section of an event's day. The days stand in their order, newest first. */
  function daySection(event) {
    const time = new Date(event.time);
    const key = dayKey(time);
    const olderDay = [...list.children].find((section) => section.dataset.day <= key);
    if (olderDay?.dataset.day === key) return olderDay;
    const section = part("day-template").content.firstElementChild.cloneNode(true);
    section.dataset.day = key;
    section.dataset.time = event.time;
    section.querySelector("h2").textContent = dayName(time, new Date(edgeNow()));
    list.insertBefore(section, olderDay ?? null);
    return section;
  }

  /** Names the days anew: after midnight "Today" is "Yesterday". */
  function nameDays() {
    for (const section of list.children) {
      const words = dayName(new Date(section.dataset.time), new Date(edgeNow()));
      const heading = section.querySelector("h2");
      if (heading.textContent !== words) heading.textContent = words;
    }
  }

  /** Takes an event out of the list. */
  function take(id) {
    const index = indexOf(id);
    if (index >= 0) events.splice(index, 1);
    const item = itemFor(id);
    if (!item) return;
    const section = item.closest(".day");
    item.remove();
    if (!section.querySelector("li")) section.remove();
  }

  /** Removes a deleted event, and returns the element that the focus should go to. */
  function remove(id) {
    const index = indexOf(id);
    deleted.add(id);
    take(id);
    const neighbour = events[Math.min(Math.max(index, 0), events.length - 1)];
    empty.hidden = events.length > 0 || !isWhole;
    if (events.length === 0 && !isWhole) load();
    return (neighbour && itemFor(neighbour.id)?.querySelector("button")) ?? part("timeline-title");
  }

  /** Returns the listed events beside this one: {newer, older}, each or null. */
  function around(id) {
    const index = indexOf(id);
    if (index < 0) return { newer: null, older: null };
    return { newer: events[index - 1] ?? null, older: events[index + 1] ?? null };
  }

  older.addEventListener("click", loadMore);
  again.addEventListener("click", loadMore);
  news.addEventListener("click", showHeld);

  return {
    show,
    hide,
    renew,
    update,
    remove,
    around,
    find: (id) => events.find((each) => each.id === id) ?? null,
    itemFor,
  };
}
