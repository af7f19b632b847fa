"""Birch Row 12, in the evening: the view from the front door over the street at dusk, and the
hallway by lamplight.

A scene function returns (behind, before): what lies behind the things that move, and what hides
them.
"""

import random

from figures import circle, ellipse, line, path, poly, rect
from scenes_alder import bush, cloud, glow, gradient


def row_house(x, w, h, wall, roof, lit, seed):
    rng = random.Random(seed)
    base = 600
    out = rect(x, base - h, w, h, wall) + poly(
        [(x - 8, base - h), (x + w * 0.5, base - h - 110), (x + w + 8, base - h)], roof
    )
    out += rect(x + w * 0.72, base - h - 120, 34, 80, roof)
    for row in range(2):
        for column in range(3):
            on = rng.random() < lit
            wx, wy = x + w * (0.12 + 0.29 * column), base - h + 34 + 122 * row
            if row == 1 and column == 1:
                out += rect(wx, wy + 4, w * 0.2, h - 160, "#2a2036", 4)
                continue
            out += rect(wx - 5, wy - 5, w * 0.2 + 10, 86, "#2a2036", 3) + rect(
                wx, wy, w * 0.2, 76, "#ffd27a" if on else "#4b4266"
            )
            out += line(wx + w * 0.1, wy, wx + w * 0.1, wy + 76, "#2a2036", 4)
    return out


def birch(x, y, h, seed):
    rng = random.Random(seed)
    out = poly([(x - 22, y), (x - 12, y - h), (x + 12, y - h), (x + 24, y)], "#d9d0d6")
    out += poly([(x + 4, y), (x + 3, y - h), (x + 12, y - h), (x + 24, y)], "#a99fb2")
    for _ in range(16):
        by = y - rng.uniform(0.03, 0.95) * h
        out += line(
            x + rng.uniform(-14, 0),
            by,
            x + rng.uniform(2, 14),
            by + rng.uniform(-4, 4),
            "#3a3144",
            rng.choice((4, 6, 8)),
        )
    for _ in range(34):
        out += circle(
            x + rng.gauss(0, 110),
            y - h + rng.gauss(0, 70),
            rng.uniform(24, 50),
            rng.choice(("#7d5b5e", "#8f6a52", "#6a4e60", "#a67a4c")),
        )
    return out


