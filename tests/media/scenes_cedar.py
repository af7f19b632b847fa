"""Cedar Court 7: a porch in the blue hour, a garage under its lamps, a back yard by infra-red at
night.

A scene function returns (behind, before): what lies behind the things that move, and what hides
them.
"""

import random

from figures import car_front, circle, ellipse, line, path, poly, rect
from scenes_alder import bush, glow, gradient


def cedar(x, y, h, colour):
    out = rect(x - h * 0.02, y - h * 0.12, h * 0.04, h * 0.12, colour)
    for i in range(6):
        w, top = h * (0.24 - 0.033 * i), y - h * (0.1 + 0.14 * i)
        out += poly([(x - w, top), (x, top - h * 0.26), (x + w, top)], colour)
    return out


def porch():
    out = gradient("night", (0, "#0f1c44", 1), (0.6, "#27477f", 1), (1, "#5f86b5", 1)) + rect(
        0, 0, 1920, 760, "url(#night)"
    )
    rng = random.Random(2)
    out += "".join(
        circle(
            rng.uniform(700, 1920),
            rng.uniform(0, 380),
            rng.uniform(1.2, 3),
            "#e8f0ff",
            'opacity="0.8"',
        )
        for _ in range(70)
    )
    out += (
        glow("moon", 1600, 190, 200, "#dfeaff", 0.5)
        + circle(1600, 190, 58, "#f2f5ff")
        + circle(1580, 176, 12, "#d9e1f4")
        + circle(1618, 210, 8, "#d9e1f4")
    )
    out += "".join(
        cedar(780 + i * 120, 740, 340 + 90 * ((i * 7) % 4), ("#1b3558", "#234268")[i % 2])
        for i in range(11)
    )
    out += "".join(cedar(840 + i * 190, 800, 260 + 60 * (i % 3), "#122642") for i in range(7))
    out += (
        path("M700 720 Q1000 660 1300 700 Q1620 650 1920 690 V820 H700 Z", "#152a4a")
        + rect(0, 740, 1920, 340, "#1b3a2b")
        + path("M700 760 Q1200 720 1920 770 V860 H700 Z", "#204536")
    )
    # house wall: siding, window, door
    out += rect(0, 0, 760, 850, "#3f6a86") + "".join(
        line(0, 40 + 44 * i, 760, 40 + 44 * i, "#34586f", 5) for i in range(19)
    )
    out += (
        rect(60, 260, 230, 330, "#eef2f4", 4)
        + gradient("win", (0, "#ffe3a0", 1), (1, "#ffb95e", 1))
        + rect(78, 278, 194, 294, "url(#win)")
    )
    out += (
        rect(168, 278, 12, 294, "#eef2f4")
        + rect(78, 420, 194, 10, "#eef2f4")
        + path("M78 278 h60 q-6 150 -60 220 Z", "#d98a4a", 'opacity="0.6"')
        + path("M272 278 h-60 q6 150 60 220 Z", "#d98a4a", 'opacity="0.6"')
    )
    out += (
        rect(390, 230, 270, 620, "#eef2f4", 4)
        + rect(412, 252, 226, 598, "#d8682f")
        + rect(452, 290, 146, 190, "url(#win)", 70)
    )
    out += (
        rect(446, 530, 158, 260, "#b9531f", 6)
        + rect(456, 540, 138, 240, "#e27a42", 4)
        + circle(616, 556, 12, "#f4e0a0")
    )
    out += (
        rect(690, 420, 44, 12, "#10161d")
        + poly([(686, 432), (738, 432), (730, 506), (694, 506)], "#fff2c4")
        + glow("lantern", 712, 470, 330, "#ffdf95", 0.8)
    )
    out += rect(752, 0, 26, 850, "#dfe6ea") + rect(752, 0, 6, 850, "#b8c4cc")
    # floor and steps
    out += (
        rect(0, 848, 1400, 232, "#8a6a4c")
        + "".join(line(0, 856 + i * i * 6, 1400, 856 + i * i * 6, "#6d5138", 4) for i in range(6))
        + rect(0, 846, 1400, 8, "#5c432d")
    )
    for i in range(3):
        out += rect(
            1400 + i * 120, 892 + i * 40, 125, 200, ("#7d5f44", "#735639", "#684c31")[i]
        ) + rect(1400 + i * 120, 886 + i * 40, 132, 12, "#a98a68")
    out += poly([(410, 866), (640, 866), (670, 904), (380, 904)], "#7d3a32") + poly(
        [(426, 871), (624, 871), (648, 899), (402, 899)], "#a9564a"
    )
    # hanging bench
    out += line(880, 60, 880, 640, "#2b2018", 6) + line(1180, 60, 1180, 640, "#2b2018", 6)
    out += (
        rect(850, 560, 360, 120, "#6a452c", 8)
        + "".join(rect(866 + 56 * i, 572, 40, 98, "#825739", 4) for i in range(6))
        + rect(836, 676, 388, 30, "#4f321f", 6)
    )
    out += rect(872, 606, 110, 82, "#d9c25a", 16) + rect(1080, 600, 106, 86, "#5aa6a0", 16)
    # string of lights
    out += path(
        "M0 40 Q380 170 760 60 Q1160 210 1560 70 Q1760 150 1920 90",
        "none",
        'stroke="#141c2c" stroke-width="5"',
    )
    for x, y in (
        (130, 82),
        (290, 112),
        (450, 114),
        (610, 92),
        (900, 98),
        (1040, 128),
        (1180, 136),
        (1320, 126),
        (1460, 98),
        (1680, 104),
        (1820, 112),
    ):
        out += glow(f"bulb{x}", x, y + 14, 70, "#ffd98a", 0.7) + ellipse(
            x, y + 14, 11, 15, "#fff0c0"
        )
    # railing with post, in front of whoever walks behind it
    before = (
        rect(1380, 0, 30, 930, "#dfe6ea")
        + rect(1380, 0, 7, 930, "#b8c4cc")
        + rect(1370, 916, 50, 18, "#f4f7f9", 4)
    )
    return out, before


