"""Alder Lane 4, by day: a brick front door, a driveway to the street, a garden in the late
afternoon.

A scene function returns (behind, before): what lies behind the things that move, and what hides
them.
"""

import random

from figures import circle, ellipse, group, line, path, poly, rect


def gradient(name, *stops, radial=None):
    """A vertical gradient, or a radial one of (cx, cy, r) in drawing units. A stop is
    (offset, colour, opacity)."""
    inner = "".join(
        f'<stop offset="{o}" stop-color="{c}" stop-opacity="{a}"/>' for o, c, a in stops
    )
    if radial:
        cx, cy, r = radial
        return (
            f'<defs><radialGradient id="{name}" gradientUnits="userSpaceOnUse" cx="{cx}" cy="{cy}" '
            f'r="{r}">{inner}</radialGradient></defs>'
        )
    return (
        f'<defs><linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{inner}'
        "</linearGradient></defs>"
    )


def glow(name, x, y, r, colour, strength):
    """Light around a lamp."""
    stops = ((0, colour, strength), (0.45, colour, strength * 0.35), (1, colour, 0))
    return gradient(name, *stops, radial=(x, y, r)) + circle(x, y, r, f"url(#{name})")


def cloud(x, y, s, colour="#ffffff", opacity=0.9):
    puffs = ((-60, 0, 40), (-10, -18, 54), (46, -6, 44), (90, 6, 28))
    art = "".join(circle(a, b, r, colour) for a, b, r in puffs) + rect(-98, 0, 216, 40, colour, 20)
    return group(art, x, y, s, opacity=opacity)


def bush(x, y, w, h, colours, seed, leaves=26):
    """A rounded shrub standing on (x, y)."""
    rng = random.Random(seed)
    out = ellipse(x, y - h * 0.42, w * 0.5, h * 0.5, colours[0])
    for _ in range(leaves):
        a, b = rng.uniform(-0.42, 0.42), rng.uniform(0.08, 0.84)
        out += ellipse(
            x + a * w,
            y - b * h,
            w * rng.uniform(0.06, 0.12),
            h * rng.uniform(0.06, 0.12),
            rng.choice(colours),
        )
    return out


def tree(x, y, h, colours, seed, trunk="#6d4a33"):
    rng = random.Random(seed)
    out = path(
        f"M{x - h * 0.04} {y} L{x - h * 0.025} {y - h * 0.6} "
        f"L{x + h * 0.025} {y - h * 0.6} L{x + h * 0.05} {y} Z",
        trunk,
    )
    for _ in range(22):
        out += circle(
            x + rng.uniform(-0.24, 0.24) * h,
            y - h * rng.uniform(0.45, 0.88),
            h * rng.uniform(0.08, 0.15),
            rng.choice(colours),
        )
    return out


def pot(x, y, w, colour, shade, plant):
    return (
        plant
        + ellipse(x, y, w * 0.55, 8, "#000", 'opacity="0.25"')
        + poly(
            [
                (x - w * 0.5, y - w * 0.7),
                (x + w * 0.5, y - w * 0.7),
                (x + w * 0.36, y),
                (x - w * 0.36, y),
            ],
            colour,
        )
        + rect(x - w * 0.56, y - w * 0.82, w * 1.12, w * 0.18, shade, 5)
    )


