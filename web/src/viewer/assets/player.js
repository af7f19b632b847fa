// One event: its clip in the browser's own player, its details beside the clip, and its deletion in
// two steps.
// Must never leave a clip loading or playing once the person has left it, nor a black picture that
// does not say why it is black.

import { place, turn, up } from "./address.js";
import { ask, wasGivenUp } from "./ask.js";
import { eventAddress, isYoung } from "./row.js";
import { formatNames, hasSound, playsSound, tracksOf } from "./tracks.js";
import { dayKey, duration, explain, kindName, labelOf, timeOfDay, wholeDate } from "./words.js";

const part = (id) => document.getElementById(id);
/** How far a clip has played when its sound must have come. */
const SOUND_SECONDS = 0.5;

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
  /** What the screen has: "nothing", "still", "clip", "failed", or "unplayable". */
  let showing = "nothing";
  /** What the clip is made of, as a promise: null if nobody can tell. */
  let tracks = null;
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
    setSteps();
    part("player-delete").hidden = !camera.mayDelete;
    showFootage();
  }

  function setSteps() {
    const { newer, older } = events.around(event.id);
    part("player-newer").disabled = !newer;
    part("player-older").disabled = !older;
  }

  function showFootage() {
    if (event.clip && camera.clips) return load();
    showStill(whyNothingPlays());
  }

  function whyNothingPlays() {
    if (event.clip) return "The clips of this camera aren't shared with you.";
    const mayCome = camera.clips && isYoung(event);
    return mayCome ? "No clip yet. If one comes, it appears here." : "This event has no clip.";
  }

  /**
   * Looks whether more of the event has come. The list has been renewed just now, so only a young
   * event that is not listed is asked for. Throws the Trouble of a failure.
   */
  async function renew() {
    if (!dialog.open || !event?.time) return;
    setSteps();
    if (showing === "clip") return;
    const asked = asking;
    const before = event;
    try {
      const found = events.find(before.id) ?? await askWhileYoung(before, asked.signal);
      if (!isStillAbout(asked)) return;
      event = found;
      if (showing === "failed" && isYoung(event)) {
        const address = eventAddress(camera.id, event.id, "/clip");
        await ask(address, { method: "HEAD", signal: asked.signal });
        if (isStillAbout(asked) && showing === "failed") load();
      } else if (showing === "unplayable") {
        if (event.still && still.hidden) showPicture();
      } else if (showing === "still") {
        const isMore = event.clip !== before.clip || event.still !== before.still;
        if (isMore || (event.still && still.hidden && isYoung(event))) showFootage();
        else if (message.textContent !== whyNothingPlays()) message.textContent = whyNothingPlays();
      }
    } catch (trouble) {
      if (!wasGivenUp(trouble) && trouble.kind !== "missing") throw trouble;
    }
  }

  async function askWhileYoung(known, signal) {
    if (!isYoung(known)) return known;
    const { body } = await ask(eventAddress(camera.id, known.id), { as: "json", signal });
    return { ...body, id: known.id };
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
    // What is in focus goes: the button that asked for another try.
    if (document.activeElement === again) part("player-title").focus();
    showing = "clip";
    note.hidden = true;
    still.hidden = true;
    offerFile(false);
    video.hidden = false;
    video.setAttribute("aria-label", `Clip: ${kindName(event.kind)}, ${camera.name}`);
    if (event.still) video.poster = eventAddress(camera.id, event.id, "/thumbnail?width=960");
    const address = eventAddress(camera.id, event.id, "/clip");
    video.src = address;
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    // A browser may refuse. In that case the person uses its controls.
    if (wasChosen && !isCalm) video.play().catch(() => {});
    wasChosen = false;
    // Without an answer nobody can tell, and the player shows what it can.
    tracks = tracksOf(address, asking.signal).catch(() => null);
  }

  function showStill(words, tryAgain = null) {
    showing = "still";
    say(words, tryAgain);
    if (event.still) showPicture();
  }

  function showPicture() {
    still.alt = `Picture of the event: ${kindName(event.kind)}, ${camera.name}`;
    still.src = eventAddress(camera.id, event.id, "/thumbnail?width=1280");
    still.hidden = false;
    note.classList.add("is-caption");
  }

  still.addEventListener("error", () => {
    if (!still.hasAttribute("src")) return;
    still.hidden = true;
    note.classList.remove("is-caption");
  });

  function say(words, tryAgain = null) {
    note.hidden = false;
    note.classList.remove("is-caption");
    message.textContent = words;
    again.hidden = !tryAgain;
    again.onclick = tryAgain;
  }

  // ---- what this browser can't play -------------------------------------------------------------

  // The video element says only that it failed, but the server says why.
  video.addEventListener("error", async () => {
    if (!video.hasAttribute("src")) return;
    const asked = asking;
    const isUnplayable = [MediaError.MEDIA_ERR_DECODE, MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED]
      .includes(video.error?.code);
    const words = await whyNoClip(eventAddress(camera.id, event.id, "/clip"), asked.signal);
    if (!isStillAbout(asked) || words === null || showing !== "clip") return;
    const retry = () => {
      load();
      video.focus();
    };
    if (words === "" && isUnplayable) return showUnplayable(asked, retry);
    dropVideo();
    showing = "failed";
    say(words || "The clip didn't load to its end. Try again.", retry);
  });

  // Of a clip whose video it can't play, a browser plays the sound before a black picture.
  video.addEventListener("loadedmetadata", async () => {
    if (video.videoWidth > 0) return;
    const asked = asking;
    const wasPaused = video.paused;
    video.pause();
    const found = await tracks;
    if (!isStillAbout(asked) || showing !== "clip") return;
    if (!found || found.video.length > 0) showUnplayable(asked);
    else if (!wasPaused) video.play().catch(() => {});
  });

  // Only a clip that plays shows whether there is sound.
  video.addEventListener("timeupdate", () => {
    if (video.currentTime >= SOUND_SECONDS || video.ended) checkSound(asking);
  });

  async function checkSound(asked) {
    const found = await tracks;
    if (!isStillAbout(asked) || showing !== "clip" || !found?.sound.length) return;
    const isMissing = !hasSound(video) && !playsSound(video, found.sound);
    if (isMissing !== part("player-download").hidden) return;
    const names = formatNames(found.sound);
    const what = names ? `the sound of this clip, which is ${names}` : "the sound of this clip";
    const words = `This browser can't play ${what}. Download the file to hear it.`;
    offerFile(isMissing, isMissing ? words : "");
  }

  async function showUnplayable(asked, tryAgain = null) {
    dropVideo();
    showing = "unplayable";
    offerFile(true);
    const found = await tracks;
    if (!isStillAbout(asked) || showing !== "unplayable") return;
    const names = formatNames(found?.video ?? []);
    const what = names ? `the video, which is ${names}` : "this clip";
    say(`This browser can't play ${what}.`, tryAgain);
    if (event.still) showPicture();
  }

  /** Offers the clip's file, with words about its sound, or withdraws both. */
  function offerFile(isOffered, soundWords = "") {
    const link = part("player-download");
    part("player-sound").textContent = soundWords;
    link.hidden = !isOffered;
    if (!isOffered) return link.removeAttribute("href");
    const time = new Date(event.time);
    link.href = eventAddress(camera.id, event.id, "/clip");
    const at = timeOfDay(time, true).replaceAll(":", "-");
    link.download = `${camera.name} ${dayKey(time)} ${at}.mp4`;
  }

  /** Returns "" if the clip is there. */
  async function whyNoClip(address, signal) {
    try {
      await ask(address, { method: "HEAD", signal });
      return "";
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
    offerFile(false);
    showing = "nothing";
    tracks = null;
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

  return { show, hide, renew, choose: () => { wasChosen = true; } };
}
