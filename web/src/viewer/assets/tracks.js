// What a clip is made of: the kinds of its tracks, read from the index of the MP4 (ISO/IEC
// 14496-12), and whether this browser plays them.
// Must never trust a length of the file: whatever does not fit is read as "nothing known".

import { ask } from "./ask.js";

/** How much is asked for at once, and how long an index may be. */
const HEAD_BYTES = 64 * 1024;
const INDEX_BYTES_MAX = 1024 * 1024;
/** The most questions until the index is found. */
const QUESTIONS_MAX = 6;
/** The most boxes that are read, in all. */
const BOXES_MAX = 400;

/** For each sample entry: what people call it, and what to ask the browser, if it can be asked. */
const FORMATS = new Map([
  ["avc1", ["H.264"]],
  ["avc3", ["H.264"]],
  ["hvc1", ["H.265 (HEVC)"]],
  ["hev1", ["H.265 (HEVC)"]],
  ["vvc1", ["H.266 (VVC)"]],
  ["av01", ["AV1"]],
  ["vp09", ["VP9"]],
  ["mp4v", ["MPEG-4 Part 2"]],
  ["jpeg", ["Motion JPEG"]],
  ["mjpg", ["Motion JPEG"]],
  ["mp4a", ["AAC", "mp4a.40.2"]],
  ["Opus", ["Opus", "opus"]],
  ["fLaC", ["FLAC", "flac"]],
  [".mp3", ["MP3", "mp3"]],
  ["alac", ["ALAC", "alac"]],
  ["ac-3", ["AC-3", "ac-3"]],
  ["ec-3", ["E-AC-3", "ec-3"]],
  ["ipcm", ["PCM"]],
  ["fpcm", ["PCM"]],
  ["lpcm", ["PCM"]],
  ["sowt", ["PCM"]],
  ["twos", ["PCM"]],
  ["raw ", ["PCM"]],
  ["in24", ["PCM"]],
  ["in32", ["PCM"]],
  ["ulaw", ["G.711"]],
  ["alaw", ["G.711"]],
  ["samr", ["AMR"]],
]);

/**
 * Reads a clip's index. Returns {video, sound}, each the list of its tracks' sample entries such as
 * "hvc1", or null if the file has no index that can be read. Throws a Trouble.
 */
export async function tracksOf(address, signal) {
  let at = 0;
  for (let question = 0; question < QUESTIONS_MAX; question += 1) {
    const bytes = await piece(address, at, HEAD_BYTES, signal);
    let next = 0;
    for (let box = boxAt(bytes, 0); box; box = boxAt(bytes, box.end)) {
      next = box.end;
      if (box.kind !== "moov") continue;
      const length = Math.min(box.end - box.start, INDEX_BYTES_MAX);
      const isHere = box.start + length <= bytes.byteLength;
      const index = isHere ? bytes : await piece(address, at + box.start, length, signal);
      return tracksIn(index, isHere ? box.start : 0);
    }
    at += next;
    if (next === 0 || bytes.byteLength < HEAD_BYTES || !Number.isSafeInteger(at)) return null;
  }
  return null;
}

async function piece(address, from, length, signal) {
  const { body } = await ask(address, { as: "bytes", range: [from, from + length - 1], signal });
  return new DataView(body);
}

/** Returns the box at `start` as {kind, start, content, end}, or null if there is none. */
function boxAt(bytes, start, limit = Number.POSITIVE_INFINITY) {
  if (start + 16 > Math.min(bytes.byteLength, limit)) return null;
  const short = bytes.getUint32(start);
  const isLong = short === 1;
  const length = isLong ? Number(bytes.getBigUint64(start + 8)) : short;
  const content = start + (isLong ? 16 : 8);
  const end = length === 0 ? limit : start + length;
  if (end < content) return null;
  return { kind: kindAt(bytes, start + 4), start, content, end };
}

function kindAt(bytes, at) {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => bytes.getUint8(at + index)));
}

/** Returns the tracks of the index that starts at `start`. */
function tracksIn(bytes, start) {
  const found = { video: [], sound: [] };
  let left = BOXES_MAX;
  let handler = "";
  const visit = (from, limit) => {
    for (let box = boxAt(bytes, from, limit); box; box = boxAt(bytes, box.end, limit)) {
      left -= 1;
      if (left < 0) return;
      const end = Math.min(box.end, limit, bytes.byteLength);
      if (["moov", "trak", "mdia", "minf", "stbl"].includes(box.kind)) visit(box.content, end);
      // A track says what it is before it says what it is made of.
      if (box.kind === "hdlr" && box.content + 12 <= end) handler = kindAt(bytes, box.content + 8);
      if (box.kind === "stsd" && box.content + 16 <= end) {
        const entry = kindAt(bytes, box.content + 12);
        if (handler === "vide") found.video.push(entry);
        if (handler === "soun") found.sound.push(entry);
      }
    }
  };
  visit(start, bytes.byteLength);
  return found;
}

/** Returns what people call the formats, such as "H.265 (HEVC)", or "" if no name is known. */
export function formatNames(entries) {
  const names = entries.map((entry) => FORMATS.get(entry)?.[0]).filter(Boolean);
  return [...new Set(names)].join(", ");
}

/**
 * Says whether this browser plays the sound of one of these tracks, by its own word. It plays some
 * that it does not name: Chromium decodes PCM.
 */
export function playsSound(video, entries) {
  return entries.some((entry) => {
    const codec = FORMATS.get(entry)?.[1] ?? entry.trim();
    return video.canPlayType(`audio/mp4; codecs="${codec}"`) !== "";
  });
}

/** Says whether this player has decoded sound, as far as the browser tells. */
export function hasSound(video) {
  return video.webkitAudioDecodedByteCount > 0
    || video.mozHasAudio === true
    || video.audioTracks?.length > 0;
}
