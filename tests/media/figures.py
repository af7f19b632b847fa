"""The figures that move in the clips, and small things that several scenes share, as SVG text.

Everything stands on its own ground point: (x, y) is where it touches the floor. `height` or `scale`
is its size in the 1920x1080 drawing. Nothing here knows of cameras, files or time; a scene passes
the stride.
"""

import math


def group(content, x=0.0, y=0.0, scale=1.0, flip=False, opacity=1.0):
    sx = -scale if flip else scale
    return (
        f'<g transform="translate({x:.2f} {y:.2f}) scale({sx:.4f} {scale:.4f})" '
        f'opacity="{opacity:.3f}">{content}</g>'
    )


def rect(x, y, w, h, fill, r=0.0, extra=""):
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{r}" '
        f'fill="{fill}" {extra}/>'
    )


def circle(x, y, r, fill, extra=""):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}" {extra}/>'


def ellipse(x, y, rx, ry, fill, extra=""):
    return f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{fill}" {extra}/>'


def poly(points, fill, extra=""):
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{text}" fill="{fill}" {extra}/>'


def path(d, fill="none", extra=""):
    return f'<path d="{d}" fill="{fill}" {extra}/>'


def line(x1, y1, x2, y2, stroke, width, extra=""):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
        f'stroke-width="{width}" stroke-linecap="round" {extra}/>'
    )


def joints(x, y, upper, upper_length, lower, lower_length):
    """Returns where a limb of two segments bends and where it ends."""
    kx = x + upper_length * math.sin(math.radians(upper))
    ky = y + upper_length * math.cos(math.radians(upper))
    return (
        kx,
        ky,
        kx + lower_length * math.sin(math.radians(lower)),
        ky + lower_length * math.cos(math.radians(lower)),
    )


def limb(x, y, upper, upper_length, lower, lower_length, width, colour, end=None):
    """Two joined segments. Angles are in degrees from straight down, and positive ones are forwards
    (to the right)."""
    kx, ky, ex, ey = joints(x, y, upper, upper_length, lower, lower_length)
    out = (
        f'<polyline points="{x:.2f},{y:.2f} {kx:.2f},{ky:.2f} {ex:.2f},{ey:.2f}" fill="none" '
        f'stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/>'
    )
    return out + (end(ex, ey) if end else "")


def parcel(x, y, size):
    """A cardboard box with tape, `size` wide."""
    return group(
        ellipse(0, 0, 58, 7, "#000", 'opacity="0.28"')
        + rect(-50, -64, 100, 64, "#c08a4e", 2)
        + poly([(-50, -64), (-40, -80), (40, -80), (50, -64)], "#d9a668")
        + rect(-8, -64, 16, 64, "#e8cf9c")
        + poly([(-8, -64), (-6, -80), (6, -80), (8, -64)], "#f2dfb6")
        + rect(18, -34, 24, 18, "#f7f3ea"),
        x,
        y,
        size / 100,
    )


