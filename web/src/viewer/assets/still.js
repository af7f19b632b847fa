// Pictures that renew themselves: a new one is fetched and decoded first, and then replaces the old
// one.
// Must never show one camera's picture under another's name: an answer that comes after its
// question was given up is dropped. Nor a picture under another one's age.

import { forgetAge, setAge, tell } from "./age.js";
import { Trouble, ask } from "./ask.js";

/** The header with a still's time, in milliseconds since 1970. */
const STILL_TIME = "Eyesonly-Still-Time";
const WIDTHS = [160, 320, 640, 960, 1280, 1920];

/** The blob address that an image shows. It is revoked when the next one comes. */
const shown = new WeakMap();

export function thumbnailAddress(camera, width) {
  return `cameras/${encodeURIComponent(camera)}/thumbnail?width=${width}`;
}

/** Returns the smallest offered width that fills this element on this screen. */
export function widthFor(element, widest = 1280) {
  const wanted = Math.min(widest, element.clientWidth * (window.devicePixelRatio || 1));
  return WIDTHS.find((width) => width >= wanted) ?? widest;
}

/**
 * Renews the picture inside `frame` (an element with an img and a note). The old picture stays
 * until the new one is decoded. After a failure the frame shows a message, and the Trouble is
 * thrown.
 */
export async function renew(frame, camera, width, signal) {
  const image = frame.querySelector("img");
  try {
    const { body, headers } = await ask(thumbnailAddress(camera, width), { as: "blob", signal });
    const address = await decoded(body);
    if (signal?.aborted) {
      URL.revokeObjectURL(address);
      return;
    }
    put(image, address);
    setAge(frame, Number.parseInt(headers.get(STILL_TIME) ?? "", 10));
    say(frame, "shown", "");
  } catch (trouble) {
    if (trouble instanceof Trouble) sayTrouble(frame, trouble);
    throw trouble;
  }
}

async function decoded(blob) {
  const address = URL.createObjectURL(blob);
  const probe = new Image();
  probe.src = address;
  try {
    await probe.decode();
    return address;
  } catch {
    URL.revokeObjectURL(address);
    throw new Trouble("unreadable");
  }
}

function put(image, address) {
  const old = shown.get(image);
  shown.set(image, address);
  image.removeAttribute("srcset");
  image.src = address;
  if (old) URL.revokeObjectURL(old);
}

/** Removes the picture, so that nothing of the last camera stays. */
export function clear(frame) {
  const image = frame.querySelector("img");
  const old = shown.get(image);
  if (old) URL.revokeObjectURL(old);
  shown.delete(image);
  image.removeAttribute("srcset");
  image.removeAttribute("src");
  forgetAge(frame);
  say(frame, "loading", "Loading");
}

/**
 * Sets the state and the words of a frame. States: loading, shown, stale (an old picture that could
 * not be renewed), empty.
 */
export function say(frame, state, words) {
  frame.dataset.state = state;
  const note = frame.querySelector(".picture-words");
  if (note.textContent !== words) note.textContent = words;
  tell(frame);
}

function sayTrouble(frame, trouble) {
  // 404 means that there is no picture now, or that the person may not see it now. So the old one
  // is removed too.
  if (trouble.kind === "missing" || trouble.kind === "ended") {
    clear(frame);
    say(frame, "empty", frame.dataset.missing ?? "No picture yet");
  } else if (frame.dataset.state === "shown" || frame.dataset.state === "stale") {
    say(frame, "stale", "");
  } else {
    say(frame, "empty", trouble.kind === "offline" ? "No connection" : "The picture didn't load");
  }
}
