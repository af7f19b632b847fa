"""libvips beside the thumbnail handler: one thread, no cache, from memory to memory. It also makes
the sources that are not in the repository.

It reads one JSON question a line, and answers each with one JSON line:
  {"make": {"from": [FILE, …], "to": FOLDER}}   -> {"noisy": [FILE, …], "progressive": [FILE, …]}
  {"measure": {"files": [FILE, …], "calls": N, "width": W}}
      -> {"cpu_seconds": CPU of this process for all the calls}
"""

import json
import os
import sys
import time

os.environ["VIPS_CONCURRENCY"] = "1"

import pyvips  # noqa: E402  (after the setting: it is read once)

# The quality that the thumbnail handler encodes with.
QUALITY = 80
# The quality of the sources, which is about that of cameras.
SOURCE_QUALITY = 85
# A small sensor's noise by daylight, in levels of 255.
NOISE_SIGMA = 6

pyvips.cache_set_max(0)


def make(names, folder):
    """Writes the drawn stills with a sensor's noise, and as progressive JPEG."""
    made = {"noisy": [], "progressive": []}
    for name in names:
        picture = pyvips.Image.new_from_file(name)
        noise = pyvips.Image.gaussnoise(picture.width, picture.height, sigma=NOISE_SIGMA)
        variants = {
            "noisy": ((picture + noise).cast("uchar"), False),
            "progressive": (picture, True),
        }
        for kind, (pixels, interlaced) in variants.items():
            path = os.path.join(folder, f"{kind}-{os.path.basename(name)}")
            pixels.copy(interpretation="srgb").jpegsave(
                path, Q=SOURCE_QUALITY, interlace=interlaced
            )
            made[kind].append(path)
    return made


def measure(names, calls, width):
    """Measures the CPU of the whole process, so that nothing hides in another thread."""
    sources = []
    for name in names:
        with open(name, "rb") as file:
            sources.append(file.read())
    for source in sources:
        thumbnail(source, width)
    before = time.process_time()
    for call in range(calls):
        thumbnail(sources[call % len(sources)], width)
    return {"cpu_seconds": time.process_time() - before}


def thumbnail(source, width):
    return pyvips.Image.thumbnail_buffer(source, width).jpegsave_buffer(Q=QUALITY)


def main():
    version = ".".join(str(pyvips.version(part)) for part in range(3))
    print(f"ready libvips {version}", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if "make" in question:
            answer = make(question["make"]["from"], question["make"]["to"])
        else:
            asked = question["measure"]
            answer = measure(asked["files"], asked["calls"], asked["width"])
        print(json.dumps(answer), flush=True)


main()