def bicycle(x, y, s):
    wheel = lambda wx: circle(wx, 0, 62, "none", 'stroke="#20262b" stroke-width="9"') + circle(
        wx, 0, 6, "#20262b"
    )
    frame = 'stroke="#2f9e8f" stroke-width="9" stroke-linejoin="round" stroke-linecap="round"'
    art = (
        wheel(-92)
        + wheel(92)
        + path(
            "M-92 0 L-40 -84 L56 -84 L0 0 Z M-40 -84 L0 0 M92 0 L56 -100 L80 -112 "
            "M-52 -104 L-40 -84",
            "none",
            frame,
        )
    )
    return (
        f'<g transform="translate({x} {y}) scale({s})">{art}'
        f'{rect(-74, -114, 44, 11, "#20262b", 5)}</g>'
    )


def garage():
    out = gradient("gwall", (0, "#aebcc0", 1), (1, "#d5dddc", 1)) + rect(
        0, 0, 1920, 760, "url(#gwall)"
    )
    out += rect(0, 0, 1920, 120, "#8d9a9e") + "".join(
        rect(0, y, 1920, 6, "#7d8a8e") for y in (30, 74)
    )
    for x in (420, 1180):
        out += glow(f"tube{x}", x + 160, 110, 430, "#f6ffff", 0.75) + rect(
            x, 92, 320, 30, "#ffffff", 8
        )
    # sectional door
    out += rect(620, 210, 760, 550, "#6f7c80", 4)
    for row in range(5):
        for column in range(4):
            out += rect(634 + column * 184, 222 + row * 107, 176, 99, "#eef0ec", 4) + rect(
                650 + column * 184,
                238 + row * 107,
                144,
                67,
                "#dfe3df" if row != 1 else "#8fb6c9",
                4,
            )
    out += gradient("floor", (0, "#9a9c98", 1), (1, "#7c7e7b", 1)) + rect(
        0, 756, 1920, 324, "url(#floor)"
    )
    out += ellipse(1000, 1010, 620, 66, "#ffffff", 'opacity="0.10"') + "".join(
        line(960 + k * 250, 760, 960 + k * 620, 1080, "#72746f", 4) for k in (-3, -1, 1, 3)
    )
    # shelves on the left
    out += rect(60, 250, 20, 560, "#4a5257") + rect(470, 250, 20, 560, "#4a5257")
    boxes = (
        ("#c99a5b", 110, 96),
        ("#3f7fb0", 90, 76),
        ("#d9b23f", 100, 60),
        ("#c99a5b", 70, 110),
        ("#5f9f6a", 90, 84),
        ("#b0553f", 86, 98),
        ("#8a8fa0", 110, 70),
        ("#c99a5b", 120, 104),
        ("#e8e2d2", 80, 88),
    )
    for shelf, y in enumerate((400, 560, 720)):
        x = 92
        for c, w, h in boxes[shelf * 3 : shelf * 3 + 3]:
            out += rect(x, y - h, w, h, c, 3) + rect(x, y - h, w, 10, "#000", 3, 'opacity="0.12"')
            x += w + 22
        out += rect(54, y, 442, 16, "#5f686d", 3)
    out += (
        ellipse(150, 812, 52, 8, "#000", 'opacity="0.25"')
        + rect(100, 746, 100, 64, "#d23f31", 8)
        + rect(100, 740, 100, 16, "#3a3a3a", 6)
    )
    # tool wall and bench on the right
    out += rect(1450, 230, 420, 300, "#d8a768", 6) + "".join(
        circle(1474 + 31 * (i % 13), 252 + 32 * (i // 13), 3, "#b3854b") for i in range(117)
    )
    out += rect(1490, 270, 16, 150, "#8a4b2f", 5) + rect(1468, 262, 60, 34, "#51585c", 5)
    out += path("M1580 270 L1690 270 L1690 300 L1600 380 L1580 380 Z", "#eef3f4") + rect(
        1560, 262, 40, 70, "#c0392b", 10
    )
    out += (
        rect(1740, 262, 14, 190, "#51585c", 6)
        + circle(1747, 268, 26, "#51585c")
        + circle(1747, 256, 14, "#d8a768")
    )
    out += (
        rect(1800, 270, 12, 90, "#e0c13f", 4)
        + rect(1802, 356, 8, 80, "#7b868a")
        + rect(1836, 270, 12, 90, "#c0392b", 4)
        + rect(1838, 356, 8, 60, "#7b868a")
    )
    out += (
        rect(1420, 600, 500, 34, "#8f6238", 4)
        + rect(1440, 634, 24, 210, "#6d4826")
        + rect(1860, 634, 24, 210, "#6d4826")
        + rect(1470, 640, 380, 110, "#7b5430", 4)
    )
    out += (
        rect(1520, 548, 110, 52, "#c0392b", 6)
        + rect(1550, 532, 50, 18, "#7d241b", 6)
        + rect(1700, 560, 60, 40, "#3f7fb0", 4)
    )
    out += bicycle(1640, 905, 1.35)
    out += car_front(930, 985, 640, "#d7b12f", "#9d7e1a")
    return out, ""


def back_yard():
    # Drawn in greys; the infra-red grade follows.
    out = gradient("ir", (0, "#0c0c0c", 1), (1, "#232323", 1)) + rect(0, 0, 1920, 560, "url(#ir)")
    out += "".join(
        cedar(90 + i * 210, 420, 330 + 70 * ((i * 5) % 3), ("#1c1c1c", "#262626")[i % 2])
        for i in range(10)
    )
    for i in range(17):
        x = i * 116
        out += rect(x, 270, 108, 270, ("#6f6f6f", "#767676", "#696969")[i % 3], 3)
    out += rect(0, 306, 1920, 16, "#585858") + rect(0, 486, 1920, 16, "#585858")
    out += gradient("irg", (0, "#777777", 1), (1, "#a3a3a3", 1)) + rect(
        0, 532, 1920, 548, "url(#irg)"
    )
    rng = random.Random(31)
    for _ in range(420):
        y = 545 + 530 * rng.random() ** 1.4
        s = 4 + (y - 540) / 60
        x = rng.uniform(0, 1920)
        out += line(
            x,
            y,
            x + rng.uniform(-4, 4),
            y - s * 1.6,
            rng.choice(("#8f8f8f", "#b5b5b5", "#6c6c6c")),
            3,
        )
    # trampoline
    out += (
        "".join(line(x, 640, x, 760, "#d9d9d9", 9) for x in (250, 380, 560, 690))
        + ellipse(470, 640, 270, 62, "#d4d4d4")
        + ellipse(470, 636, 232, 48, "#3a3a3a")
    )
    out += "".join(
        line(x, y, x, y - 250, "#bdbdbd", 7)
        for x, y in ((206, 632), (330, 596), (610, 596), (734, 632))
    )
    out += path(
        "M206 384 Q330 330 470 346 Q610 330 734 384", "none", 'stroke="#bdbdbd" stroke-width="6"'
    )
    # washing line
    out += (
        rect(1010, 290, 14, 330, "#c9c9c9")
        + rect(1790, 300, 14, 340, "#c9c9c9")
        + path("M1017 306 Q1400 360 1797 316", "none", 'stroke="#efefef" stroke-width="4"')
    )
    for x, y, w, h, c in (
        (1120, 320, 110, 150, "#e9e9e9"),
        (1270, 330, 80, 120, "#9a9a9a"),
        (1390, 336, 130, 170, "#f5f5f5"),
        (1570, 332, 90, 110, "#bcbcbc"),
    ):
        out += poly([(x, y), (x + w, y + 3), (x + w - 6, y + h), (x + 8, y + h - 8)], c)
    # table with parasol, at the right
    out += (
        ellipse(1560, 800, 190, 22, "#000", 'opacity="0.35"')
        + rect(1552, 560, 14, 240, "#d8d8d8")
        + ellipse(1560, 690, 170, 36, "#d0d0d0")
        + path("M1350 575 Q1560 430 1770 575 Z", "#e4e4e4")
        + path(
            "M1560 500 L1490 575 M1560 500 L1630 575", "none", 'stroke="#a8a8a8" stroke-width="5"'
        )
    )
    out += bush(60, 640, 240, 230, ("#5e5e5e", "#707070", "#848484"), 3, 40) + bush(
        1890, 700, 260, 260, ("#5e5e5e", "#707070", "#848484"), 4, 40
    )
    return out, ""
