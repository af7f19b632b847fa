// The questions that the pages ask the server, and the one thing that the pages remember: the
// address of the wall.
// Must never keep footage or a password anywhere, nor follow an address that is not this server's
// own.

import { hear } from "./clock.js";

const REMEMBERED_AS = "eyesonly.wall";
const WALL_ADDRESS = /^\/v1\/[A-Za-z0-9._~-]{1,200}\/$/;

// Long enough for a slow line, and short enough that nobody waits at "Loading" for ever.
const WAIT_MILLISECONDS = 20_000;

/**
 * A failure, in few kinds: "offline", "ended" (log in again), "missing", "refused" (as if another
 * site had sent it), "conflict", "unusable", "throttled", "busy", "unreadable", "not-here" (this
 * edition does not have it) or "unexpected".
 */
export class Trouble extends Error {
  constructor(kind, retryAfterSeconds = null) {
    super(kind);
    this.name = "Trouble";
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Says whether a request was given up on purpose, which is no trouble. */
export function wasGivenUp(error) {
  return error?.name === "AbortError";
}

/**
 * Asks, and returns {body, headers}, or throws a Trouble unless the answer is a 2xx. `as` says how
 * to read the body: blob, json, bytes or none. `range` is the first and the last byte wanted.
 */
export async function ask(address, { method = "GET", body, as = "none", range, signal } = {}) {
  const timeout = AbortSignal.timeout(WAIT_MILLISECONDS);
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (range) headers.Range = `bytes=${range[0]}-${range[1]}`;
  try {
    const response = await fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.ok) hear(response.headers.get("Date"));
    // Until its body is read, an answer blocks its connection for the next question.
    const answer = await (response.ok ? bodyOf(response, as) : response.arrayBuffer());
    if (!response.ok) throw troubleOf(response);
    return { body: answer, headers: response.headers };
  } catch (error) {
    if (error instanceof Trouble) throw error;
    if (signal?.aborted) throw new DOMException("given up", "AbortError");
    if (error instanceof SyntaxError) throw new Trouble("unreadable");
    throw new Trouble("offline");
  }
}

function bodyOf(response, as) {
  if (as === "blob") return response.blob();
  return as === "json" ? response.json() : response.arrayBuffer();
}

function troubleOf(response) {
  const wait = secondsOf(response.headers.get("Retry-After"));
  switch (response.status) {
    case 401: return new Trouble("ended");
    case 403: return new Trouble("refused");
    case 404: case 410: return new Trouble("missing");
    case 409: return new Trouble("conflict");
    case 422: return new Trouble("unusable");
    case 429: return new Trouble("throttled", wait);
    case 501: return new Trouble("not-here");
    case 502: case 503: case 504: return new Trouble("busy", wait);
    default: return new Trouble("unexpected");
  }
}

/** Reads Retry-After, which is a number of seconds or a date (RFC 9110, 10.2.3). */
function secondsOf(text) {
  if (!text) return null;
  if (/^\d+$/.test(text)) return Number(text);
  const milliseconds = Date.parse(text) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, Math.ceil(milliseconds / 1000)) : null;
}

/** Returns the wall's address as a path of this server, or null if it is anything else. */
export function wallAddress(location) {
  if (!location) return null;
  const address = new URL(location, window.location.origin);
  if (address.origin !== window.location.origin) return null;
  return WALL_ADDRESS.test(address.pathname) ? address.pathname : null;
}

// A browser may refuse storage. In that case nothing is remembered, and everything else works.
export function rememberWall(address) {
  try { localStorage.setItem(REMEMBERED_AS, address); } catch { /* not remembered */ }
}

export function rememberedWall() {
  try { return wallAddress(localStorage.getItem(REMEMBERED_AS)); } catch { return null; }
}

export function forgetWall() {
  try { localStorage.removeItem(REMEMBERED_AS); } catch { /* nothing was remembered */ }
}

/** Calls back when another tab logs out, or logs in as another person. */
export function whenWallChangesElsewhere(callback) {
  window.addEventListener("storage", (event) => {
    if (event.key !== null && event.key !== REMEMBERED_AS) return;
    if (rememberedWall() !== window.location.pathname) callback();
  });
}