def person_side(
    x, y, height, travelled, clothes, flip=False, still=False, reach=0.0, carries=False
):
    """A person in profile. `travelled` is the way walked so far: it turns the legs, so that no foot
    slides. `reach` 0..1 lifts the front arm towards a bell or a door."""
    phase = 0.0 if still else 2 * math.pi * travelled / (0.84 * height)
    swing = 0.0 if still else 1.0

    def pose(p):
        thigh = 26 * math.sin(p) * swing + (3 if still else 0)
        return thigh, thigh - (6 + 42 * max(0.0, math.cos(p))) * swing - (3 if still else 0)

    # The lower foot stands on the ground: with the legs apart the whole body sinks a little.
    sink = -3.4 - max(
        joints(0, -48, thigh, 23, shin, 22)[3]
        for thigh, shin in (pose(phase), pose(phase + math.pi))
    )

    def leg(p, colour):
        thigh, shin = pose(p)
        shoe = lambda ex, ey: ellipse(ex + 3, ey + 0.8, 6.2, 3, clothes["shoes"])
        return limb(0, -48, thigh, 23, shin, 22, 8.4, colour, shoe)

    def arm(p, colour, lift):
        upper = -24 * math.sin(p) * swing * (1 - lift) + 62 * lift
        lower = upper + 14 + 22 * lift
        hand = lambda ex, ey: circle(ex, ey, 3, clothes["skin"])
        return limb(0, -77, upper, 17, lower, 15, 6.6, colour, hand)

    hold = 0.62 if carries else reach
    body = (
        arm(phase + math.pi, clothes["coat_dark"], 0.62 if carries else 0.0)
        + leg(phase + math.pi, clothes["trousers_dark"])
        + leg(phase, clothes["trousers"])
        + path(
            "M-8.5 -79 Q-9 -84 0 -84 Q8.5 -84 8.8 -77 L9.2 -46 Q0 -42.5 -9.6 -46 Z", clothes["coat"]
        )
        + path("M-9.2 -52 L9.2 -52 L9.3 -49.6 L-9.4 -49.6 Z", clothes["coat_dark"])
        + rect(-2.4, -87, 5.6, 6, clothes["skin"], 2)
        + circle(1.2, -92, 7.6, clothes["skin"])
        + path(
            "M-7.4 -90 Q-8.6 -101 1.4 -100.6 Q9.2 -100 9 -94.4 Q3 -97.5 -1.5 -94.5 "
            "Q-2.4 -88.5 -5.4 -86.6 Z",
            clothes["hair"],
        )
        + circle(5.6, -92, 0.9, "#2a2320")
        + (parcel(19, -54, 24) if carries else "")
        + arm(phase, clothes["coat_light"], hold)
    )
    shadow = ellipse(0, 1.5, 20, 3, "#000", 'opacity="0.25"')
    return group(shadow + group(body, 0, sink + 1.6), x, y, height / 100, flip)


def person_front(x, y, height, travelled, clothes, carries=False, away=False, bend=0.0):
    """A person seen from the front, or from behind (`away`), who walks towards the camera or away
    from it."""
    p = 2 * math.pi * travelled
    left, right = max(0.0, math.sin(p)), max(0.0, -math.sin(p))
    bob = 0.9 * abs(math.cos(p))

    def leg(side, lift, colour):
        foot = -3 - 7 * lift
        return line(4.6 * side, -48, 5.2 * side, foot, colour, 9) + ellipse(
            5.6 * side, foot + 1.6, 5.4, 3.6, clothes["shoes"]
        )

    def arm(side, swing, colour):
        if carries:
            return limb(
                11 * side,
                -77,
                14 * side,
                16,
                -38 * side,
                14,
                6.8,
                colour,
                lambda ex, ey: circle(ex, ey, 3, clothes["skin"]),
            )
        return limb(
            11 * side,
            -77,
            9 * side,
            16,
            (4 - 10 * swing) * side,
            15 - 3 * swing,
            6.8,
            colour,
            lambda ex, ey: circle(ex, ey, 3, clothes["skin"]),
        )

    head = rect(-3, -88, 6, 7, clothes["skin"], 2) + circle(0, -92.5, 7.8, clothes["skin"])
    if away:
        head += circle(0, -93.2, 8, clothes["hair"])
        head += path("M-8.6 -93 Q-8.8 -102 0 -102 Q8.8 -102 8.6 -93 Z", clothes["cap"])
    else:
        head += circle(-2.8, -92, 0.95, "#2a2320") + circle(2.8, -92, 0.95, "#2a2320")
        head += path(
            "M-2.4 -88.6 Q0 -87 2.4 -88.6",
            "none",
            'stroke="#8a4a3a" stroke-width="0.9" stroke-linecap="round"',
        )
        head += path("M-8.4 -95 Q-8.6 -102 0 -102 Q8.6 -102 8.4 -95 Z", clothes["cap"])
        head += path(
            "M-8.6 -95 Q0 -98 8.6 -95 Q9.4 -92.8 7 -93.6 Q0 -95.6 -7 -93.6 Q-9.4 -92.8 -8.6 -95 Z",
            clothes["coat_dark"],
        )
    torso = path(
        "M-12.5 -78 Q-11 -84.5 0 -84.5 Q11 -84.5 12.5 -78 L11 -45 Q0 -42 -11 -45 Z", clothes["coat"]
    )
    torso += (
        rect(-11.6, -63, 23.2, 3.2, "#e9e4cf")
        if not away
        else rect(-11.6, -70, 23.2, 3.2, "#e9e4cf")
    )
    upper = group(
        arm(-1, left, clothes["coat_dark"])
        + arm(1, right, clothes["coat_dark"])
        + torso
        + head
        + (parcel(0, -48, 30) if carries else "")
        + (
            circle(-9, -51, 3, clothes["skin"]) + circle(9, -51, 3, clothes["skin"])
            if carries
            else ""
        ),
        0,
        bend * 20,
    )
    # Bending folds the legs: the same drawing, lower.
    legs = group(leg(-1, left, clothes["trousers"]) + leg(1, right, clothes["trousers_dark"]))
    shadow = ellipse(0, 0, 18, 3, "#000", 'opacity="0.3"')
    return group(shadow + legs + group(upper, 0, -bob), x, y, height / 100)