def front_door():
    out = gradient(
        "dusk", (0, "#3b2d63", 1), (0.45, "#a1507c", 1), (0.8, "#f08a5d", 1), (1, "#f9c784", 1)
    ) + rect(0, 0, 1920, 620, "url(#dusk)")
    out += (
        cloud(420, 210, 1.4, "#c9668a", 0.55)
        + cloud(1240, 130, 1.7, "#8d4d86", 0.5)
        + cloud(1650, 300, 1.2, "#f5a06a", 0.55)
    )
    houses = (
        (-40, 330, 300, "#5c4a6e", "#3d3052"),
        (300, 300, 340, "#6b4e63", "#472f49"),
        (610, 320, 290, "#54496f", "#382f52"),
        (940, 310, 350, "#70526a", "#4a3350"),
        (1260, 320, 300, "#584a70", "#3b3153"),
        (1590, 350, 330, "#684b60", "#44304b"),
    )
    out += rect(0, 360, 1920, 240, "#463856")
    out += "".join(row_house(x, w, h, a, b, 0.5, i + 3) for i, (x, w, h, a, b) in enumerate(houses))
    out += (
        rect(0, 596, 1920, 24, "#7a6a80")
        + rect(0, 618, 1920, 70, "#433a50")
        + rect(0, 686, 1920, 22, "#8a788a")
    )
    out += "".join(rect(x, 650, 90, 6, "#c9b6b0") for x in range(20, 1920, 190))
    # garden and path
    out += gradient("grass", (0, "#5a5f4c", 1), (1, "#3a4a38", 1)) + rect(
        0, 706, 1920, 374, "url(#grass)"
    )
    out += poly([(850, 706), (1070, 706), (1400, 1080), (520, 1080)], "#a98f8a")
    for i in range(1, 7):
        y = 706 + 374 * (i / 7) ** 1.5
        k = (y - 706) / 374
        out += line(850 - 330 * k, y, 1070 + 330 * k, y, "#8b736f", 4)
    out += line(960, 706, 960, 1080, "#8b736f", 4)
    # street lamp
    out += (
        rect(1490, 220, 14, 490, "#241c30")
        + path("M1497 224 Q1497 170 1430 172", "none", 'stroke="#241c30" stroke-width="12"')
        + rect(1392, 164, 64, 18, "#241c30", 6)
    )
    out += glow("lamp", 1424, 190, 330, "#ffdf9a", 0.85) + ellipse(1424, 186, 28, 12, "#fff6dc")
    out += birch(250, 800, 560, 4) + birch(120, 900, 640, 8)
    # gate posts and hedges
    for x in (812, 1108):
        out += rect(x - 22, 610, 44, 112, "#c7aca2", 3) + rect(x - 30, 596, 60, 20, "#e0c6b8", 4)
    for i, x in enumerate((690, 560, 420, 270)):
        out += bush(
            x,
            770 + i * 34,
            220 + 26 * i,
            130 + 24 * i,
            ("#3f5a42", "#4d6b4c", "#33503a", "#5b7a55"),
            i,
            34,
        )
    for i, x in enumerate((1230, 1370, 1530, 1700, 1880)):
        out += bush(
            x,
            770 + i * 34,
            220 + 26 * i,
            130 + 24 * i,
            ("#3f5a42", "#4d6b4c", "#33503a", "#5b7a55"),
            20 + i,
            34,
        )
    # warm light falls out of the house onto the path
    out += gradient(
        "warm", (0, "#ffd79a", 0.55), (1, "#ffd79a", 0), radial=(960, 1100, 520)
    ) + rect(300, 600, 1320, 480, "url(#warm)")
    # the porch around the camera
    before = path("M0 0 H1920 V1080 H1840 V150 Q960 10 80 150 V1080 H0 Z", "#1d1528")
    before += path(
        "M80 1080 V150 Q960 10 1840 150 V1080", "none", 'stroke="#3a2b48" stroke-width="10"'
    )
    return out, before


