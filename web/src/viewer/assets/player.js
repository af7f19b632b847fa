// One event: its clip in the browser's own player, its details beside the clip, and its deletion in
// two steps.
// Must never leave a clip loading or playing once the person has left it.

import { place, turn, up } from "./address.js";
import { ask, wasGivenUp } from "./ask.js";
import { eventAddress } from "./row.js";
import { duration, explain, kindName, labelOf, timeOfDay, wholeDate } from "./words.js";

const part = (id) => document.getElementById(id);

/**
 * Sets up the player. `events` is the timeline. The player calls `onDeleted(event, wasGone)` and
 * `onEnded()`.
 */
export function player({ events, onDeleted, onEnded }) {
  const dialog = part("player");
  const video = part("player-video");
  const still = part("player-still");
  const note = part("player-note");
  const message = part("player-message");
  const again = part("player-again");

  let camera = null;
  let event = null;
  let asking = new AbortController();
  // A clip starts by itself only if the person has just asked for it.
  let wasChosen = false;

  const isStillAbout = (asked) => !asked.signal.aborted;

  /** Shows an event that the timeline has, or asks the server for it by its id. */
  async function show(nextCamera, id) {
    // An event's id belongs to its camera: the same id under another camera is another event.
    if (event?.id === id && camera?.id === nextCamera.id && dialog.open) return;
    stop();
    camera = nextCamera;
    event = { id };
    const asked = asking;
    if (!dialog.open) {
      dialog.showModal();
      part("player-close").focus();
    }
    const known = events.find(id);
    if (known) return fill(known);
    describe(null);
    say("Loading…");
    try {
      const { body } = await ask(eventAddress(camera.id, id), { as: "json", signal: asked.signal });
      if (isStillAbout(asked)) fill({ ...body, id });
    } catch (trouble) {
      if (wasGivenUp(trouble) || !isStillAbout(asked)) return;
      if (trouble.kind === "ended") return onEnded();
      say(explain(trouble, "The event didn't load"), () => reopen());
    }
  }

  function reopen() {
    const id = event.id;
    const at = camera;
    event = null;
    part("player-close").focus();
    show(at, id);
  }

  function fill(found) {
    event = found;
    describe(event);
    const { newer, older } = events.around(event.id);
    part("player-newer").disabled = !newer;
    part("player-older").disabled = !older;
    part("player-delete").hidden = !camera.mayDelete;
    if (event.clip && camera.clips) return load();
    showStill();
  }

  function describe(known) {
    const time = new Date(known?.time ?? Number.NaN);
    const label = known ? labelOf(known) : "";
    part("player-title").textContent = known ? kindName(known.kind) : "Event";
    part("player-label").textContent = label;
    part("player-label").hidden = !label;
    part("player-camera").textContent = camera.name;
    part("player-day").textContent = known ? wholeDate(time) : "";
    part("player-time").textContent = known ? timeOfDay(time, true) : "";
    part("player-time").setAttribute("datetime", known ? String(known.time) : "");
    const length = known ? duration(known.duration_milliseconds ?? Number.NaN) : "";
    part("player-duration").textContent = length;
    part("player-duration-row").hidden = !length;
    part("player-newer").disabled = part("player-older").disabled = true;
    part("player-delete").hidden = true;
    keep();
  }

  function load() {
    note.hidden = true;
    still.hidden = true;
    video.hidden = false;
    video.setAttribute("aria-label", `Clip: ${kindName(event.kind)}, ${camera.name}`);
    if (event.still) video.poster = eventAddress(camera.id, event.id, "/thumbnail?width=960");
    video.src = eventAddress(camera.id, event.id, "/clip");
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    // A browser may refuse. In that case the person uses its controls.
    if (wasChosen && !isCalm) video.play().catch(() => {});
    wasChosen = false;
  }

  function showStill() {
    const words = event.clip ? "The clips of this camera aren't shared with you." : "This event has no clip.";
    if (!event.still) return say(words);
    still.alt = `Picture of the event: ${kindName(event.kind)}, ${camera.name}`;
    still.src = eventAddress(camera.id, event.id, "/thumbnail?width=1280");
    still.hidden = false;
    say(words);
    note.classList.add("is-caption");
  }

  function say(words, tryAgain = null) {
    note.hidden = false;
    note.classList.remove("is-caption");
    message.textContent = words;
    again.hidden = !tryAgain;
    again.onclick = tryAgain;
  }

  // The video element says only that it failed, but the server says why.
  video.addEventListener("error", async () => {
    if (!video.hasAttribute("src")) return;
    const asked = asking;
    const words = await whyNoClip(eventAddress(camera.id, event.id, "/clip"), asked.signal);
    if (!isStillAbout(asked) || words === null) return;
    dropVideo();
    say(words, () => {
      load();
      video.focus();
    });
  });

  async function whyNoClip(address, signal) {
    try {
      await ask(address, { method: "HEAD", signal });
      return "This browser couldn't play the clip. Try again, or use another browser.";
    } catch (trouble) {
      if (wasGivenUp(trouble)) return null;
      if (trouble.kind === "ended") return onEnded();
      if (trouble.kind === "missing") {
        return "The clip isn't there. It may still be on its way from the camera: try again in a moment.";
      }
      return explain(trouble, "The clip didn't load");
    }
  }

  function dropVideo() {
    video.pause();
    video.removeAttribute("src");
    video.removeAttribute("poster");
    video.load();
    video.hidden = true;
  }

  function stop() {
    asking.abort();
    asking = new AbortController();
    dropVideo();
    still.hidden = true;
    still.removeAttribute("src");
    note.hidden = true;
    event = null;
  }

  function hide() {
    const wasOpen = dialog.open;
    if (event) stop();
    if (wasOpen) dialog.close();
    camera = null;
  }

  function step(which) {
    const target = event && events.around(event.id)[which];
    if (!target) return;
    wasChosen = true;
    turn({ camera: camera.id, event: target.id });
    // At either end the pressed button is disabled, so the focus moves to the title.
    const pressed = part(which === "newer" ? "player-newer" : "player-older");
    if (pressed.disabled) part("player-title").focus();
  }

  function question() {
    part("delete").hidden = true;
    part("delete-confirm").hidden = false;
    part("delete-message").textContent = "";
    part("delete-no").focus();
  }

  function keep() {
    part("delete").hidden = false;
    part("delete-confirm").hidden = true;
    part("delete-message").textContent = "";
    part("delete-yes").disabled = false;
  }

  async function remove() {
    const asked = asking;
    const deleted = event;
    part("delete-yes").disabled = true;
    video.pause();
    try {
      await ask(eventAddress(camera.id, deleted.id), { method: "DELETE" });
      onDeleted(deleted, false);
    } catch (trouble) {
      if (trouble.kind === "ended") return onEnded();
      if (trouble.kind === "missing") return onDeleted(deleted, true);
      if (!isStillAbout(asked)) return;
      keep();
      part("delete-message").textContent = explain(trouble, "The event may not be deleted");
      part("delete").focus();
    }
  }

  part("player-close").addEventListener("click", () => dialog.close());
  part("player-newer").addEventListener("click", () => step("newer"));
  part("player-older").addEventListener("click", () => step("older"));
  part("delete").addEventListener("click", question);
  part("delete-no").addEventListener("click", () => { keep(); part("delete").focus(); });
  part("delete-yes").addEventListener("click", remove);
  dialog.addEventListener("click", (click) => {
    if (click.target === dialog) dialog.close();
  });
  dialog.addEventListener("cancel", (cancel) => {
    // Escape first withdraws the question. The next one closes the player.
    if (part("delete-confirm").hidden) return;
    cancel.preventDefault();
    keep();
    part("delete").focus();
  });
  dialog.addEventListener("close", () => {
    const here = place();
    if (here.event) up({ camera: here.camera });
  });

  return { show, hide, choose: () => { wasChosen = true; } };
}