CAT = {"coat": "#d98a3d", "dark": "#b96a26", "belly": "#f4dcc0", "eye": "#2c3a24"}
CAT_GREY = {"coat": "#5f6670", "dark": "#464c55", "belly": "#c9ced4", "eye": "#e8c84a"}
FOX = {"coat": "#b4b4b4", "dark": "#5c5c5c", "belly": "#efefef", "eye": "#ffffff"}


def quadruped(x, y, scale, travelled, fur, fox=False, flip=False, still=False):
    """A cat or a fox in profile, facing right, about 120 units long at scale 1."""
    p = 0.0 if still else 2 * math.pi * travelled / (62 * scale)
    amp = 0.0 if still else 24.0

    def leg(lx, phase, colour):
        a = amp * math.sin(phase)
        b = a - (0.0 if still else 26 * max(0.0, math.cos(phase)))
        paw = lambda ex, ey: ellipse(ex + 2, ey, 5.2, 3.2, fur["dark"] if fox else fur["belly"])
        return limb(lx, -30, a, 15, b, 14, 7.5 if fox else 8.5, colour, paw)

    wave = 4 * math.sin(p * 0.5)
    if fox:
        tail = path(
            f"M-36 -42 Q-62 {-46 + wave:.1f} -88 {-26 + wave:.1f} "
            f"Q-98 {-14 + wave:.1f} -84 {-14 + wave:.1f} Q-58 -18 -36 -34 Z",
            fur["coat"],
        )
        tail += path(
            f"M-80 {-31 + wave:.1f} Q-98 {-14 + wave:.1f} -84 {-14 + wave:.1f} "
            f"Q-76 -15 -72 {-17 + wave * 0.6:.1f} Z",
            fur["belly"],
        )
    else:
        tail = path(
            f"M-38 -42 Q-60 -44 -64 {-66 + wave:.1f} Q-66 {-84 + wave:.1f} -54 {-88 + wave:.1f}",
            "none",
            f'stroke="{fur["coat"]}" stroke-width="9" stroke-linecap="round"',
        )
    head_y = -58
    head = circle(47, head_y, 15 if fox else 16, fur["coat"])
    head += poly([(35, head_y - 8), (37, head_y - 28), (48, head_y - 14)], fur["dark"])
    head += poly([(46, head_y - 14), (58, head_y - 27), (58, head_y - 7)], fur["coat"])
    if fox:
        head += path("M52 -66 Q66 -60 75 -51 Q66 -46 50 -45 Z", fur["coat"])
        head += path("M50 -52 Q62 -52 75 -51 Q66 -45 50 -45 Z", fur["belly"]) + circle(
            75, -51, 2.4, "#222"
        )
        head += circle(56, -60, 3.2, fur["eye"]) + circle(56, -60, 6, "#ffffff", 'opacity="0.25"')
    else:
        head += (
            ellipse(56, -53, 8, 6, fur["belly"])
            + circle(62, -55, 2, "#7a3b3b")
            + ellipse(54, -61, 2.2, 3, fur["eye"])
        )
    body = path(
        "M-42 -40 Q-42 -56 -20 -56 Q10 -60 32 -58 Q46 -54 40 -36 Q20 -26 -10 -28 "
        "Q-38 -26 -42 -40 Z",
        fur["coat"],
    )
    body += path("M-26 -30 Q0 -36 34 -34 Q20 -26 -10 -28 Z", fur["belly"])
    stripes = (
        ""
        if fox
        else "".join(
            path(
                f"M{sx} -57 q3 8 0 15",
                "none",
                f'stroke="{fur["dark"]}" stroke-width="4.5" stroke-linecap="round"',
            )
            for sx in (-22, -7, 8, 22)
        )
    )
    shadow = ellipse(0, 0, 52, 5, "#000", 'opacity="0.25"')
    art = (
        shadow
        + tail
        + leg(-28, p + math.pi, fur["dark"])
        + leg(32, p + 0.5, fur["dark"])
        + body
        + stripes
        + leg(-33, p, fur["coat"])
        + leg(26, p + math.pi + 0.5, fur["coat"])
        + head
    )
    return group(art, x, y, scale, flip)


