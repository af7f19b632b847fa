// The video's buffer: what comes is put at the end of what there is, and what was played goes.
// Must never leave a hole in the video's time.

const KEPT_SECONDS = 10;

export const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
export const typeOf = (codecs) => `video/mp4; codecs="${codecs.join(",")}"`;
export const plays = (codecs) => Source.isTypeSupported(typeOf(codecs));

/**
 * Hands media to the video. What comes after a gap is put at the end of what there is, so the
 * video's time has no holes, and goes up even if the camera's time starts again.
 */
export function screenOf(video, onFailure) {
  const source = new Source();
  const address = URL.createObjectURL(source);
  const queue = [];
  /** The stretches of media, each with its place: the video's time less the camera's. */
  const stretches = [];
  let keys = [];
  let buffer = null;
  let usedType = "";
  let isClosed = false;

  const end = () => (buffer?.buffered.length ? buffer.buffered.end(buffer.buffered.length - 1) : 0);

  function pump() {
    if (isClosed || source.readyState !== "open" || buffer?.updating) return;
    try {
      if (trim(KEPT_SECONDS) || !queue.length) return;
      const { type, run, start, isKey, bytes } = queue[0];
      if (type) useType(type);
      if (run) {
        const place = Math.max(end(), video.currentTime) - start;
        buffer.timestampOffset = place;
        stretches.push({ from: start + place, place, run });
        if (stretches.length > 8) stretches.shift();
      }
      if (isKey) keys.push(start + stretches.at(-1).place);
      buffer.appendBuffer(bytes);
      queue.shift();
    } catch (error) {
      if (error.name !== "QuotaExceededError" || !trim(1)) onFailure();
    }
  }

  function useType(type) {
    if (type === usedType) return;
    usedType = type;
    if (buffer) {
      buffer.changeType(type);
      return;
    }
    buffer = source.addSourceBuffer(type);
    buffer.addEventListener("updateend", pump);
    buffer.addEventListener("error", onFailure);
  }

  /**
   * Removes what was played `seconds` ago. It cuts at a key frame only: the browser removes up to
   * the next one, and without a next one everything.
   */
  function trim(seconds) {
    const cut = keys.findLast((key) => key <= video.currentTime - seconds);
    if (cut === undefined || !buffer?.buffered.length || cut <= buffer.buffered.start(0) + 1) {
      return false;
    }
    keys = keys.filter((key) => key >= cut);
    buffer.remove(0, cut);
    return true;
  }

  source.addEventListener("sourceopen", () => {
    URL.revokeObjectURL(address);
    pump();
  });
  video.src = address;

  return {
    end,
    ranges: () => Array.from({ length: buffer?.buffered.length ?? 0 },
      (_, index) => [buffer.buffered.start(index), buffer.buffered.end(index)]),
    add(item) {
      queue.push(item);
      pump();
    },
    isFull: () => queue.length > 1_000,
    /** Returns when the picture at `time` was new, by this device's clock, or null. */
    bornAt(time) {
      const here = stretches.findLast((each) => each.from <= time + 0.001) ?? stretches[0];
      return here ? (time - here.place) * 1000 + here.run.base.value : null;
    },
    close() {
      isClosed = true;
      URL.revokeObjectURL(address);
      video.removeAttribute("src");
      video.load();
    },
  };
}
