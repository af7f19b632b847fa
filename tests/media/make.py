#!/usr/bin/env python3
"""Draws the project's own footage: stills, event stills and clips of eight made-up cameras, and odd
files for tests.

Needs  Python 3.10 or later, Pillow and CairoSVG (pip install pillow cairosvg), ffmpeg with libx264,
       and the DejaVu Sans font (Debian: apt-get install ffmpeg libcairo2 fonts-dejavu-core).
Run    python3 tests/media/make.py            everything (about two minutes)
       python3 tests/media/make.py stills     only the stills and event stills
                                              (also: clips, special, manifest)

The results are committed, so nobody needs this to build, test or try the project. The drawing has
fixed seeds. Another version of ffmpeg or Pillow may give other bytes for the same picture.
"""

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import cairosvg
from PIL import Image, ImageChops, ImageDraw, ImageFilter

import scenes_alder
import scenes_birch
import scenes_cedar
from figures import (
    CAT,
    CAT_GREY,
    COURIER,
    FOX,
    GUEST,
    NEIGHBOUR,
    car_front,
    cat_sitting,
    parcel,
    person_front,
    person_side,
    quadruped,
    rect,
)

HERE = Path(__file__).resolve().parent
FRAMES_PER_SECOND = 15
CLIP_SIZE = (1280, 720)
STILL_SIZE = (1920, 1080)


def ease(t):
    """0..1 to 0..1 with a soft start and end."""
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)


# --- What moves. Each takes the second within the clip and answers SVG. ---------------------------


def neighbour_comes(t):
    way = 1190 * min(1.0, t / 4.6)
    arrived = t >= 4.6
    reach = ease((t - 4.9) / 0.6) - ease((t - 6.9) / 0.6)
    return person_side(-90 + way, 925, 590, way, NEIGHBOUR, still=arrived, reach=max(0.0, reach))


def car_comes(t):
    """Out from behind the hedge at the street, up the drive, and it stops."""
    if t < 1.6:
        return car_front(1330 - 360 * ease(t / 1.6), 528, 148, "#c23b34", "#8f2a26", 0.6)
    k = ease((t - 1.6) / 5.0) ** 1.25
    lights = 1.0 if t < 7.2 else 0.0
    return car_front(970 - 30 * k, 528 + 420 * k, 148 + 520 * k, "#c23b34", "#8f2a26", lights)


def courier_brings(t):
    """Up the path with a parcel, puts it down, and goes again; the parcel stays."""

    def at(k):
        return 960, 716 + 222 * k, 235 + 365 * k

    if t < 3.8:
        k = (t / 3.8) ** 1.2
        return person_front(*at(k), travelled=t * 0.95, clothes=COURIER, carries=True)
    if t < 5.0:
        bend = math.sin(math.pi * (t - 3.8) / 1.2)
        down = t > 4.4
        figure = person_front(*at(1.0), travelled=0, clothes=COURIER, carries=not down, bend=bend)
        return figure + (parcel(960, 968, 190) if down else "")
    k = 1 - ((t - 5.0) / 4.6) ** 0.9
    return person_front(
        *at(max(0.0, k)), travelled=(t - 5.0) * 0.95, clothes=COURIER, away=True
    ) + parcel(960, 968, 190)


def cat_crosses(t):
    """From the left to the right; it sits down for a moment in the middle."""
    if t < 2.6:
        way = 1130 * t / 2.6
        return quadruped(-170 + way, 975, 1.9, way, CAT_GREY)
    if t < 4.4:
        return cat_sitting(975, 975, 1.9, CAT_GREY)
    way = 1240 * (t - 4.4) / 2.6
    return quadruped(960 + way, 975, 1.9, way, CAT_GREY)


def guest_comes(t):
    """Up the steps from the right to the door, and rings."""
    way = 1290 * min(1.0, t / 5.2)
    x = 1960 - way
    foot = 885 + 130 * ease((x - 1390) / 400)
    arrived = t >= 5.2
    reach = ease((t - 5.4) / 0.5) - ease((t - 7.0) / 0.5)
    return person_side(x, foot, 600, way, GUEST, flip=True, still=arrived, reach=max(0.0, reach))


