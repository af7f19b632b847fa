// The wall: it chooses the open view, renews the pictures while the person looks, and logs out.
// Must never go on showing a home once the session behind it is over.

import { setAge, sinceAsked } from "./age.js";
import { go, place, up, whenPlaceChanges } from "./address.js";
import { ask, forgetWall, rememberWall, wasGivenUp, whenWallChangesElsewhere } from "./ask.js";
import { edgeNow } from "./clock.js";
import { enlargement } from "./enlarge.js";
import { player } from "./player.js";
import { renew, say, widthFor } from "./still.js";
import { tiles } from "./tiles.js";
import { timeline } from "./timeline.js";
import { explain } from "./words.js";

const part = (id) => document.getElementById(id);
const RENEW_MILLISECONDS = 15_000;
const AT_ONCE = 4;
/** The edge tells its time in whole seconds. */
const CLOCK_MILLISECONDS = 1_000;
const STATUS_MILLISECONDS = 6_000;

const cameras = [...document.querySelectorAll(".card")].map((card) => ({
  id: card.dataset.camera,
  name: card.querySelector(".camera-name").textContent,
  clips: "clips" in card.dataset,
  mayDelete: "mayDelete" in card.dataset,
  hasEvents: "events" in card.dataset,
  card,
  frame: card.querySelector(".picture"),
  isOnScreen: false,
  isRenewed: false,
}));
const cameraOf = (id) => cameras.find((camera) => camera.id === id) ?? null;

// ---- leaving ------------------------------------------------------------------------------------

function leave() {
  forgetWall();
  document.body.replaceChildren();
  window.location.replace("/");
}

async function logOut() {
  try {
    await ask("/v1/session", { method: "DELETE" });
    leave();
  } catch (trouble) {
    if (trouble.kind === "ended") return leave();
    tell(explain(trouble, "You are still logged in"), true);
  }
}

// ---- messages of the page -----------------------------------------------------------------------

let statusTimer = 0;

function tell(words, stays = false) {
  clearTimeout(statusTimer);
  part("status").textContent = words;
  if (words && !stays) statusTimer = setTimeout(() => tell(""), STATUS_MILLISECONDS);
}

// ---- renewing -----------------------------------------------------------------------------------

let isOffline = false;
let waitMilliseconds = RENEW_MILLISECONDS;
let renewTimer = 0;
let isRenewing = false;
let areAgesKnown = false;
/** How many cameras the person sees, as the server said last. */
let cameraCount = null;

function heard(trouble) {
  if (trouble.kind === "ended") return leave();
  if (trouble.retryAfterSeconds) {
    waitMilliseconds = Math.max(waitMilliseconds, trouble.retryAfterSeconds * 1000);
  }
  if (trouble.kind === "offline" && !isOffline) {
    isOffline = true;
    tell("No connection: what you see may be old. Trying again by itself.", true);
  }
}

function heardWell() {
  if (!isOffline) return;
  isOffline = false;
  tell("Connected again.");
}

async function renewCamera(camera) {
  camera.isRenewed = true;
  try {
    await renew(camera.frame, camera.id, widthFor(camera.frame));
    heardWell();
  } catch (trouble) {
    if (wasGivenUp(trouble)) return;
    if (trouble.kind === "missing") {
      heardWell();
      await lookFor(camera);
    }
    heard(trouble);
  }
}

/**
 * Says that a camera isn't shared any more, if it stands in the list no longer. A picture that is
 * missing tells nothing: only the list does, which is the person's own.
 */
async function lookFor(camera) {
  if (camera.isGone) return;
  const { body } = await ask("cameras", { as: "json" }).catch(() => ({ body: null }));
  if (!body || body.cameras.some(({ id }) => id === camera.id)) return;
  camera.isGone = true;
  camera.frame.dataset.missing = "It isn't shared with you any more";
  say(camera.frame, "empty", camera.frame.dataset.missing);
  camera.card.querySelector(".card-foot a")?.remove();
}