def hallway():
    # room: back wall 620..1300 x 230..690
    out = rect(0, 0, 1920, 1080, "#c98f4e")
    out += poly([(0, 0), (1920, 0), (1300, 230), (620, 230)], "#f3e3c4")
    out += gradient("left", (0, "#d9a25c", 1), (1, "#b97f40", 1)) + poly(
        [(0, 0), (620, 230), (620, 690), (0, 1080)], "url(#left)"
    )
    out += gradient("right", (0, "#cf9650", 1), (1, "#a97238", 1)) + poly(
        [(1920, 0), (1300, 230), (1300, 690), (1920, 1080)], "url(#right)"
    )
    out += rect(620, 230, 680, 460, "#e3b26c")
    boards = ("#8a5433", "#7f4c2d", "#945c39", "#86512f")
    for i in range(16):
        a, b = 620 + 680 * i / 16, 620 + 680 * (i + 1) / 16
        a2, b2 = -480 + 2880 * i / 16, -480 + 2880 * (i + 1) / 16
        out += poly([(a, 690), (b, 690), (b2, 1080), (a2, 1080)], boards[i % 4])
    out += (
        poly([(0, 1080), (620, 690), (620, 668), (0, 1040)], "#f7ead0")
        + poly([(1920, 1080), (1300, 690), (1300, 668), (1920, 1040)], "#f7ead0")
        + rect(620, 668, 680, 22, "#f7ead0")
    )
    # rug
    out += poly([(760, 730), (1160, 730), (1500, 1080), (420, 1080)], "#7d2f3c") + poly(
        [(786, 742), (1134, 742), (1436, 1080), (484, 1080)], "#b5524b"
    )
    out += poly([(812, 756), (1108, 756), (1372, 1080), (548, 1080)], "#e0b070") + poly(
        [(838, 772), (1082, 772), (1306, 1080), (614, 1080)], "#7d2f3c"
    )
    # front door with glass in the back wall, evening outside
    out += rect(850, 300, 220, 390, "#f7ead0") + rect(868, 318, 184, 372, "#34604f")
    out += (
        gradient("pane", (0, "#57407a", 1), (1, "#d9776a", 1))
        + rect(892, 344, 60, 150, "url(#pane)", 4)
        + rect(968, 344, 60, 150, "url(#pane)", 4)
    )
    out += rect(892, 530, 136, 120, "#2a4f41", 4) + circle(1036, 512, 8, "#e5c15d")
    # pictures on the back wall, coat rack at its right
    out += (
        rect(660, 330, 150, 110, "#4b3426", 3)
        + rect(672, 342, 126, 86, "#cfe3e2")
        + poly([(672, 428), (716, 372), (748, 404), (768, 384), (798, 428)], "#4f8a72")
        + circle(776, 362, 9, "#f0b44c")
    )
    out += rect(1104, 350, 170, 14, "#5a3a26", 4)
    for x, c, d in ((1128, "#3c6e9f", 170), (1184, "#c9a23a", 190), (1240, "#7b3b5d", 150)):
        out += path(
            f"M{x - 10} 362 Q{x} 346 {x + 10} 362 L{x + 30} {362 + d} L{x - 30} {362 + d} Z", c
        )
    out += rect(1110, 640, 60, 28, "#3a2a22", 10) + rect(1184, 640, 60, 28, "#8a4b2f", 10)
    # console with lamp and mirror on the left wall
    out += (
        poly([(180, 330), (440, 372), (440, 610), (180, 650)], "#5a3a26")
        + poly([(202, 356), (422, 390), (422, 592), (202, 622)], "#bfd0cd")
        + poly([(240, 362), (300, 372), (250, 612), (216, 618)], "#ffffff", 'opacity="0.4"')
    )
    out += poly([(120, 770), (520, 664), (560, 678), (170, 800)], "#6f4529") + poly(
        [(170, 800), (560, 678), (560, 706), (170, 836)], "#55331d"
    )
    for x, y, h in ((180, 832, 206), (300, 796, 156), (548, 704, 60)):
        out += poly([(x, y), (x + 18, y - 6), (x + 18, y + h - 8), (x, y + h)], "#55331d")
    out += (
        rect(392, 612, 12, 100, "#e5c15d")
        + ellipse(398, 712, 30, 8, "#e5c15d")
        + poly([(362, 540), (434, 540), (458, 616), (338, 616)], "#fff0c2")
    )
    out += glow("hall", 398, 580, 460, "#ffe9ae", 0.75)
    out += poly([(230, 690), (290, 676), (296, 748), (240, 762)], "#3f6f8f") + bush(
        262, 690, 110, 150, ("#4f8a45", "#3d7338", "#69a859"), 5
    )
    # stairs on the right
    for i in range(7):
        x0, y0 = 1330 + i * 88, 700 + 12 * i - i * 98 + 60
        out += poly(
            [
                (x0, y0),
                (x0 + 100, y0 + 20),
                (1920, y0 + 20 + (1820 - x0) * 0.62),
                (1920, 1080),
                (x0 + 10, y0 + 120),
            ],
            ("#e9d3a8", "#dcc294")[i % 2],
        )
        out += line(x0, y0, x0 + 100, y0 + 18, "#6f4529", 14)
    out += "".join(
        line(
            1330 + i * 88 + 30,
            770 + 12 * i - i * 98,
            1330 + i * 88 + 30,
            530 + 12 * i - i * 98,
            "#f7ead0",
            10,
        )
        for i in range(7)
    )
    out += line(1340, 540, 1920, -30, "#6f4529", 24)
    # ceiling lamp
    out += (
        line(960, 60, 960, 150, "#5a3a26", 6)
        + ellipse(960, 178, 74, 34, "#fff3d2")
        + glow("ceil", 960, 178, 360, "#fff3d2", 0.55)
    )
    return out, ""
