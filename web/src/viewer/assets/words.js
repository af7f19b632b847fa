// The words of the pages: times, durations, kinds of events, and what to do after a failure.
// Must never show a server's words to a person as if they were ours.

// The text is English. Dates have the form of the reader's own English, if that is the browser's
// language.
const LANGUAGE = /^en\b/i.test(navigator.language) ? navigator.language : "en-GB";

const DAY = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(LANGUAGE, {
  weekday: "long", day: "numeric", month: "long", year: "numeric",
});
const WEEKDAY = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long" });
const DATE = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "long" });
const DATE_AND_YEAR = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long" });
const ZONE = new Intl.DateTimeFormat(LANGUAGE, { timeZoneName: "short" });
const TIME = new Intl.DateTimeFormat(LANGUAGE, { timeStyle: "short" });
const TIME_TO_THE_SECOND = new Intl.DateTimeFormat(LANGUAGE, { timeStyle: "medium" });

const KINDS = new Map([
  ["person", "Person"],
  ["motion", "Motion"],
  ["vehicle", "Vehicle"],
  ["animal", "Animal"],
  ["package", "Package"],
  ["doorbell", "Doorbell"],
  ["sound", "Sound"],
]);

export function kindName(kind) {
  return KINDS.get(kind) ?? "Event";
}

/** Returns the address of a kind's drawing. An unknown kind has the drawing "other". */
export function kindIcon(kind) {
  return `/assets/icons.svg#${KINDS.has(kind) ? kind : "other"}`;
}

/** Returns the label, unless it only repeats the kind. */
export function labelOf(event) {
  const label = typeof event.label === "string" ? event.label.trim() : "";
  return label.toLowerCase() === kindName(event.kind).toLowerCase() ? "" : label;
}

/** Returns the day in the reader's own time zone, as a key: 2026-01-31. */
export function dayKey(time) {
  const digits = (number, length) => String(number).padStart(length, "0");
  const [month, day] = [time.getMonth() + 1, time.getDate()];
  return `${digits(time.getFullYear(), 4)}-${digits(month, 2)}-${digits(day, 2)}`;
}

/** Returns midnight of the day that is `days` before the day of `time`. */
function daysBefore(time, days) {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate() - days);
}

export function dayName(time, now = new Date()) {
  if (Number.isNaN(time.getTime())) return "Day unknown";
  if (dayKey(time) === dayKey(now)) return "Today";
  if (dayKey(time) === dayKey(daysBefore(now, 1))) return "Yesterday";
  return time.getFullYear() === now.getFullYear() ? DAY.format(time) : DAY_AND_YEAR.format(time);
}

export function wholeDate(time) {
  return Number.isNaN(time.getTime()) ? "Unknown" : DAY_AND_YEAR.format(time);
}

/**
 * Returns the time of day. On a day on which the clocks change, the zone's name follows, because
 * there an hour may come twice.
 */
export function timeOfDay(time, toTheSecond = false) {
  if (Number.isNaN(time.getTime())) return "Unknown";
  const words = (toTheSecond ? TIME_TO_THE_SECOND : TIME).format(time);
  const [start, end] = [daysBefore(time, 0), daysBefore(time, -1)];
  if (start.getTimezoneOffset() === end.getTimezoneOffset()) return words;
  const zone = ZONE.formatToParts(time).find((part) => part.type === "timeZoneName");
  return zone ? `${words} ${zone.value}` : words;
}

/** Returns the age of a picture that is not old: "now", "20 s ago", "3 min ago". */
export function ageWords(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 10) return "now";
  return seconds < 60 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
}

/**
 * Returns a moment as it follows "since": the time if it was today, with the weekday if it was in
 * the last six days, else with the date.
 */
export function sinceWords(time, now) {
  const [day, at] = [dayKey(time), timeOfDay(time)];
  if (day === dayKey(now)) return at;
  for (let days = 1; days <= 6; days += 1) {
    if (day === dayKey(daysBefore(now, days))) return `${WEEKDAY.format(time)} ${at}`;
  }
  const isThisYear = time.getFullYear() === now.getFullYear();
  return `${(isThisYear ? DATE : DATE_AND_YEAR).format(time)}, ${at}`;
}

export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds) || milliseconds < 0) return "";
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** Returns a wait in words: "30 seconds", "2 minutes". */
function waiting(seconds) {
  if (seconds === null) return "a little";
  if (seconds < 90) return seconds === 1 ? "1 second" : `${Math.max(1, seconds)} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

/** Says how long to wait after too many tries. */
export function triesWords(trouble) {
  return `Too many tries. Wait ${waiting(trouble.retryAfterSeconds)}, then try again.`;
}

/**
 * Says what happened, and what to do next. `failed` names what was tried, such as "The events
 * didn't load".
 */
export function explain(trouble, failed) {
  switch (trouble?.kind) {
    case "offline":
      return `${failed}: there is no connection. Check this device's network, then try again.`;
    case "throttled":
      return `${failed}: too many requests just now. Wait ${waiting(trouble.retryAfterSeconds)}, then try again.`;
    case "busy":
      return `${failed}: the server can't answer right now. Wait ${waiting(trouble.retryAfterSeconds)}, then try again.`;
    case "refused":
      // A missing right is "missing". So this is about the way here, and its cure is the server's.
      return `${failed}: the server took this for another site's page. If a proxy stands in front `
        + "of it, that proxy must hand on Host, or the server needs public_url. Tell whoever runs it.";
    case "missing":
      return `${failed}: it isn't there any more, or isn't shared with you.`;
    case "conflict":
      return `${failed}: something has changed meanwhile. Reload the page and look again.`;
    case "unusable":
      return `${failed}: it can't be done in this way. Check what you gave.`;
    default:
      return `${failed}: something went wrong on the server. Try again; if it stays, reload the page.`;
  }
}