/** Says on the cards which cameras are off or gone, and who watches the person's own live. */
async function renewWatched() {
  if (document.hidden) return;
  try {
    const { body } = await ask("watching", { as: "json" });
    for (const camera of cameras) {
      const names = body.watching.filter((one) => one.camera === camera.id)
        .map((one) => one.name ?? "somebody");
      const words = names.length > 0 ? `Watched live by ${names.join(", ")}` : "";
      const off = body.off.includes(camera.id) ? "Switched off" : "";
      const gone = body.closed.includes(camera.id) ? "Handed over; you keep the past" : "";
      const all = [off, gone, words].filter(Boolean).join(" · ");
      const sign = camera.card.querySelector(".watched");
      if (sign.textContent !== all) sign.textContent = all;
    }
    sayAsks(body.asks);
    // Another camera was shared meanwhile. The server makes its card.
    if (body.cameras > (cameraCount ?? body.cameras)) window.location.reload();
    cameraCount = body.cameras;
  } catch (trouble) {
    if (trouble.kind === "ended") return leave();
    for (const camera of cameras) camera.card.querySelector(".watched").textContent = "";
  }
}

/** Says at the way to "Sharing" how many people wait there to be confirmed. */
function sayAsks(count) {
  const sign = part("asks");
  const words = count === 0 ? "" : count === 1 ? "1 person asks" : `${count} people ask`;
  if (sign && sign.textContent !== words) sign.textContent = words;
}

/** Renews a picture that was left out while nobody saw it. */
function renewIfLate(camera) {
  const isShown = camera.frame.dataset.state === "shown";
  if (isShown && sinceAsked(camera.frame) > RENEW_MILLISECONDS && areAgesKnown) renewCamera(camera);
}

/** Looks for the first camera of an empty wall. The server makes its card. */
async function lookForFirst() {
  try {
    const { body } = await ask("cameras", { as: "json" });
    heardWell();
    if (body.cameras.length > 0) window.location.reload();
  } catch (trouble) {
    heard(trouble);
  }
}

async function renewEvents() {
  try {
    await events.renew();
    await clip.renew();
    heardWell();
  } catch (trouble) {
    if (wasGivenUp(trouble)) return;
    if (trouble.kind === "missing") heardWell();
    heard(trouble);
  }
}