def fox_crosses(t):
    """Trots in from the right, stops and listens, goes on."""
    if t < 3.0:
        way = 1000 * t / 3.0
        return quadruped(2080 - way, 900, 2.0, way, FOX, fox=True, flip=True)
    if t < 4.2:
        return quadruped(1080, 900, 2.0, 0, FOX, fox=True, flip=True, still=True)
    way = 1280 * (t - 4.2) / 3.4
    return quadruped(1080 - way, 900 + 0.05 * way, 2.0, way, FOX, fox=True, flip=True)


# --- The cameras. ---------------------------------------------------------------------------------

CAMERAS = {
    "alder-front-door": ("Alder Lane 4", "Front door", scenes_alder.front_door, "#e4572e", "day"),
    "alder-driveway": ("Alder Lane 4", "Driveway", scenes_alder.driveway, "#2e86de", "day"),
    "alder-garden": ("Alder Lane 4", "Garden", scenes_alder.garden, "#f2c200", "day"),
    "birch-front-door": ("Birch Row 12", "Front door", scenes_birch.front_door, "#d63aa8", "dusk"),
    "birch-hallway": ("Birch Row 12", "Hallway", scenes_birch.hallway, "#12a04a", "indoor"),
    "cedar-porch": ("Cedar Court 7", "Porch", scenes_cedar.porch, "#00c2c7", "dusk"),
    "cedar-garage": ("Cedar Court 7", "Garage", scenes_cedar.garage, "#7a3ff2", "indoor"),
    "cedar-back-yard": ("Cedar Court 7", "Back yard", scenes_cedar.back_yard, "#ffffff", "ir"),
}

# camera, clip, what moves, milliseconds
CLIPS = {
    "alder-front-door-person": ("alder-front-door", neighbour_comes, 8000),
    "alder-driveway-car": ("alder-driveway", car_comes, 8000),
    "birch-front-door-parcel": ("birch-front-door", courier_brings, 9000),
    "birch-hallway-cat": ("birch-hallway", cat_crosses, 7000),
    "cedar-porch-guest": ("cedar-porch", guest_comes, 8000),
    "cedar-back-yard-fox": ("cedar-back-yard", fox_crosses, 7000),
}

# Event stills without a clip: camera, what is seen, light (None: the camera's usual).
EVENT_STILLS = {
    "alder-front-door-package": ("alder-front-door", lambda: parcel(1220, 880, 190), None),
    "alder-front-door-night": (
        "alder-front-door",
        lambda: cat_sitting(780, 930, 1.5, CAT_GREY),
        "ir",
    ),
    "alder-garden-cat": ("alder-garden", lambda: cat_sitting(760, 960, 2.0, CAT), None),
    "birch-front-door-visitor": (
        "birch-front-door",
        lambda: person_front(990, 955, 600, 0.1, GUEST),
        None,
    ),
    "cedar-garage-motion": ("cedar-garage", lambda: quadruped(420, 1000, 1.8, 40, CAT), "ir"),
}

_ROOMS = {}


def svg(content, size):
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1920 1080" width="{size[0]}" '
        f'height="{size[1]}">{content}</svg>'
    )
    png = cairosvg.svg2png(bytestring=text.encode(), output_width=size[0], output_height=size[1])
    return Image.open(io.BytesIO(png)).convert("RGBA")


