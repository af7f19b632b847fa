// The live picture: the page reads the segment that the camera is sending just now, frame by frame,
// and the video stays close to its end.
// Must never show an old picture as if it were live, nor stay frozen until a reload.
// Long: what is asked, what is shown and when to start anew depend on one another.

import { boxesIn, inside, timesOf, tracksOf, viewOf, writtenAt } from "./boxes.js";
import { Source, plays, screenOf, typeOf } from "./screen.js";

const TICK_MILLISECONDS = 100;
const TELL_MILLISECONDS = 500;
/** A picture of this age is not live any more, and a camera of this age is offline. */
const STALE_MILLISECONDS = 3_000;
const OFFLINE_MILLISECONDS = 10_000;
/** From here on a line is too slow, unless it makes up for it in a short time. */
const LATE_MILLISECONDS = 900;
const CATCH_UP_MILLISECONDS = 3_000;
/** An answer that took the edge this long was waited for, so its first picture is new. */
const WAITED_MILLISECONDS = 300;
const QUIET_MILLISECONDS = 4_000;
const ANSWER_MILLISECONDS = 13_000;
const RETRY_MILLISECONDS = [100, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 5_000];
const LOOK_AHEAD_MILLISECONDS = 400;
/**
 * How far behind the end of what has come the video plays, beside the length of a fragment. Beyond
 * `band` it plays faster, until it has `reached` the least.
 */
const BEHIND_SECONDS = { least: 0.12, reached: 0.02, band: 0.08, far: 0.9, farAtFirst: 0.45 };
const JUMP_MILLISECONDS = 500;
const JUST_OPENED_MILLISECONDS = 2_000;
/** A video that stands still for this long although this much more is there needs a push. */
const STUCK_MILLISECONDS = 1_000;
const MORE_SECONDS = 1;
/** Pictures that come in time for this long, and none is live: the decoder has got lost. */
const BLANK_MILLISECONDS = 4_000;
const SLACK_SECONDS = { step: 0.05, most: 0.4, lost: 0.002 };
/** A step of the camera's time that is a gap, and what a head that is opened again may repeat. */
const GAP_SECONDS = 0.3;
const REPEATED_SECONDS = 25;
const UNIT_BYTES_MAX = 9 * 1024 * 1024;
/** Two clocks never go alike: a least value creeps up by this much a millisecond. */
const CREEP = 0.0002;
/** A camera's clock is believed if a picture of its takes this long to come. */
const PRFT_MILLISECONDS = { before: 100, after: 3_000 };
/** A tick that is this late: the device slept. A page that is hidden for this long stops. */
const SLEPT_MILLISECONDS = 5_000;
const AWAY_MILLISECONDS = 10_000;
const MEDIA_FAILURES = 2;
const CODEC_RETRY_MILLISECONDS = 10_000;
const FREE = [0x66, 0x72, 0x65, 0x65];

const NAMES = {
  avc1: "H.264", avc3: "H.264", hvc1: "H.265 (HEVC)", hev1: "H.265 (HEVC)", vvc1: "H.266 (VVC)",
  av01: "AV1", vp09: "VP9", mp4v: "MPEG-4 Part 2", jpeg: "Motion JPEG", mjpg: "Motion JPEG",
};

const now = () => performance.now();
const pause = (milliseconds, signal) => new Promise((resolve) => {
  setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", resolve, { once: true });
});

/**
 * Why following stopped: "ended", "off", "busy", "cut", "slow", "codec", "media", "stale"
 * or "away".
 */
class Trouble extends Error {
  constructor(kind, wait = 0) {
    super(kind);
    this.kind = kind;
    this.wait = wait;
  }
}

/** Names what went wrong. What reads past its bytes is no media. */
function troubleOf(reason) {
  if (reason instanceof Trouble) return reason;
  return new Trouble(reason instanceof RangeError ? "media" : "cut");
}

/** The least of the values told lately. */
function least() {
  let at = 0;
  return {
    value: Infinity,
    tell(next) {
      this.value = Math.min(next, this.value + (now() - at) * CREEP);
      at = now();
    },
  };
}

