// The boxes of fragmented MP4, as far as the live picture needs them: tracks, times, key frames.
// Must never read past the bytes that it was given.

const NTP_SECONDS = 2_208_988_800;

export const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const kindAt = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));

/** Returns the whole boxes from `from` on. */
export function boxesIn(view, from, to) {
  const found = [];
  for (let at = from; at + 8 <= to; at = found.at(-1).end) {
    const isLong = view.getUint32(at) === 1;
    if (isLong && at + 16 > to) break;
    const length = isLong ? Number(view.getBigUint64(at + 8)) : view.getUint32(at);
    if (length < 8) throw new RangeError("no box");
    if (at + length > to) break;
    found.push({ kind: kindAt(view, at + 4), at, body: at + (isLong ? 16 : 8), end: at + length });
  }
  return found;
}

/** Returns the boxes that lie in `box` under the path of `kinds`. */
export function inside(view, box, ...kinds) {
  const step = (boxes, kind) => boxes.flatMap((each) => boxesIn(view, each.body, each.end))
    .filter((each) => each.kind === kind);
  return kinds.reduce(step, [box]);
}

/** Returns the init's tracks by their ids. */
export function tracksOf(view, moov) {
  const tracks = new Map();
  for (const box of inside(view, moov, "trak")) {
    const [tkhd] = inside(view, box, "tkhd");
    const [mdhd] = inside(view, box, "mdia", "mdhd");
    const [hdlr] = inside(view, box, "mdia", "hdlr");
    const [stsd] = inside(view, box, "mdia", "minf", "stbl", "stsd");
    const id = view.getUint32(tkhd.body + (view.getUint8(tkhd.body) ? 20 : 12));
    const scale = view.getUint32(mdhd.body + (view.getUint8(mdhd.body) ? 20 : 12));
    const isVideo = kindAt(view, hdlr.body + 8) === "vide";
    tracks.set(id, { box, isVideo, scale, kind: kindAt(view, stsd.body + 12), isOut: false });
  }
  for (const trex of inside(view, moov, "mvex", "trex")) {
    const track = tracks.get(view.getUint32(trex.body + 4));
    Object.assign(track ?? {}, {
      trex, duration: view.getUint32(trex.body + 12), flags: view.getUint32(trex.body + 20),
    });
  }
  return tracks;
}

/** Returns where one track's part of a fragment starts and ends, and if a key frame starts it. */
export function timesOf(view, traf, track) {
  const [tfhd] = inside(view, traf, "tfhd");
  const [tfdt] = inside(view, traf, "tfdt");
  let at = tfhd.body + 8;
  const has = view.getUint32(tfhd.body);
  const next = (bit, length, or) => {
    if (!(has & bit)) return or;
    at += length;
    return view.getUint32(at - 4);
  };
  next(1, 8);
  next(2, 4);
  const usual = next(8, 4, track.duration);
  next(16, 4);
  let flags = next(32, 4, track.flags);
  const isLong = view.getUint8(tfdt.body) === 1;
  const start = isLong ? Number(view.getBigUint64(tfdt.body + 4)) : view.getUint32(tfdt.body + 4);
  let length = 0;
  inside(view, traf, "trun").forEach((trun, index) => {
    const holds = view.getUint32(trun.body);
    const count = view.getUint32(trun.body + 4);
    let from = trun.body + 8 + (holds & 1 ? 4 : 0);
    if (index === 0 && holds & 4) flags = view.getUint32(from);
    from += holds & 4 ? 4 : 0;
    const size = [0x100, 0x200, 0x400, 0x800].filter((bit) => holds & bit).length * 4;
    const before = (holds & 0x100 ? 4 : 0) + (holds & 0x200 ? 4 : 0);
    if (index === 0 && holds & 0x400 && !(holds & 4)) flags = view.getUint32(from + before);
    if (!(holds & 0x100)) length += usual * count;
    else for (let i = 0; i < count; i += 1) length += view.getUint32(from + i * size);
  });
  const { scale } = track;
  return { start: start / scale, end: (start + length) / scale, isKey: !(flags & 0x10000) };
}

/** Returns the time that the camera wrote into a prft box, in milliseconds since 1970. */
export function writtenAt(view, prft) {
  const seconds = view.getUint32(prft.body + 8) - NTP_SECONDS;
  return seconds * 1000 + view.getUint32(prft.body + 12) / 4_294_967.296;
}