def caption(camera, size, second=None, night=False):
    """The line that a camera writes into its picture. The square in the lower left corner, a
    twentieth of the width, is one flat colour that no other camera has."""
    household, name, _, accent, _ = CAMERAS[camera]
    font = 'font-family="DejaVu Sans" fill="#ffffff"'
    art = rect(0, 984, 1920, 96, "#0b0e13", 0, 'fill-opacity="0.72"') + rect(0, 984, 96, 96, accent)
    art += f'<text x="126" y="1046" font-size="42" font-weight="bold" {font}>{name}</text>'
    art += f'<text x="1890" y="1046" font-size="38" text-anchor="end" {font}>{household}</text>'
    if night:
        art += (
            rect(40, 36, 92, 56, "#0b0e13", 10, 'fill-opacity="0.72"')
            + f'<text x="86" y="76" font-size="34" text-anchor="middle" {font}>IR</text>'
        )
    if second is not None:
        art += (
            rect(1716, 36, 168, 56, "#0b0e13", 10, 'fill-opacity="0.72"')
            + '<circle cx="1746" cy="64" r="11" fill="#ff4b3e"/>'
        )
        art += (
            f'<text x="1868" y="76" font-size="34" text-anchor="end" {font}>0:{second:02d}</text>'
        )
    return svg(art, size)