async function renewAll() {
  clearTimeout(renewTimer);
  if (isRenewing || document.hidden) return;
  isRenewing = true;
  waitMilliseconds = RENEW_MILLISECONDS;
  try {
    if (enlarged.isOpen()) {
      await enlarged.refresh();
    } else if (openCamera) {
      await renewEvents();
    } else if (cameras.length === 0) {
      await lookForFirst();
    } else {
      renewWatched();
      const waiting = cameras.filter((camera) => camera.isOnScreen && !camera.isGone);
      const worker = async () => {
        for (let camera = waiting.shift(); camera; camera = waiting.shift()) await renewCamera(camera);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
  } finally {
    isRenewing = false;
    // While the page is hidden it asks for nothing. When it becomes visible, that starts again.
    if (!document.hidden) renewTimer = setTimeout(renewAll, waitMilliseconds);
  }
}

/**
 * Waits for a picture that is part of the page. If it fails, the page asks for it again, to learn
 * why.
 */
function adopt(camera) {
  const image = camera.frame.querySelector("img");
  const failed = () => {
    // Only the first failure counts: a renewed picture is decoded before it is shown.
    if (camera.frame.dataset.state === "loading") renewCamera(camera);
  };
  const loaded = () => {
    if (camera.frame.dataset.state === "loading") say(camera.frame, "shown", "");
  };
  image.addEventListener("load", loaded, { once: true });
  image.addEventListener("error", failed, { once: true });
  if (!image.complete) return;
  if (image.naturalWidth > 0) loaded();
  else failed();
}

/**
 * Learns the age of the pictures that are part of the page, whose own headers no script can read. A
 * picture that came to the edge while the page loaded may not be the one in the page, so that one
 * is asked for again.
 */
async function learnFirstAges() {
  try {
    const { body } = await ask("cameras", { as: "json" });
    const loadedSince = edgeNow() - performance.now();
    for (const { id, still_at_milliseconds: time } of body?.cameras ?? []) {
      const camera = cameraOf(id);
      if (!camera || camera.isRenewed) continue;
      if (typeof time === "number" && time >= loadedSince - CLOCK_MILLISECONDS) renewCamera(camera);
      else setAge(camera.frame, time ?? Number.NaN);
    }
  } catch (trouble) {
    if (trouble.kind === "ended") leave();
  } finally {
    areAgesKnown = true;
  }
}

// ---- views --------------------------------------------------------------------------------------

const live = tiles(cameras, leave);
const enlarged = enlargement(cameras, heard, live);
const events = timeline({
  onOpen: (event) => {
    clip.choose();
    go({ camera: openCamera.id, event: event.id });
  },
  onEnded: leave,
});
const clip = player({
  events,
  onDeleted: (event, wasGone) => {
    const focusNext = events.remove(event.id);
    // The person may have opened another event while the server was deleting this one.
    if (place().event === event.id) {
      // "back" takes effect a moment later. When the dialog closes, it gives the focus to an
      // element that is removed by then.
      part("player").addEventListener("close", () => focusNext.focus(), { once: true });
      up({ camera: openCamera.id });
    }
    tell(wasGone ? "The event was gone already." : "Event deleted.");
  },
  onEnded: leave,
});

let openCamera = null;
let wallScroll = 0;

function render() {
  const here = place();
  const camera = cameraOf(here.camera);
  if (camera?.hasEvents) showTimeline(camera);
  else showWall();
  if (camera?.hasEvents && here.event) clip.show(camera, here.event);
  else clip.hide();
  const still = here.camera ? null : cameraOf(here.still);
  if (still) enlarged.show(still);
  else enlarged.hide();
  if ((here.camera && !camera?.hasEvents) || (here.still && !still)) {
    up({});
    tell("That camera isn't there any more, or isn't shared with you.");
  }
}

function showTimeline(camera) {
  if (openCamera === camera) return;
  if (!openCamera) wallScroll = window.scrollY;
  openCamera = camera;
  part("wall-view").hidden = true;
  part("timeline-view").hidden = false;
  document.title = `${camera.name} · Eyesonly`;
  events.show(camera);
  live.showWall(false);
  window.scrollTo(0, 0);
  part("timeline-title").focus({ preventScroll: true });
}

function showWall() {
  if (!openCamera) return;
  const camera = openCamera;
  openCamera = null;
  events.hide();
  part("timeline-view").hidden = true;
  part("wall-view").hidden = false;
  document.title = "Cameras · Eyesonly";
  window.scrollTo(0, wallScroll);
  camera.card.querySelector(".card-foot a")?.focus({ preventScroll: true });
  live.showWall(true);
  renewAll();
}

/** Runs `action` on a plain click. A link remains a link, so the person can open it elsewhere. */
function whenFollowed(link, action) {
  link?.addEventListener("click", (click) => {
    if (click.button !== 0 || click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
    click.preventDefault();
    action();
  });
}

for (const camera of cameras) {
  camera.frame.addEventListener("click", () => go({ still: camera.id }));
  whenFollowed(camera.card.querySelector(".card-foot a"), () => go({ camera: camera.id }));
  adopt(camera);
}
// While one picture was enlarged, the others were not asked for.
part("enlarge").addEventListener("close", renewAll);
whenFollowed(part("timeline-back"), () => up({}));
whenFollowed(part("brand"), () => up({}));
part("logout").addEventListener("click", logOut);

const onScreen = new IntersectionObserver((changes) => {
  for (const change of changes) {
    const camera = cameras.find((each) => each.card === change.target);
    if (!camera) continue;
    camera.isOnScreen = change.isIntersecting;
    if (change.isIntersecting) renewIfLate(camera);
  }
  live.look();
}, { rootMargin: "25%" });
for (const camera of cameras) onScreen.observe(camera.card);

// The session may have come with a link or another tab. From now on "/" leads here.
rememberWall(window.location.pathname);
whenWallChangesElsewhere(() => window.location.replace("/"));
// A page that comes back from the browser's memory may belong to a session that has ended.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
document.addEventListener("visibilitychange", renewAll);
window.addEventListener("online", renewAll);
whenPlaceChanges(render);
render();
learnFirstAges();
renewWatched();
renewTimer = setTimeout(renewAll, RENEW_MILLISECONDS);
