// The place of the person within the page: the part of the address after "#", so that "back" works
// and a place can be bookmarked.
//   (nothing) the wall · still=ID one camera's picture, enlarged
//   camera=ID its events · camera=ID&event=ID one event
// Must never carry anything but ids, because browsers keep addresses in their history.

/** Returns the place as {still, camera, event}. Each is an id or null. */
export function place() {
  const words = new URLSearchParams(window.location.hash.slice(1));
  return { still: words.get("still"), camera: words.get("camera"), event: words.get("event") };
}

function written(target) {
  const words = new URLSearchParams();
  for (const [key, id] of Object.entries(target)) if (id) words.set(key, id);
  const text = words.toString();
  return window.location.pathname + (text ? `#${text}` : "");
}

function current() {
  return window.location.pathname + (window.location.hash.length > 1 ? window.location.hash : "");
}

let changed = () => {};

export function whenPlaceChanges(callback) {
  changed = callback;
  window.addEventListener("popstate", callback);
}

/** Goes deeper. "back" returns to the present place. */
export function go(target) {
  if (written(target) === current()) return;
  window.history.pushState({ from: current() }, "", written(target));
  changed();
}

/** Replaces the present place by a sibling. */
export function turn(target) {
  window.history.replaceState(window.history.state, "", written(target));
  changed();
}

/** Goes up. If the person came from there, it goes back, so that the history does not grow. */
export function up(target) {
  if (written(target) === current()) return;
  if (window.history.state?.from === written(target)) {
    window.history.back();
  } else {
    window.history.replaceState(null, "", written(target));
    changed();
  }
}