def infra_red(picture):
    """Greys, brightest where the camera's own lamp falls, dark towards the edges."""
    w, h = picture.size
    # The table is the same for every frame.
    grey = picture.convert("L").point([min(255, max(0, (v - 8) * 255 // 217)) for v in range(256)])
    lamp = Image.new("L", (w // 8, h // 8), 105)
    ImageDraw.Draw(lamp).ellipse((w * 0.008, h * 0.010, w * 0.117, h * 0.150), fill=255)
    lamp = lamp.filter(ImageFilter.GaussianBlur(w / 96)).resize((w, h), Image.Resampling.BICUBIC)
    return ImageChops.multiply(grey, lamp).convert("RGB")


def shade(picture):
    """Slightly darker corners, as a wide lens has."""
    w, h = picture.size
    mask = Image.new("L", (w // 8, h // 8), 205)
    ImageDraw.Draw(mask).ellipse((-w * 0.004, -h * 0.004, w * 0.129, h * 0.129), fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(w / 110)).resize((w, h), Image.Resampling.BICUBIC)
    return ImageChops.multiply(picture, Image.merge("RGB", (mask,) * 3))


def room(camera, size):
    """The scene's two layers, drawn once for each size."""
    if (camera, size) not in _ROOMS:
        behind, before = CAMERAS[camera][2]()
        _ROOMS[camera, size] = (svg(behind, size), svg(before, size) if before else None)
    return _ROOMS[camera, size]


def picture(camera, size, moving="", light=None, second=None):
    light = light or CAMERAS[camera][4]
    behind, before = room(camera, size)
    out = behind.copy()
    if moving:
        out.alpha_composite(svg(moving, size))
    if before:
        out.alpha_composite(before)
    out = out.convert("RGB")
    out = infra_red(out) if light == "ir" else shade(out)
    out = out.convert("RGBA")
    out.alpha_composite(caption(camera, size, second, light == "ir"))
    return out.convert("RGB")


def save_jpeg(image, name, quality, limit, **options):
    """Saves at the quality asked for, or the next lower one that fits the limit."""
    while True:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, **options)
        if buffer.tell() < limit:
            break
        quality -= 4
    (HERE / name).write_bytes(buffer.getvalue())
    print(f"{name:42} {buffer.tell() / 1024:7.1f} KB  quality {quality}")


def make_stills():
    for camera in CAMERAS:
        save_jpeg(picture(camera, STILL_SIZE), f"{camera}.jpg", 80, 250_000)
    for name, (camera, moving, light) in EVENT_STILLS.items():
        save_jpeg(picture(camera, CLIP_SIZE, moving(), light), f"{name}.jpg", 80, 120_000)
    for name, (camera, moving, milliseconds) in CLIPS.items():
        middle = milliseconds / 2000
        image = picture(camera, CLIP_SIZE, moving(middle), second=int(middle))
        save_jpeg(image, f"{name}.jpg", 80, 120_000)


def make_clips():
    for name, (camera, moving, milliseconds) in CLIPS.items():
        target = HERE / f"{name}.mp4"
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            "%dx%d" % CLIP_SIZE,
            "-r",
            str(FRAMES_PER_SECOND),
            "-i",
            "-",
            "-an",
            "-c:v",
            "libx264",
            "-profile:v",
            "main",
            "-pix_fmt",
            "yuv420p",
            "-preset",
            "veryslow",
            "-crf",
            "27",
            "-g",
            "30",
            "-threads",
            "1",
            "-map_metadata",
            "-1",
            "-fflags",
            "+bitexact",
            "-flags:v",
            "+bitexact",
            "-movflags",
            "+faststart",
            str(target),
        ]
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
        for frame in range(milliseconds * FRAMES_PER_SECOND // 1000):
            t = frame / FRAMES_PER_SECOND
            encoder.stdin.write(picture(camera, CLIP_SIZE, moving(t), second=int(t)).tobytes())
        encoder.stdin.close()
        if encoder.wait() != 0:
            sys.exit(f"ffmpeg could not make {target}")
        print(f"{target.name:42} {target.stat().st_size / 1024:7.1f} KB  {milliseconds} ms")


# What a camera sends as its live stream: a clip that goes on without end.
LIVE = {
    "alder-front-door": "alder-front-door-person",
    "birch-hallway": "birch-hallway-cat",
    "cedar-porch": "cedar-porch-guest",
}


def make_live():
    for camera, clip in LIVE.items():
        target = HERE / f"{camera}-live.mp4"
        command = f"ffmpeg -v error -y -stream_loop 1 -i {HERE / clip}.mp4 -t 8 -vf scale=640:360"
        command += f" -r {FRAMES_PER_SECOND} -an -c:v libx264 -profile:v main -pix_fmt yuv420p"
        command += " -preset veryslow -crf 30 -bf 0 -g 30 -keyint_min 30 -sc_threshold 0"
        command += " -threads 1 -map_metadata -1 -fflags +bitexact -flags:v +bitexact"
        command += " -f mp4 -movflags frag_every_frame+empty_moov+default_base_moof"
        subprocess.run([*command.split(), str(target)], check=True)
        print(f"{target.name:42} {target.stat().st_size / 1024:7.1f} KB")


# --- Odd files for tests. -------------------------------------------------------------------------


def corner_scene():
    """64x48, upright: red upper left, green upper right, blue lower left, yellow lower right, and a
    white house."""
    image = Image.new("RGB", (64, 48), "#808080")
    draw = ImageDraw.Draw(image)
    for box, colour in (
        ((0, 0, 23, 15), "#e00000"),
        ((40, 0, 63, 15), "#00b000"),
        ((0, 32, 23, 47), "#0000e0"),
        ((40, 32, 63, 47), "#e0d000"),
    ):
        draw.rectangle(box, fill=colour)
    draw.polygon([(32, 12), (20, 24), (44, 24)], fill="#ffffff")
    draw.rectangle((24, 24, 40, 36), fill="#ffffff")
    return image


# What a camera does to the upright picture before it writes orientation n; a reader undoes it.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def make_special():
    folder = HERE / "special"
    folder.mkdir(exist_ok=True)
    small = picture("cedar-porch", (960, 540))
    save_jpeg(small, "special/progressive.jpg", 80, 120_000, progressive=True)
    save_jpeg(
        picture("cedar-back-yard", (960, 540)).convert("L"), "special/greyscale.jpg", 80, 120_000
    )
    for orientation, how in STORED_AS.items():
        image = corner_scene() if how is None else corner_scene().transpose(how)
        exif = Image.Exif()
        exif[0x0112] = orientation
        save_jpeg(
            image, f"special/orientation-{orientation}.jpg", 92, 20_000, exif=exif, subsampling=0
        )

    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    whole = buffer.getvalue()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) * 2 // 5])
    buffer = io.BytesIO()
    corner_scene().save(buffer, "JPEG", quality=90)
    bomb = bytearray(buffer.getvalue())
    start = bomb.index(b"\xff\xc0")  # SOF0: marker, length 2, precision 1, then height and width
    bomb[start + 5 : start + 9] = (60000).to_bytes(2, "big") * 2
    (folder / "claims-60000x60000.jpg").write_bytes(bytes(bomb))
    corner_scene().save(folder / "png-named.jpg", "PNG")
    (folder / "text-named.mp4").write_text("This is a line of text, not a film.\n" * 40)


# --- The manifest. --------------------------------------------------------------------------------


def event(kind, label, minutes_ago, milliseconds, still=None, clip=None):
    out = {"kind": kind, "label": label, "duration_milliseconds": milliseconds}
    if still:
        out["still"] = f"{still}.jpg"
    if clip:
        out["clip"] = f"{clip}.mp4"
        out["duration_milliseconds"] = CLIPS[clip][2]
    out["minutes_ago"] = minutes_ago
    return out


EVENTS = {
    "alder-front-door": [
        event(
            "person",
            "Someone at the door",
            14,
            8000,
            "alder-front-door-person",
            "alder-front-door-person",
        ),
        event("package", "A parcel on the step", 97, 3000, "alder-front-door-package"),
        event(
            "doorbell", "Doorbell", 341, 8000, "alder-front-door-person", "alder-front-door-person"
        ),
        event("animal", "A cat on the path", 822, 5000, "alder-front-door-night"),
    ],
    "alder-driveway": [
        event("vehicle", "A car comes in", 42, 8000, "alder-driveway-car", "alder-driveway-car"),
        event("motion", "Movement on the drive", 205, 4000),
        event("vehicle", "A car comes in", 1483, 8000, None, "alder-driveway-car"),
    ],
    "alder-garden": [
        event("animal", "A cat on the lawn", 66, 6000, "alder-garden-cat"),
        event("motion", "Movement by the fence", 509, 2500),
    ],
    "birch-front-door": [
        event(
            "package",
            "A parcel is left",
            23,
            9000,
            "birch-front-door-parcel",
            "birch-front-door-parcel",
        ),
        event("doorbell", "Doorbell", 88, 4000, "birch-front-door-visitor"),
        event("person", "Someone on the path", 1460, 9000, None, "birch-front-door-parcel"),
    ],
    "birch-hallway": [
        event("animal", "A cat in the hallway", 9, 7000, "birch-hallway-cat", "birch-hallway-cat"),
        event("sound", "A loud sound", 131, 1500),
    ],
    "cedar-porch": [
        event("person", "Someone on the porch", 5, 8000, "cedar-porch-guest", "cedar-porch-guest"),
        event("doorbell", "Doorbell", 1445, 8000, None, "cedar-porch-guest"),
    ],
    "cedar-garage": [
        event("motion", "Movement in the garage", 176, 3500, "cedar-garage-motion"),
        event("other", "The garage door was opened", 432, 12000),
    ],
    "cedar-back-yard": [
        event(
            "animal", "A fox in the yard", 31, 7000, "cedar-back-yard-fox", "cedar-back-yard-fox"
        ),
        event("motion", "Movement in the yard", 74, 3000),
        event("animal", "A fox in the yard", 1502, 7000, None, "cedar-back-yard-fox"),
    ],
}


def make_manifest():
    households = {}
    for number, (camera, (household, name, _, accent, _)) in enumerate(CAMERAS.items(), 1):
        login = camera.split("-")[0]
        entry = households.setdefault(household, {"name": household, "login": login, "cameras": []})
        entry["cameras"].append(
            {
                "name": name,
                "serial": f"EO-{login[0].upper()}{number:04d}",
                "still": f"{camera}.jpg",
                **({"live": f"{camera}-live.mp4"} if camera in LIVE else {}),
                "corner_colour": accent,
                "events": EVENTS[camera],
            }
        )
    text = json.dumps({"households": list(households.values())}, indent=2)
    (HERE / "manifest.json").write_text(text + "\n")


PARTS = {
    "stills": make_stills,
    "clips": make_clips,
    "live": make_live,
    "special": make_special,
    "manifest": make_manifest,
}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(PARTS)
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"unknown part {part}: choose from {', '.join(PARTS)}")
    for part in wanted:
        PARTS[part]()