/** Says whether many requests share one connection, by how the page itself came. */
export function isMultiplexed() {
  return /^h[23]/.test(performance.getEntriesByType("navigation")[0]?.nextHopProtocol ?? "");
}

const nameOf = (codecs) => NAMES[codecs[0]?.slice(0, 4)] ?? codecs[0] ?? "";
const isSame = (one, other) => one?.length === other.length
  && one.every((byte, index) => byte === other[index]);

/**
 * Plays the live picture of the camera at `base` (".../cameras/{camera}") until `stop()` is called.
 * It comes back by itself after whatever happens, but not after "ended": the session is over.
 *
 * `onState` is told {state, latency, head_ms, codec, key_frame_milliseconds, stream, instead_of}:
 * the state ("connecting", "live", "offline", "codec" or "ended"), the picture's age in
 * milliseconds, when the newest picture came to the edge, and what nothing here could decode.
 * Whatever the state, only "live" may be shown: the video may hold an old picture.
 *
 * `looksAhead` says whether there is a connection to ask for the next segment in time.
 */
export function play(video, base, options = {}) {
  const { onState = () => {}, sound = true, looksAhead = isMultiplexed } = options;
  /** What a trouble aborts: the questions, or the pause before the next ones. */
  let control = new AbortController();
  let isOver = false;
  let isEnded = false;
  let isCodec = false;
  let isSlow = false;
  let failures = 0;
  let mediaFailures = 0;
  /** What this browser doesn't decode: its name, and the codecs that it only claims to decode. */
  let unplayable = "";
  const failed = new Set();
  let screen = null;
  let stream = null;
  /** The camera's time since it started: its init, its tracks, and how timely its pictures come. */
  let run = null;
  let clock = least();
  const trip = least();
  let head = null;
  let deadline = Infinity;
  let quiet = QUIET_MILLISECONDS;
  /** How late the newest fragment came, in milliseconds. */
  let lag = 0;
  let timelyAt = -Infinity;
  /** How long the newest fragment is, in milliseconds. */
  let fragment = 0;
  /** Since when timely fragments come, and no live picture. */
  let blankSince = null;
  let openedAt = 0;
  let jumpedAt = 0;
  let isCatchingUp = false;
  let slack = 0;
  let slackAt = 0;
  let stuck = { at: -1, since: 0, times: 0 };
  let waitingSince = now();
  let shownAt = -Infinity;
  let told = { state: "", at: 0 };
  let awaySince = null;
  let wall = Date.now();

  const edgeNow = () => (clock.value < Infinity ? now() - clock.value : Date.now());
  const giveUp = (kind) => control.abort(new Trouble(kind));

  async function get(path, signal) {
    const response = await fetch(base + path, {
      credentials: "same-origin", redirect: "error", cache: "no-store", signal,
    });
    const time = Number(response.headers.get("Eyesonly-Time"));
    if (time > 0) clock.tell(now() - time);
    if (response.ok) return response;
    response.body?.cancel().catch(() => {});
    const wait = Math.min(Number(response.headers.get("Retry-After")) || 0, 30) * 1000;
    const kinds = { 401: "ended", 404: "off", 410: "off", 429: "busy", 503: "busy" };
    throw new Trouble(kinds[response.status] ?? "cut", wait);
  }

  /** Chooses the first stream that the browser decodes, with or without its sound. */
  function choose(listed) {
    if (!listed?.length) throw new Trouble("off");
    const streams = listed.map((each) => ({ ...each, codecs: each.codecs.split(/, */) }));
    const isPlayable = ({ codecs }) => !failed.has(codecs[0]) && plays(codecs.slice(0, 1));
    const found = streams.find(isPlayable);
    unplayable = found === streams[0] ? "" : nameOf(streams[0].codecs);
    if (!found) throw new Trouble("codec");
    return found;
  }

  /** Opens the head, then one segment after the other, until something is in the way. */
  async function session(signal) {
    const askedAt = now();
    deadline = now() + ANSWER_MILLISECONDS;
    const { streams } = await (await get("/live", signal)).json();
    trip.tell(now() - askedAt);
    stream = choose(streams);
    quiet = QUIET_MILLISECONDS + (stream.key_frame_milliseconds ?? 0);
    const follow = (after) => {
      const query = new URLSearchParams({ stream: stream.name, ...(after && { after }) });
      return get(`/live/next?${query}`, signal);
    };
    // On a slow line the running segment is half over before it could be here. The next one is new.
    let after = isSlow ? stream.head : null;
    let isChained = false;
    let ahead = null;
    isSlow = false;
    for (;;) {
      deadline = now() + ANSWER_MILLISECONDS;
      const askedEdgeAt = edgeNow();
      const early = await ahead;
      const answer = early ?? await follow(after);
      const waited = Number(answer.headers.get("Eyesonly-Time")) - askedEdgeAt;
      const segment = (answer.headers.get("Content-Location") ?? "").split("/").at(-1);
      if (!isChained) openedAt = now();
      ahead = null;
      const timer = looksAhead() && setTimeout(() => {
        // On a line that is late already, two answers at once would make it later.
        if (lag < LATE_MILLISECONDS / 3) ahead = follow(segment).catch(() => null);
      }, Math.max(100, (stream.key_frame_milliseconds ?? 1_000) - LOOK_AHEAD_MILLISECONDS));
      try {
        await feed(answer, {
          isChained,
          isNew: !early && waited > WAITED_MILLISECONDS,
          arrived: segment === stream.head ? stream.arrived_milliseconds : null,
        });
      } finally {
        clearTimeout(timer);
      }
      after = segment;
      isChained = true;
    }
  }

  async function feed(answer, how) {
    const reader = answer.body.getReader();
    const opened = { ...how, isFirst: true, late: null };
    let rest = new Uint8Array(0);
    for (;;) {
      deadline = now() + quiet;
      const { done, value } = await reader.read();
      if (done && opened.isFirst) throw new Trouble("cut");
      if (done) return;
      const all = new Uint8Array(rest.length + value.length);
      all.set(rest);
      all.set(value, rest.length);
      rest = all.slice(take(all, opened));
      if (rest.length > UNIT_BYTES_MAX) throw new Trouble("media");
    }
  }

  /** Takes the whole inits and fragments from `bytes`, and returns where the rest starts. */
  function take(bytes, opened) {
    const view = viewOf(bytes);
    let from = 0;
    let prft = null;
    let moof = null;
    for (const box of boxesIn(view, 0, bytes.length)) {
      if (box.kind === "prft") prft = box;
      if (box.kind === "moof") moof = box;
      if (box.kind === "moov") takeInit(bytes.slice(from, box.end));
      if (box.kind === "mdat" && moof) {
        takeFragment(bytes.slice(from, box.end), view, moof, prft, opened, from);
        prft = null;
        moof = null;
      }
      if (box.kind === "moov" || box.kind === "mdat") from = box.end;
    }
    return from;
  }

  function takeInit(bytes) {
    if (screen && isSame(run?.init, bytes)) return;
    const init = bytes.slice();
    const view = viewOf(init);
    const moov = boxesIn(view, 0, init.length).find((box) => box.kind === "moov");
    const tracks = tracksOf(view, moov);
    const picture = [...tracks.values()].find((track) => track.isVideo);
    if (!picture) throw new Trouble("media");
    // The edge tells the whole names. If it told of other codecs, the camera has just changed them.
    const nameIn = (track) => stream.codecs.find((name) => name.startsWith(track.kind));
    const codecs = [nameIn(picture)];
    if (!codecs[0]) throw new Trouble("cut");
    for (const track of tracks.values()) {
      if (track === picture) continue;
      const name = sound && codecs.length === 1 && !track.isVideo ? nameIn(track) : null;
      if (name && plays([...codecs, name])) codecs.push(name);
      else leaveOut(init, track);
    }
    run = { init: bytes, tracks, codecs, base: least(), uplink: least(), end: null, key: null };
    screen ??= screenOf(video, () => giveUp("media"));
    screen.add({ type: typeOf(codecs), bytes: init });
  }

  /** Takes a track out of the init, so that a sound that can't be decoded costs no picture. */
  function leaveOut(init, track) {
    track.isOut = true;
    for (const box of [track.box, track.trex]) if (box) init.set(FREE, box.at + 4);
  }

  function takeFragment(bytes, view, moof, prft, opened, from) {
    if (!run) throw new Trouble("media");
    let isEmpty = true;
    let times = null;
    for (const traf of inside(view, moof, "traf")) {
      const [tfhd] = inside(view, traf, "tfhd");
      const track = run.tracks.get(view.getUint32(tfhd.body + 4));
      if (!track || track.isOut) {
        bytes.set(FREE, traf.at - from + 4);
        continue;
      }
      isEmpty = false;
      if (track.isVideo) times = timesOf(view, traf, track);
    }
    // What sounds before the first picture has no place yet.
    if (isEmpty || (!times && opened.isFirst)) return;
    if (!times) return screen.add({ bytes });
    steer();
    const isNewStretch = findRun(times, opened);
    screen.add({ bytes, start: times.start, isKey: times.isKey, run: isNewStretch ? run : null });
    if (screen.isFull()) throw new Trouble("media");
    if (prft) run.uplink.tell(edgeNow() - writtenAt(view, prft));
    measure(times, opened);
    opened.isFirst = false;
  }

  /** Says if a picture doesn't follow the one before. If the camera's time falls, a run begins. */
  function findRun({ start, end }, opened) {
    const isReopened = opened.isFirst && !opened.isChained;
    const step = run.end === null ? null : start - run.end;
    run.end = end;
    if (step === null) return true;
    if (step < (isReopened ? -REPEATED_SECONDS : -GAP_SECONDS)) {
      run = { ...run, base: least(), uplink: least(), key: null };
    }
    return isReopened || Math.abs(step) > GAP_SECONDS;
  }

  /**
   * Measures how far what comes is behind the world: how much later it comes than the most timely
   * one of its run. The camera's own clock has no say in it, because it may be wrong by hours.
   */
  function measure({ start, end, isKey }, opened) {
    const at = now();
    const offset = at - end * 1000;
    if (opened.isFirst && opened.arrived && clock.value < Infinity) {
      run.base.tell(opened.arrived + clock.value - end * 1000);
    }
    if (opened.isFirst && opened.isNew) run.base.value = offset;
    run.base.tell(offset);
    lag = offset - run.base.value;
    head = Math.max(head ?? 0, edgeNow() - lag);
    fragment = (end - start) * 1000;
    quiet = QUIET_MILLISECONDS + 2 * fragment;
    timelyAt = lag < LATE_MILLISECONDS ? at : -Infinity;
    if (isKey && run.key !== null && opened.isChained && start > run.key) {
      stream.key_frame_milliseconds = Math.round((start - run.key) * 1000);
    }
    if (isKey) run.key = start;
    const { late } = opened;
    if (lag < LATE_MILLISECONDS) opened.late = null;
    else if (!late) opened.late = { at, lag };
    else if (at - late.at > 500) {
      // A line that makes up for it is left in peace.
      const gain = (late.lag - lag) / (at - late.at);
      if (lag > CATCH_UP_MILLISECONDS * gain) throw new Trouble("slow");
      opened.late = { at, lag };
    }
  }

  // ---- steering -------------------------------------------------------------------------------

  function jump() {
    jumpedAt = now();
    video.currentTime = Math.max(0, screen.end() - BEHIND_SECONDS.least - slack);
  }

  /** Keeps the video close to the end. It is called just before more comes. */
  function steer() {
    if (video.seeking || screen.end() === 0) return;
    const { least: close, reached, band, far, farAtFirst } = BEHIND_SECONDS;
    const behind = screen.end() - video.currentTime - slack;
    const isFirst = now() - openedAt < JUST_OPENED_MILLISECONDS;
    if (behind > (isFirst ? farAtFirst : far) && now() - jumpedAt > JUMP_MILLISECONDS) jump();
    if (behind > close + band) isCatchingUp = true;
    else if (behind < close + reached) isCatchingUp = false;
    const off = isCatchingUp ? behind - close : Math.min(0, behind - close);
    const rate = Math.min(1.1, Math.max(0.92, 1 + off / 2));
    if (Math.abs(rate - video.playbackRate) > 0.005) video.playbackRate = rate;
  }

  /** Gets the video going again if it stands still although there is more. */
  function unstick() {
    if (video.paused) video.play().catch(() => {});
    const at = video.currentTime;
    if (at !== stuck.at) stuck = { at, since: now(), times: 0 };
    const ranges = screen.ranges();
    const isInside = ranges.some(([start, end]) => start <= at && at < end);
    const gap = isInside ? null : ranges.find(([start]) => start > at);
    if (gap && !video.seeking) video.currentTime = gap[0] + 0.001;
    const isMore = screen.end() - at > MORE_SECONDS;
    if (!isMore || now() - stuck.since < STUCK_MILLISECONDS) return;
    stuck = { at, since: now(), times: stuck.times + 1 };
    if (stuck.times > 2) giveUp("media");
    else jump();
  }

  /** Stays further behind for some minutes, on a line that comes and goes. */
  function onWaiting() {
    const isSettled = now() - Math.max(openedAt, jumpedAt, slackAt) > JUST_OPENED_MILLISECONDS;
    if (video.seeking || told.state !== "live" || !isSettled) return;
    slackAt = now();
    slack = Math.min(SLACK_SECONDS.most, slack + SLACK_SECONDS.step);
  }

  // ---- states -----------------------------------------------------------------------------------

  /** Returns how old the shown picture is in milliseconds, or Infinity if nobody knows. */
  function age() {
    if (!screen || video.videoWidth === 0) return Infinity;
    // While it seeks, the video still has the picture from before.
    if (video.seeking) return now() - shownAt;
    const born = video.readyState >= 2 ? screen.bornAt(video.currentTime) : null;
    if (born === null) return Infinity;
    const { value } = run?.uplink ?? least();
    const isPlausible = value > -PRFT_MILLISECONDS.before && value < PRFT_MILLISECONDS.after;
    return Math.max(0, now() - born + (isPlausible ? Math.max(0, value) : trip.value / 2));
  }

  function stateAt(latency) {
    if (isEnded) return "ended";
    // Of a camera that sends long fragments, no picture is younger than a fragment.
    if (latency < STALE_MILLISECONDS + 2 * fragment) return "live";
    if (isCodec) return "codec";
    const isLong = now() - Math.max(waitingSince, shownAt) > OFFLINE_MILLISECONDS;
    return isLong ? "offline" : "connecting";
  }

  function tell() {
    const latency = age();
    const state = stateAt(latency);
    if (state === "live") {
      shownAt = now() - latency;
      failures = 0;
      mediaFailures = 0;
      isCodec = false;
    }
    if (state === told.state && now() - told.at < TELL_MILLISECONDS) return;
    // Whatever the video still holds by now is old. What comes next starts anew.
    if (state === "offline" && state !== told.state && screen) giveUp("stale");
    told = { state, at: now() };
    try {
      onState({
        state,
        latency: Number.isFinite(latency) ? Math.round(latency) : null,
        head_ms: head === null ? null : Math.round(head),
        codec: state === "codec" ? unplayable : nameOf(run?.codecs ?? stream?.codecs ?? []),
        key_frame_milliseconds: stream?.key_frame_milliseconds ?? null,
        stream: stream?.name ?? null,
        instead_of: unplayable,
      });
    } catch { /* The page's own failure must not stop the picture. */ }
  }

  function look() {
    const slept = Date.now() - wall > SLEPT_MILLISECONDS;
    wall = Date.now();
    const isAway = document.hidden && document.pictureInPictureElement !== video;
    awaySince = isAway ? awaySince ?? now() : null;
    if (slept || (awaySince !== null && now() - awaySince > AWAY_MILLISECONDS)) giveUp("away");
    if (now() > deadline) giveUp("cut");
    slack = Math.max(0, slack - SLACK_SECONDS.lost * TICK_MILLISECONDS / 1000);
    if (screen) unstick();
    tell();
    const isTimely = now() - timelyAt < BLANK_MILLISECONDS / 4 + fragment;
    const isSeen = !document.hidden && !video.paused;
    const isBlank = isTimely && isSeen && screen && told.state !== "live";
    blankSince = isBlank ? blankSince ?? now() : null;
    if (isBlank && now() - blankSince > BLANK_MILLISECONDS + 2 * fragment) {
      blankSince = null;
      giveUp("media");
    }
  }

  function tick() {
    try {
      look();
    } catch {
      giveUp("media");
    }
  }

  function onError() {
    if (screen) giveUp("media");
  }

  /** Asks again at once when there is reason to hope. */
  function onHope() {
    if (document.hidden || told.state === "live") return;
    failures = 0;
    giveUp("cut");
  }

  // ---- for ever ---------------------------------------------------------------------------------

  function close() {
    screen?.close();
    screen = null;
    run = null;
    waitingSince = Math.max(waitingSince, shownAt);
    shownAt = -Infinity;
  }

  /** Takes the consequences of a trouble, and returns how long to wait. */
  function heed({ kind, wait }) {
    isSlow = kind === "slow";
    if (kind === "media" && mediaFailures >= MEDIA_FAILURES && run) failed.add(run.codecs[0]);
    if (kind === "media") mediaFailures += 1;
    if (["media", "stale", "codec", "away", "ended"].includes(kind)) close();
    if (kind === "ended") isEnded = true;
    if (kind === "codec") {
      isCodec = true;
      failed.clear();
      return CODEC_RETRY_MILLISECONDS;
    }
    if (kind === "away") {
      failures = 0;
      clock = least();
      return 0;
    }
    const usual = RETRY_MILLISECONDS[Math.min(failures, RETRY_MILLISECONDS.length - 1)];
    failures += 1;
    // Many pages lose the same edge at the same time. They must not all come back at once.
    return Math.max(wait, usual) * (0.75 + Math.random() / 2);
  }

  async function goOn() {
    while (!isOver && !isEnded) {
      const { signal } = control;
      const error = await session(signal).catch((thrown) => thrown);
      const reason = signal.aborted ? signal.reason : error;
      // This ends what is still being asked ahead.
      control.abort();
      if (isOver) return;
      control = new AbortController();
      deadline = Infinity;
      await pause(heed(troubleOf(reason)), control.signal);
      while (document.hidden && reason.kind === "away" && !isOver) {
        control = new AbortController();
        await pause(AWAY_MILLISECONDS, control.signal);
      }
      if (reason.kind === "away") waitingSince = now();
      control = new AbortController();
    }
    if (!isOver) tell();
    stop();
  }

  function stop() {
    if (isOver) return;
    isOver = true;
    control.abort(new Trouble("away"));
    clearInterval(timer);
    video.removeEventListener("waiting", onWaiting);
    video.removeEventListener("error", onError);
    document.removeEventListener("visibilitychange", onHope);
    window.removeEventListener("online", onHope);
    close();
  }

  video.muted = true;
  video.playsInline = true;
  video.autoplay = true;
  video.disableRemotePlayback = true;
  video.addEventListener("waiting", onWaiting);
  video.addEventListener("error", onError);
  document.addEventListener("visibilitychange", onHope);
  window.addEventListener("online", onHope);
  const timer = setInterval(tick, TICK_MILLISECONDS);
  if (Source) goOn();
  else isCodec = true;
  tell();
  return { stop };
}
