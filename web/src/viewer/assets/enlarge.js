// One camera's picture, as large as the screen allows. Left and right go to the next camera.
// Must never leave one camera's picture in view under another's name.

import { copyAge } from "./age.js";
import { place, turn, up } from "./address.js";
import { wasGivenUp } from "./ask.js";
import { clear, renew, say, widthFor } from "./still.js";

const part = (id) => document.getElementById(id);
const ENLARGED_WIDTH = 1280;
const SWIPE_PIXELS = 50;

/**
 * Sets up the dialog. `cameras` lists {id, name, frame} in the wall's order. `onTrouble` gets each
 * Trouble of a renewal. `live` plays the camera that is shown.
 */
export function enlargement(cameras, onTrouble, live) {
  const dialog = part("enlarge");
  const frame = part("enlarge-picture");
  const image = part("enlarge-image");
  let camera = null;
  let asking = null;

  const at = () => cameras.findIndex((each) => each.id === camera?.id);

  function step(by) {
    if (!camera || cameras.length < 2) return;
    const next = cameras.at((at() + by) % cameras.length);
    turn({ still: next.id });
  }

  function show(next) {
    const isOpening = !dialog.open;
    if (camera?.id !== next.id) {
      camera = next;
      clear(frame);
      delete frame.dataset.missing;
      if (camera.frame.dataset.missing) frame.dataset.missing = camera.frame.dataset.missing;
      part("enlarge-name").textContent = camera.name;
      image.alt = `Newest picture of ${camera.name}`;
      part("enlarge-place").textContent = cameras.length > 1 ? `${at() + 1} of ${cameras.length}` : "";
      for (const id of ["enlarge-previous", "enlarge-next"]) part(id).hidden = cameras.length < 2;
      showSmallOneMeanwhile();
      live.enlarge(camera, frame);
    }
    if (isOpening) {
      dialog.showModal();
      part("enlarge-close").focus();
    }
    refresh();
  }

  function showSmallOneMeanwhile() {
    const small = camera.frame.querySelector("img");
    const { state } = camera.frame.dataset;
    if ((state !== "shown" && state !== "stale") || !small.naturalWidth) return;
    image.src = small.currentSrc;
    copyAge(camera.frame, frame);
    say(frame, state, "");
  }

  async function refresh() {
    asking?.abort();
    asking = new AbortController();
    try {
      await renew(frame, camera.id, Math.max(ENLARGED_WIDTH, widthFor(frame, 1920)), asking.signal);
    } catch (trouble) {
      if (!wasGivenUp(trouble)) onTrouble(trouble);
    }
  }

  function hide() {
    asking?.abort();
    if (dialog.open) dialog.close();
    live.enlarge(null);
    if (camera) clear(frame);
    camera = null;
  }

  part("enlarge-close").addEventListener("click", () => dialog.close());
  part("enlarge-previous").addEventListener("click", () => step(-1));
  part("enlarge-next").addEventListener("click", () => step(1));
  dialog.addEventListener("close", () => {
    if (place().still) up({});
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target === frame) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  whenSwiped(frame, step);

  return { show, hide, refresh, isOpen: () => dialog.open };
}

/**
 * Calls `step` when one finger swipes: a swipe to the left asks for the next camera. It ignores a
 * page that is zoomed in.
 */
function whenSwiped(element, step) {
  let start = null;
  element.addEventListener("touchstart", (event) => {
    const isZoomed = (window.visualViewport?.scale ?? 1) > 1.05;
    start = event.touches.length === 1 && !isZoomed ? event.touches[0] : null;
  }, { passive: true });
  element.addEventListener("touchend", (event) => {
    const end = event.changedTouches[0];
    if (!start || !end) return;
    const across = end.clientX - start.clientX;
    const along = Math.abs(end.clientY - start.clientY);
    start = null;
    if (Math.abs(across) > SWIPE_PIXELS && Math.abs(across) > 2 * along) step(across < 0 ? 1 : -1);
  }, { passive: true });
}