def bricks(width, height, seed):
    rng = random.Random(seed)
    out = rect(0, 0, width, height, "#d0a089")
    for row in range(height // 40 + 1):
        for column in range(-1, width // 108 + 1):
            shade = rng.choice(("#b4614a", "#ad5b45", "#bb6a51", "#a95842", "#b8664c"))
            out += rect(column * 108 + (54 if row % 2 else 0), row * 40, 103, 35, shade, 2)
    return out


def front_door():
    out = bricks(1920, 860, 4)
    # window with curtains
    out += rect(170, 200, 440, 400, "#f3efe6", 6) + rect(190, 220, 400, 360, "#3d5a6b")
    out += path("M190 220 L300 220 Q300 420 240 580 L190 580 Z", "#e9dcc3") + path(
        "M590 220 L480 220 Q480 420 540 580 L590 580 Z", "#e9dcc3"
    )
    out += poly([(330, 220), (420, 220), (300, 580), (210, 580)], "#ffffff", 'opacity="0.14"')
    out += (
        rect(382, 220, 14, 360, "#f3efe6")
        + rect(190, 390, 400, 12, "#f3efe6")
        + rect(150, 596, 480, 28, "#e2dccd", 4)
    )
    out += rect(190, 624, 400, 60, "#7a5233", 6) + "".join(
        bush(
            220 + 52 * i,
            650,
            70,
            74,
            ("#4f8a45", "#66a557", ("#e2506a", "#f2c14e", "#ffffff")[i % 3], "#3f7638"),
            i,
            14,
        )
        for i in range(8)
    )
    # paving and step
    out += rect(0, 850, 1920, 230, "#b9b2a6")
    for i, y in enumerate((850, 898, 962, 1080)):
        out += line(0, y, 1920, y, "#9d968a", 4)
        if y < 1080:
            below = (898, 962, 1080)[i]
            for x in range(-200, 2200, 240):
                out += line(
                    960 + (x - 960 + 120 * (i % 2)) * (y / 900),
                    y,
                    960 + (x - 960 + 120 * (i % 2)) * (below / 900),
                    below,
                    "#9d968a",
                    4,
                )
    # door
    out += rect(1010, 150, 420, 700, "#f5f1e8", 6)
    out += path("M1040 290 Q1040 180 1220 180 Q1400 180 1400 290 Z", "#9fc3cf")
    out += "".join(
        line(1220, 290, x, y, "#f5f1e8", 8) for x, y in ((1080, 212), (1220, 182), (1360, 212))
    )
    out += rect(1040, 300, 360, 550, "#1d716c")
    for x in (1076, 1236):
        out += rect(x, 336, 128, 210, "#165a56", 6) + rect(x + 8, 344, 112, 194, "#23847d", 4)
        out += rect(x, 590, 128, 210, "#165a56", 6) + rect(x + 8, 598, 112, 194, "#23847d", 4)
    out += (
        rect(1160, 558, 120, 22, "#d9b44a", 6)
        + circle(1376, 590, 15, "#d9b44a")
        + circle(1376, 590, 8, "#b08b2c")
    )
    out += rect(1450, 520, 30, 62, "#2c2f33", 8) + circle(1465, 562, 9, "#7fd0ff")
    out += (
        circle(1220, 445, 32, "#d9b44a")
        + '<text x="1220" y="461" font-family="DejaVu Sans" font-weight="bold" font-size="44" '
        'text-anchor="middle" fill="#165a56">4</text>'
    )
    out += rect(950, 846, 540, 34, "#d8d2c6", 4) + rect(950, 872, 540, 14, "#a49c8e")
    out += poly([(1080, 852), (1360, 852), (1374, 872), (1066, 872)], "#6a4a33")
    # lamp, letter box, plants
    out += (
        rect(894, 330, 62, 12, "#23262a", 4)
        + poly([(890, 342), (960, 342), (948, 430), (902, 430)], "#ffe7a8")
        + rect(884, 428, 82, 12, "#23262a", 4)
        + rect(918, 306, 14, 26, "#23262a")
    )
    out += (
        rect(700, 480, 150, 110, "#2e3b55", 10)
        + rect(724, 506, 102, 12, "#141b2a", 4)
        + rect(700, 470, 150, 22, "#3d4d6d", 10)
    )
    out += pot(
        920,
        870,
        96,
        "#c9693f",
        "#b25631",
        bush(920, 810, 150, 190, ("#2f6b3a", "#3d8148", "#4f9959"), 11),
    )
    out += pot(
        1560,
        880,
        120,
        "#c9693f",
        "#b25631",
        bush(1560, 808, 210, 280, ("#2f6b3a", "#3d8148", "#4f9959"), 12, 36),
    )
    rng = random.Random(5)
    for _ in range(170):
        y = rng.uniform(-20, 800)
        out += ellipse(
            rng.gauss(1800, 52 + (800 - y) * 0.06),
            y,
            rng.uniform(14, 28),
            rng.uniform(10, 20),
            rng.choice(("#3f7d3c", "#57994b", "#2f6631", "#6fb05c")),
        )
    # the sun comes from the upper right: a slanting shade on the wall
    out += poly([(0, 0), (760, 0), (300, 850), (0, 850)], "#20140c", 'opacity="0.16"')
    out += poly([(0, 850), (300, 850), (160, 1080), (0, 1080)], "#20140c", 'opacity="0.12"')
    return out, ""


def far_house(x, y, wall, roof, s=1.0):
    art = rect(-90, -110, 180, 110, wall) + poly([(-106, -108), (0, -186), (106, -108)], roof)
    art += (
        rect(-64, -80, 40, 40, "#dfeef5")
        + rect(24, -80, 40, 40, "#dfeef5")
        + rect(-16, -62, 32, 62, "#7b4b33")
    )
    return group(art, x, y, s)


def driveway():
    out = gradient("sky", (0, "#5aa9e6", 1), (1, "#d4eefb", 1)) + rect(0, 0, 1920, 480, "url(#sky)")
    out += cloud(380, 120, 1.2) + cloud(1120, 80, 0.9) + cloud(1620, 190, 1.3)
    out += "".join(
        tree(60 + i * 150, 440, 210 + 40 * (i % 3), ("#4f9350", "#3f7f45", "#66a85c"), 40 + i)
        for i in range(13)
    )
    out += (
        far_house(420, 446, "#efe1c6", "#a8503c", 1.25)
        + far_house(800, 446, "#c9d8e0", "#4d5b6b", 1.15)
        + far_house(1400, 446, "#f0cfae", "#7a4a3a", 1.25)
    )
    out += (
        rect(0, 440, 1920, 16, "#cfcabf")
        + rect(0, 456, 1920, 58, "#6d7178")
        + rect(0, 512, 1920, 14, "#cfcabf")
    )
    out += "".join(rect(x, 482, 70, 5, "#e9e9e2") for x in range(-30, 1920, 150))
    lawn = gradient("lawn", (0, "#8fc45c", 1), (1, "#5c9a3c", 1))
    out += lawn + rect(0, 524, 1920, 556, "url(#lawn)")
    for i in range(7):
        a = 524 + i * i * 13
        out += poly(
            [(0, a), (1920, a), (1920, a + 10 + 7 * i), (0, a + 10 + 7 * i)],
            "#ffffff",
            'opacity="0.05"',
        )
    out += poly([(846, 512), (1094, 512), (1590, 1080), (330, 1080)], "#b7b0a8")
    out += poly([(846, 512), (862, 512), (396, 1080), (330, 1080)], "#938c84") + poly(
        [(1078, 512), (1094, 512), (1590, 1080), (1524, 1080)], "#938c84"
    )
    for i in range(1, 9):
        y = 512 + 568 * (i / 9) ** 1.7
        k = (y - 512) / 568
        out += line(862 - 466 * k, y, 1078 + 446 * k, y, "#a29b92", 3)
    # the house's own wall and the bins at the left
    out += poly([(0, 0), (150, 130), (150, 900), (0, 1080)], "#e7ddca") + poly(
        [(150, 130), (176, 150), (176, 884), (150, 900)], "#c9bda6"
    )
    out += "".join(line(0, 160 + 110 * i, 150, 230 + 90 * i, "#d3c7b0", 4) for i in range(8))
    for x, c, d in ((236, "#2f6fae", "#255a8e"), (322, "#3f7a48", "#32633a")):
        out += (
            ellipse(x, 866, 52, 9, "#000", 'opacity="0.25"')
            + poly([(x - 40, 730), (x + 40, 730), (x + 32, 864), (x - 32, 864)], c)
            + rect(x - 45, 712, 90, 22, d, 8)
        )
    before = ""
    for x, y, w, h, s in (
        (1190, 545, 190, 96, 1),
        (1330, 560, 220, 112, 2),
        (1490, 590, 260, 140, 3),
        (1670, 640, 300, 180, 4),
        (1860, 720, 340, 240, 5),
    ):
        before += bush(x, y, w, h, ("#3c7a3a", "#4c8f47", "#2f6631", "#5fa154"), s, 30)
    for i, (x, y) in enumerate(((1480, 690), (1560, 748), (1660, 820), (1750, 890))):
        before += bush(
            x,
            y,
            90 + 16 * i,
            60 + 14 * i,
            ("#6fae55", "#e05780", "#f4d35e", "#ffffff", "#5b9a48"),
            60 + i,
            30,
        )
    return out, before


def garden():
    out = gradient("gsky", (0, "#f5b971", 1), (0.6, "#fbdca4", 1), (1, "#fff0cf", 1)) + rect(
        0, 0, 1920, 560, "url(#gsky)"
    )
    out += glow("sun", 800, 150, 460, "#fff6d8", 0.95) + circle(800, 150, 62, "#fffbe8")
    out += "".join(
        tree(
            60 + 170 * i,
            430,
            250 + 50 * (i % 3),
            ("#b08a3c", "#c59a43", "#8f8436"),
            70 + i,
            "#70502f",
        )
        for i in range(12)
    )
    out += rect(0, 320, 1920, 250, "#8a6a3c")
    for i in range(25):
        x = i * 80
        out += poly(
            [(x, 330), (x + 36, 300), (x + 72, 330), (x + 72, 560), (x, 560)],
            ("#b57f4c", "#ac7745", "#bd8753")[i % 3],
        )
    out += rect(0, 360, 1920, 18, "#8f5f35") + rect(0, 490, 1920, 18, "#8f5f35")
    out += gradient("glawn", (0, "#a9b94a", 1), (1, "#5f8d35", 1)) + rect(
        0, 552, 1920, 528, "url(#glawn)"
    )
    for i in range(-8, 18, 2):
        out += poly(
            [
                (960 + (i - 5) * 90, 552),
                (960 + (i - 4) * 90, 552),
                (960 + (i - 4) * 260, 1080),
                (960 + (i - 5) * 260, 1080),
            ],
            "#fff2b0",
            'opacity="0.10"',
        )
    # flower bed along the fence
    out += path(
        "M0 560 L1920 560 L1920 600 Q1500 640 1100 604 Q700 640 300 606 Q120 624 0 610 Z", "#6b4428"
    )
    colours = ("#e4475b", "#f6a623", "#ffffff", "#b25fc4", "#f9dc5c")
    for i in range(44):
        out += bush(
            24 + i * 44,
            606 + (i % 3) * 6,
            64,
            62 + 20 * (i % 2),
            ("#5b8f3e", "#47782f", colours[i % 5], colours[i % 5]),
            i,
            14,
        )
    # shed
    out += poly([(120, 640), (470, 640), (470, 340), (120, 340)], "#7f98a0") + "".join(
        line(120, 370 + 34 * i, 470, 370 + 34 * i, "#6c858d", 4) for i in range(8)
    )
    out += (
        poly([(90, 346), (295, 210), (500, 346)], "#5b4640")
        + rect(230, 430, 130, 210, "#f0e5d0", 4)
        + rect(246, 446, 98, 80, "#8fb7c4")
        + circle(342, 560, 7, "#5b4640")
    )
    # tree with a swing
    rng = random.Random(9)
    out += ellipse(1480, 790, 330, 44, "#2f4a18", 'opacity="0.35"')
    out += path("M1430 790 Q1462 600 1446 330 L1530 330 Q1516 600 1560 790 Z", "#7a5130") + path(
        "M1500 420 Q1640 380 1720 300 L1734 318 Q1650 410 1500 470 Z", "#7a5130"
    )
    for _ in range(60):
        out += circle(
            rng.gauss(1500, 170),
            rng.gauss(210, 90),
            rng.uniform(44, 84),
            rng.choice(("#8da03a", "#a7b148", "#74892f", "#c2b54e")),
        )
    out += (
        line(1650, 372, 1650, 720, "#f1e1bd", 6)
        + line(1730, 320, 1730, 720, "#f1e1bd", 6)
        + rect(1630, 716, 120, 18, "#c0392b", 5)
    )
    # bird bath, ball, stepping stones
    out += (
        ellipse(900, 770, 70, 12, "#2f4a18", 'opacity="0.35"')
        + poly([(884, 680), (916, 680), (930, 768), (870, 768)], "#cfc8ba")
        + ellipse(900, 676, 88, 22, "#ded8ca")
        + ellipse(900, 672, 70, 14, "#8ec3d6")
    )
    out += "".join(
        ellipse(340 + 88 * i, 690 + 62 * i, 54 + 11 * i, 14 + 5 * i, "#c9bea6") for i in range(6)
    )
    out += (
        ellipse(1180, 934, 50, 9, "#2f4a18", 'opacity="0.35"')
        + circle(1180, 890, 44, "#f4f1ea")
        + path("M1137 880 Q1180 850 1223 880 L1224 902 Q1180 872 1136 902 Z", "#2d6cb5")
    )
    return out, ""