def cat_sitting(x, y, scale, fur, flip=False):
    art = (
        ellipse(0, 0, 34, 5, "#000", 'opacity="0.25"')
        + path(
            "M-18 -4 Q-50 -2 -46 -26",
            "none",
            f'stroke="{fur["coat"]}" stroke-width="8" stroke-linecap="round"',
        )
        + path("M-22 0 Q-30 -40 -4 -62 Q22 -60 22 0 Z", fur["coat"])
        + path("M6 0 Q2 -32 12 -50 Q24 -40 22 0 Z", fur["belly"])
        + circle(8, -72, 17, fur["coat"])
        + poly([(-7, -78), (-6, -102), (6, -86)], fur["dark"])
        + poly([(9, -87), (22, -101), (23, -77)], fur["coat"])
        + ellipse(2, -74, 2.2, 3, fur["eye"])
        + ellipse(15, -74, 2.2, 3, fur["eye"])
        + circle(9, -68, 2, "#7a3b3b")
    )
    return group(art, x, y, scale, flip)


def car_front(x, y, width, body="#c23b34", dark="#8f2a26", lights=0.0):
    """A car seen from the front; `lights` 0..1 is how bright its headlights are."""
    glow = ""
    if lights > 0:
        for hx in (-68, 68):
            glow += circle(hx, -57, 34, "#fff3c4", f'opacity="{0.12 * lights:.2f}"')
            glow += circle(hx, -57, 23, "#fff3c4", f'opacity="{0.26 * lights:.2f}"')
    art = (
        ellipse(0, 0, 112, 12, "#000", 'opacity="0.35"')
        + rect(-90, -34, 30, 36, "#1d1f22", 8)
        + rect(60, -34, 30, 36, "#1d1f22", 8)
        + path("M-66 -84 L-52 -132 Q-48 -144 -34 -145 L34 -145 Q48 -144 52 -132 L66 -84 Z", dark)
        + path(
            "M-57 -86 L-46 -128 Q-43 -135 -34 -136 L34 -136 Q43 -135 46 -128 L57 -86 Z", "#b9d6e2"
        )
        + poly([(-20, -136), (2, -136), (-22, -86), (-46, -86)], "#ffffff", 'opacity="0.35"')
        + path(
            "M-98 -22 L-98 -58 Q-96 -80 -70 -86 L70 -86 Q96 -80 98 -58 L98 -22 Q96 -12 84 -12 "
            "L-84 -12 Q-96 -12 -98 -22 Z",
            body,
        )
        + path(
            "M-70 -86 L70 -86 Q84 -82 90 -74 L-90 -74 Q-84 -82 -70 -86 Z",
            "#ffffff",
            'opacity="0.22"',
        )
        + rect(-46, -60, 92, 20, "#24282c", 8)
        + rect(-26, -32, 52, 13, "#f4f2ea", 2)
        + rect(-98, -20, 196, 8, dark, 4)
        + rect(-88, -66, 36, 18, "#fbf6df", 8)
        + rect(52, -66, 36, 18, "#fbf6df", 8)
        + rect(-86, -92, 20, 12, dark, 4)
        + rect(66, -92, 20, 12, dark, 4)
    )
    return group(art + glow, x, y, width / 200)


def wardrobe(
    coat, light, dark, trousers, trousers_dark, hair, skin="#e3b08c", cap="#333", shoes="#2b2522"
):
    return {
        "coat": coat,
        "coat_light": light,
        "coat_dark": dark,
        "trousers": trousers,
        "trousers_dark": trousers_dark,
        "hair": hair,
        "skin": skin,
        "cap": cap,
        "shoes": shoes,
    }


NEIGHBOUR = wardrobe("#e0a72e", "#edbb4d", "#b98416", "#34506e", "#273e57", "#5a3522")
COURIER = wardrobe(
    "#2f7d5b", "#3b946d", "#1f5b41", "#3a3f4a", "#2d313a", "#2e2019", "#b97f5b", "#1f5b41"
)
GUEST = wardrobe("#b3405a", "#c9536e", "#8a2c43", "#4a5472", "#3a4360", "#20191a", "#d9a37e")
