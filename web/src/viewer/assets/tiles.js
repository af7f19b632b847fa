// Which pictures move: those on the screen whose cameras stream just now, as many as the connection
// carries, or the enlarged one alone.
// Must never leave a picture that stands still where a person takes it for the present.

import { ask } from "./ask.js";
import { isMultiplexed, play } from "./live.js";

const LOOK_MILLISECONDS = 5_000;
/** Browsers open six connections to a server that speaks HTTP/1.1, and stills need some. */
const TILES = { multiplexed: 24, else: 4 };
/** So many of them can ask for their next segment in time, which takes a connection more. */
const LOOKING_AHEAD = 2;
const CHOSEN_AS = "eyesonly.live";

const part = (id) => document.getElementById(id);
const address = (camera) => `cameras/${encodeURIComponent(camera.id)}`;

/**
 * Sets up live pictures. `cameras` lists {id, name, card, frame, isOnScreen} in the wall's order.
 * `onEnded` is called when the session is over.
 */
export function tiles(cameras, onEnded) {
  const streaming = cameras.filter((camera) => "live" in camera.card.dataset);
  const most = isMultiplexed() ? TILES.multiplexed : TILES.else;
  const toggle = part("live-toggle");
  /** What plays, by its camera. */
  const playing = new Map();
  let enlarged = null;
  let isShown = true;
  // An edition without live view has no such button.
  const isServed = toggle !== null && streaming.length > 0;
  let timer = 0;
  let isLooking = false;
  let isChosen = remembered() ?? !navigator.connection?.saveData;

  const isWanted = (camera) => isChosen && isShown && !enlarged && camera.isOnScreen;

  function start(camera, frame) {
    if (playing.has(camera)) return;
    const video = frame.querySelector("video");
    const onState = (told) => tell(camera, frame, told);
    const looksAhead = () => isMultiplexed() || playing.size <= LOOKING_AHEAD;
    const player = play(video, address(camera), { onState, sound: false, looksAhead });
    playing.set(camera, { frame, player });
  }

  function stop(camera) {
    const { frame, player } = playing.get(camera) ?? {};
    if (!player) return;
    playing.delete(camera);
    player.stop();
    delete frame.dataset.live;
    write(frame, "");
  }

  /** Says what the video shows. In every state but "live" it is hidden. */
  function tell(camera, frame, { state, latency, codec, instead_of: instead }) {
    if (!playing.has(camera)) return;
    if (state === "ended") {
      stopAll();
      onEnded();
      return;
    }
    frame.dataset.live = state;
    if (state === "live") {
      const seconds = (Math.max(0, latency ?? 0) / 1000).toFixed(1);
      const small = instead ? `, a smaller picture: this browser can't show ${instead}` : "";
      write(frame, `Live, ${seconds} s behind${small}`);
    } else if (state === "codec") {
      write(frame, `This browser can't show the live picture (${codec})`);
    } else {
      write(frame, state === "offline" ? "Not live now" : "");
    }
    // A tile that waits for a camera that is off would keep others from their place.
    if (state === "offline" && camera !== enlarged) stop(camera);
  }

  function write(frame, words) {
    const isLive = frame.dataset.live === "live";
    for (const [name, text] of [
      [".live-words", words],
      [".live-spoken", isLive ? " A live picture." : ""],
    ]) {
      const element = frame.querySelector(name);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  function stopAll() {
    for (const camera of [...playing.keys()]) stop(camera);
  }

  async function isStreaming(camera) {
    try {
      const { body } = await ask(`${address(camera)}/live`, { as: "json" });
      return body.streams.length > 0;
    } catch (trouble) {
      // One camera's trouble is no other's.
      if (trouble.kind === "ended") onEnded();
      return false;
    }
  }

  /** Asks which of the wanted cameras stream, and starts those for which there is a place. */
  async function look() {
    clearTimeout(timer);
    if (isLooking || !isServed) return;
    isLooking = true;
    try {
      for (const camera of [...playing.keys()]) {
        if (camera !== enlarged && !isWanted(camera)) stop(camera);
      }
      for (const camera of document.hidden ? [] : streaming) {
        if (playing.size >= most) break;
        if (!isWanted(camera) || playing.has(camera)) continue;
        if (await isStreaming(camera) && isWanted(camera)) start(camera, camera.frame);
      }
    } finally {
      isLooking = false;
      timer = setTimeout(look, LOOK_MILLISECONDS);
    }
  }

  function offer() {
    toggle.hidden = false;
    toggle.setAttribute("aria-pressed", String(isChosen));
    toggle.querySelector("span").textContent = isChosen ? "Live pictures: on" : "Live pictures: off";
  }

  if (isServed) {
    offer();
    toggle.addEventListener("click", () => {
      isChosen = !isChosen;
      remember(isChosen);
      if (!isChosen) stopAll();
      offer();
      look();
    });
    document.addEventListener("visibilitychange", look);
  }

  return {
    /** Looks anew: another part of the wall is on the screen. */
    look,
    /** Says whether the wall itself is shown, and not a list of events. */
    showWall(isWall) {
      isShown = isWall;
      look();
    },
    /** Plays one camera in the enlarged frame. Null: none any more. */
    enlarge(camera, frame) {
      if (enlarged && enlarged !== camera) stop(enlarged);
      if (enlarged === camera) return;
      stopAll();
      enlarged = camera;
      if (camera && isServed && "live" in camera.card.dataset) start(camera, frame);
      else if (!camera) look();
    },
    isLive: (camera) => playing.get(camera)?.frame.dataset.live === "live",
  };
}

// A browser may refuse storage. In that case nothing is remembered.
function remembered() {
  try {
    const value = localStorage.getItem(CHOSEN_AS);
    return value === null ? null : value === "on";
  } catch { return null; }
}

function remember(isOn) {
  try { localStorage.setItem(CHOSEN_AS, isOn ? "on" : "off"); } catch { /* not remembered */ }
}
