#!/usr/bin/env python3
"""Says what Pillow makes of stills.

pictures.py FROM TO     FROM: a folder, or a source package (tar). TO: a folder for the results

TO/list.tsv has a line for each still: its number, name, coding, components, bytes, and Pillow's
mode, or "-" and Pillow's error. TO has the stills as NUMBER.jpg, and as NUMBER.ppm Pillow's
thumbnail of 1,920 pixels: upright, no larger than the still, and coded like the thumbnails here. So
what coding takes from a small picture does not count as a difference.
"""
import io, pathlib, struct, sys, tarfile, warnings
from PIL import Image, ImageOps

NAMES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")
CODINGS = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless",
           0xC9: "arithmetic", 0xCA: "arithmetic progressive"}
WIDTH = 1920
FULL_COLOUR_PIXELS_MAX = 64 * 64
Image.MAX_IMAGE_PIXELS = 200_000_000
warnings.simplefilter("ignore")


def files(origin):
    if origin.is_dir():
        for path in sorted(origin.rglob("*")):
            if path.is_file() and path.suffix.lower() in NAMES:
                yield str(path.relative_to(origin)), path.read_bytes()
        return
    with tarfile.open(origin) as tar:
        for member in tar:
            if member.isfile() and member.name.lower().endswith(NAMES):
                yield member.name.rpartition("/")[2], tar.extractfile(member).read()


def frame(jpeg):
    """Returns the coding and the number of components, as the first frame header says."""
    at = 2
    while (at := jpeg.find(b"\xff", at)) >= 0 and at + 10 <= len(jpeg):
        code = jpeg[at + 1]
        if code in (0x00, 0xFF) or 0xD0 <= code <= 0xD8:
            at += 1
        elif 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            coding = CODINGS.get(code, "unusual")
            return coding if jpeg[at + 4] == 8 else f"{coding} {jpeg[at + 4]} bit", jpeg[at + 9]
        else:
            at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return "no frame", 0


def picture(jpeg):
    """Returns Pillow's mode, and the picture."""
    with Image.open(io.BytesIO(jpeg), formats=("JPEG", "MPO")) as image:
        mode = image.mode
        upright = ImageOps.exif_transpose(image).convert("RGB")
    width = min(upright.width, WIDTH)
    height = max(1, (upright.height * width + upright.width // 2) // upright.width)
    if (width, height) != upright.size:
        upright = upright.resize((width, height), Image.Resampling.LANCZOS)
    coded = io.BytesIO()
    subsampling = "4:4:4" if width * height <= FULL_COLOUR_PIXELS_MAX else "4:2:0"
    upright.save(coded, "JPEG", quality=80, subsampling=subsampling)
    return mode, Image.open(coded)


def main(origin, to):
    lines = []
    for number, (name, jpeg) in enumerate(files(origin)):
        coding, components = frame(jpeg)
        try:
            mode, upright = picture(jpeg)
            upright.save(to / f"{number}.ppm")
        except Exception as error:  # Whatever it is, Pillow shows no picture.
            mode = "- " + " ".join(str(error).split()).partition(" <")[0]
        (to / f"{number}.jpg").write_bytes(jpeg)
        lines.append(f"{number}\t{name}\t{coding}\t{components}\t{len(jpeg)}\t{mode}\n")
    (to / "list.tsv").write_text("".join(lines))


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
