#!/usr/bin/env python3
"""Writes the first inputs of each target to fuzz/seeds/TARGET/: small files, committed.

They are real ones (from the suites) and made ones, part by part, as the formats have it (SPEC.md).
Run it when a target or a format changes: `python3 fuzz/seeds.py`. It needs the packages of
tests/vectors/requirements.txt.
"""

import base64
import json
import pathlib
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
sys.path.append(str(ROOT / "tests" / "vectors"))

# The sealed format and the key schedule.
from vectors import CHUNK, derive, mac, seal_with_salt
from vectors import encode as context


def write(target, name, content):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def footage_id(milliseconds, random):
    r = random
    return milliseconds.to_bytes(6, "big") + bytes(
        [0x70 | r[0] & 15, r[1], 0x80 | r[2] & 63, r[3], r[4], r[5], r[6], r[7], r[8], r[9]]
    )


TIME = 1_708_075_800_250


def sealed():
    household, camera, footage = b"\1" * 16, b"\2" * 16, footage_id(TIME, b"\3" * 10)
    of_camera = derive(b"\4" * 32, "camera", household + camera)
    key = derive(of_camera, "day", struct.pack(">I", TIME // 86_400_000))
    of = context("eyesonly footage", [household, camera, b"\1", b"", b"", footage, b"\7" * 16])
    for plain in [0, 1, 100, CHUNK, CHUNK + 1]:
        whole = seal_with_salt(key, of, b"\5" * 24, bytes(plain))
        write("sealed", f"object-{plain}", b"\0" + struct.pack(">Q", plain) + whole)
    for number, (chunks, rest, kind, place) in enumerate(
        [(1, 10, 0, 55), (1, 50, 2, 70), (2, 0, 1, 20), (2, 99, 5, 1), (3, 20, 4, 56)]
    ):
        fields = bytes([chunks]) + struct.pack(">H", rest) + b"\x21\x05\x04abcd"
        write(
            "sealed",
            f"changed-{number}",
            fields + bytes([kind]) + struct.pack(">H", place) + b"\1\1\1xyz",
        )


def letters(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def credential():
    edge = b"\1" * 32
    key = derive(edge, "credential")
    ids = [bytes([n]) * 16 for n in (2, 3, 4)]
    viewer = b"ev1." + letters(b"".join(ids[:2]) + mac(key, [b"viewer", *ids[:2]]))
    camera = b"ec1." + letters(b"".join(ids) + mac(key, [b"camera", *ids]))
    write("credential", "bearer-viewer", b"\0aBearer " + viewer)
    write("credential", "bearer-camera", b"\0aBearer " + camera)
    write("credential", "cookie", b"\0ca=b; eyesonly=" + viewer)
    write("credential", "cookie-tls", b"\0c__Host-eyesonly=" + viewer + b"\nabearer  " + camera)
    write("credential", "two", b"\0aBearer " + viewer + b"\naBearer " + camera)
    for kind in (1, 2):
        for change in range(6):
            fields = bytes([kind]) + b"".join(ids) + bytes([change, 0, 40, 66])
            write("credential", f"changed-{kind}-{change}", fields)


# Records.


def spelled(n):
    digits = f"{n:02x}" * 16
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def record():
    right = {
        "camera": spelled(3),
        "household": spelled(4),
        "name": "Front door",
        "role": "guest",
        "kinds": {"live": True, "events": True, "clips": False},
        "window": {"from_milliseconds": 100, "until_milliseconds": 2000},
        "expires_at_seconds": 5000,
    }
    owner = {
        **right,
        "camera": spelled(5),
        "role": "owner",
        "expires_at_seconds": None,
        "kinds": {"live": True, "events": True, "clips": True},
        "window": {"from_milliseconds": None, "until_milliseconds": None},
    }
    viewer = {
        "viewer": spelled(1),
        "name": "alder",
        "households": [spelled(4)],
        "cameras": [right, owner],
        "sequence": 7,
    }
    alone = {**viewer, "households": [], "cameras": [], "sequence": 0}
    guest = {**viewer, "cameras": [{**right, "name": ""}]}
    session = {"session": spelled(1), "viewer": spelled(2), "expires_at_seconds": 60,
               "client": "Firefox"}
    camera = {
        "camera": spelled(1),
        "household": spelled(4),
        "credential": spelled(6),
        "name": "Porch",
        "serial": "A-1",
        "quota_bytes": 1000000,
        "sequence": 9,
    }
    ended = {**camera, "credential": None}
    kinds = [(0, viewer), (0, alone), (0, guest), (1, session), (2, camera), (2, ended)]
    for number, (kind, content) in enumerate(kinds):
        text = json.dumps(content, separators=(",", ":")).encode()
        numbers = struct.pack(">QQ", 9, 1) + b"\0\0\x30\1" + struct.pack(">HH", 1000, 500)
        write(
            "record",
            f"{number}.json",
            bytes([kind]) + struct.pack(">H", len(text)) + text + numbers,
        )

    fields = b"\3\1\1\2" + bytes([7, 2, 0, 0, 1, 9, 9, 2, 2]) + b"abc" + b"\5"
    two = (
        b"\3\2\2\2\1"
        + bytes([3, 0, 1, 0, 9, 0, 0, 1, 1])
        + b"abc"
        + bytes([4, 1, 0, 1, 9, 9, 0, 2, 2])
        + b"def"
        + b"\5"
    )
    for name, fields in [("made", fields), ("made-two", two)]:
        numbers = struct.pack(">QQ", 9, 1) + b"\0\0\x30\1" + struct.pack(">HH", 1000, 500)
        write("record", name, fields + numbers)


# Headers.


def ranges():
    texts = [
        "bytes=0-0",
        "bytes=0-999",
        "bytes=500-",
        "bytes=-10",
        "bytes=-5000",
        "items=0-5",
        "bytes=5-4",
        "bytes=0-1,5-6",
        "BYTES = 1-2",
        "bytes=18446744073709551615-",
        "bytes",
    ]
    for number, text in enumerate(texts):
        total = [1000, 0, 2**64 - 1][number % 3] if number > 8 else 1000
        write("range", str(number), struct.pack(">QB", total, number % 2) + text.encode())


def digest():
    texts = [
        b"sha-256=:\0:",
        b"sha-512=:\1:",
        b"\4, sha-256=:\0:",
        b"sha-256=:\2:",
        b"sha-256=:\0:, sha-512=:\1:",
        b"sha-512=:\1:;a=1, sha-256=:\0:;b",
        b"sha-512=:\3:",
        b"sha-256=(:\0:)",
        b"sha-256=:\2:,sha-256=:\0:",
        b'a=1, b=(1 2);c, d="e", f=?0',
    ]
    for number, text in enumerate(texts):
        write("digest", str(number), bytes([number, 4]) + b"body" + text)


def event():
    for number, text in enumerate(
        [
            '{"kind":"person","label":"Someone at the door"}',
            '{"kind":"motion"}',
            '{"kind":"animal","label":"\\ud83d\\udc08 T\u00fcr","duration_milliseconds":1200}',
            ' {"kind":"other","label":"\u3042\u3044 </script>","duration_milliseconds":70}',
            '{"kind":"person","label":"a\\u2028b\\"c\\\\","duration_milliseconds":null}',
            '["person","label",5]',
            '{"name":"alder","password":"correct horse","bearer":true}',
            "018d9f1e-5e7a-7303-8303-030303030303",
        ]
    ):
        write("event", str(number), struct.pack(">Q", TIME) + text.encode())


# Files.


def boxed(kind, body, is_long=False):
    if is_long:
        return b"\0\0\0\1" + kind + struct.pack(">Q", len(body) + 16) + body
    return struct.pack(">I", len(body) + 8) + kind + body


def mp4():
    start, moov = boxed(b"ftyp", b"isom\0\0\2\0isom"), boxed(b"moov", b"mvhd" * 4)
    files = {
        "whole": start + moov + boxed(b"mdat", bytes(40)),
        "open": start + moov + b"\0\0\0\0mdat" + bytes(9),
        "long": start + moov + boxed(b"mdat", bytes(9), True),
        "fragments": start + moov + (boxed(b"moof", b"mfhd") + boxed(b"mdat", b"12")) * 2,
        "long-fragments": start
        + moov
        + boxed(b"moof", b"mfhd")
        + boxed(b"mdat", b"12")
        + boxed(b"mdat", b"345", True),
        "last": start + boxed(b"free", b"") + boxed(b"mdat", b"34") + moov,
        "cut": start + moov + boxed(b"mdat", bytes(40))[:-3],
    }
    for name, content in files.items():
        write("mp4", name, content)


def fragments():
    """A recording of the demo: its init, and the two fragments after its first picture."""
    film = (HERE.parent / "tests" / "media" / "cedar-porch-live.mp4").read_bytes()
    boxes, at = [], 0
    while at < len(film):
        size = struct.unpack_from(">I", film, at)[0]
        boxes.append(film[at : at + size])
        at += size
    pairs = [a + b for a, b in zip(boxes, boxes[1:]) if a[4:8] == b"moof"]
    init = boxes[0] + boxes[1]
    small = sorted(pairs[1:30], key=len)[:2]
    time = struct.pack(">Q", 0xEE54_0000_0000_0000)
    prft = boxed(b"prft", struct.pack(">II", 0x0100_0018, 1) + time + bytes(8))
    files = {
        "init": init,
        "whole": init + b"".join(small),
        "alone": small[0],
        "dressed": boxed(b"styp", b"msdh" * 2) + boxed(b"sidx", bytes(24)) + prft + small[0],
        "twice": (init + small[0]) * 2,
        "cut": (init + small[0])[:-9],
        "transport": b"G" * 188 * 2,
    }
    for name, content in files.items():
        write("fragments", name, content)


def segment(code, body):
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


def table(number=0, wide=False):
    return bytes([number | (0x10 if wide else 0)]) + (b"\0\1" if wide else b"\1") * 64


def codes(name, values=b"\0"):
    return bytes([name, len(values)]) + bytes(15) + values


def frame(kind, width, height, sampling):
    components = b"".join(bytes([n + 1, factors, 0]) for n, factors in enumerate(sampling))
    return segment(kind, struct.pack(">BHHB", 8, height, width, len(sampling)) + components)


def scan(ids, first=0, last=63, bits=0, data=bytes(60)):
    components = b"".join(bytes([n, 0]) for n in ids)
    return segment(0xDA, bytes([len(ids)]) + components + bytes([first, last, bits])) + data


def jpeg():
    tables = segment(0xDB, table()) + segment(0xC4, codes(0) + codes(0x10))

    def file(*parts):
        return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"

    one, three = [0x11], [0x11, 0x11, 0x11]
    files = {
        "grey": file(tables, frame(0xC0, 16, 16, one), scan([1])),
        "full": file(tables, frame(0xC0, 17, 9, three), scan([1, 2, 3])),
        "halved": file(tables, frame(0xC0, 32, 32, [0x22, 0x11, 0x11]), scan([1, 2, 3])),
        "quartered": file(tables, frame(0xC1, 40, 8, [0x41, 0x11, 0x11]), scan([1, 2, 3])),
        "tall": file(tables, frame(0xC0, 8, 40, [0x12, 0x11, 0x11]), scan([1, 2, 3])),
        "apart": file(
            tables, frame(0xC0, 16, 16, [0x22, 0x11, 0x11]), scan([1]), scan([2]), scan([3])
        ),
        "restarts": file(
            tables,
            segment(0xDD, b"\0\1"),
            frame(0xC0, 24, 8, one),
            scan([1], data=b"\x3f\xff\xd0\x3f\xff\xd1\x3f"),
        ),
        "wide-table": file(
            segment(0xDB, table(0, True)),
            segment(0xC4, codes(0) + codes(0x10)),
            frame(0xC1, 8, 8, one),
            scan([1]),
        ),
        "progressive": file(
            tables,
            frame(0xC2, 16, 16, three),
            scan([1, 2, 3], 0, 0, 1),
            scan([1], 1, 5, 2),
            scan([1], 6, 63, 2),
            scan([1], 1, 63, 0x21),
            scan([1, 2, 3], 0, 0, 0x10),
            scan([2], 1, 63),
            scan([3], 1, 63),
            scan([1], 1, 63, 0x10),
        ),
        "motion": file(
            segment(0xE0, b"AVI1\0\0"),
            segment(0xDB, table()),
            frame(0xC0, 16, 8, [0x21, 0x11, 0x11]),
            scan([1, 2, 3]),
        ),
        "marked": file(
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"),
            segment(0xFE, b"words"),
            segment(0xE2, b"ICC_PROFILE\0\1\1abc"),
            tables,
            frame(0xC0, 8, 8, three),
            scan([1, 2, 3]),
        ),
    }
    for name, content in files.items():
        write("jpeg", name, content)
    pictures = ROOT / "components" / "thumbnail" / "testdata"
    for picture in sorted(pictures.glob("quadrants-96x64*.jpg")):
        write("jpeg", picture.stem, picture.read_bytes())
    special = ROOT / "tests" / "media" / "special"
    for name in ["orientation-6.jpg", "claims-60000x60000.jpg", "png-named.jpg"]:
        write("jpeg", pathlib.Path(name).stem, (special / name).read_bytes())


def component():
    header = b"\0asm\x0d\0\1\0"

    def section(code, body):
        return bytes([code, len(body)]) + body

    def named(name):
        return bytes([0, len(name)]) + name.encode()

    an_interface = section(7, b"\1\x42\0")

    def imports(*names):
        items = b"".join(named(name) + b"\5\0" for name in names)
        return section(10, bytes([len(names)]) + items)

    an_instance = section(5, b"\1\1\0")

    def exports(name, instance):
        return section(11, b"\1" + named(name) + bytes([5, instance, 0]))

    contract = ["eyesonly:edge/types@0.3.0", "eyesonly:edge/footage@0.3.0"]
    handler = "eyesonly:edge/handler@0.3.0"
    files = {
        "empty": header,
        "handler": header + an_instance + exports(handler, 0),
        "asks": header + an_interface + imports(contract[0]) + an_instance + exports(handler, 1),
        "asks-twice": header
        + an_interface
        + imports(*contract)
        + an_instance
        + exports(handler, 2),
        "asks-for-more": header
        + an_interface
        + imports("wasi:cli/environment@0.2.0")
        + an_instance
        + exports(handler, 1),
        "no-handler": header + an_instance + exports("a-b", 0),
        "nested": header
        + section(4, header + an_interface + imports(contract[0]))
        + an_instance
        + exports(handler, 0),
        "module": header + section(1, b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\4\1\2\0\x0b"),
        "types": header + section(7, b"\2\x40\1\1ay\0\x73\x72\1\1aq"),
        "custom": header + section(0, b"\4name\0") + an_interface + imports(contract[0]),
        "core": b"\0asm\1\0\0\0",
    }
    for name, content in files.items():
        write("component", name, content)


# Values of the key-value store, as postcard has them.


def number(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def some(raw):
    return b"\1" + number(len(raw)) + raw


def kv():
    places = [
        "registry",
        "record",
        "camera",
        "cameras",
        "row",
        "name",
        "days",
        "page",
        "group",
        "object",
        "upload",
        "part",
        "key",
        "attempts",
    ]

    def values(**of):
        return b"".join(
            bytes([places.index(place)]) + struct.pack(">H", len(raw)) + raw
            for place, raw in of.items()
        )

    def entry(raw, version=1):
        return number(version) + some(raw)

    footage = footage_id(TIME, b"\2" * 10)

    def row(kind, deleted, inline):
        return (
            b"\1" * 32
            + b"\1" * 16
            + bytes([kind])
            + footage
            + b"\0"
            + b"\7" * 16
            + b"\2" * 32
            + number(100)
            + b"\3" * 32
            + bytes([deleted])
            + inline
            + b"\4" * 32
        )

    ask = b"\x0a\0\1\0\4"
    day = number(TIME // 86_400_000)
    write(
        "kv",
        "rows",
        ask
        + values(
            registry=number(5) + b"\0",
            row=entry(row(4, 0, some(b"details"))),
            days=entry(b"\1" + day),
            page=entry(b"\1" + footage + b"\1" + b"\1" * 32),
            group=entry(b"\1" + b"\1" * 32),
            camera=number(2) + b"\1" + b"\1" * 16 + number(100) + b"\1" + row(1, 0, b"\0") + b"\0",
            cameras=b"\1" + b"\1" * 16,
            name=entry(b"\5" * 32),
        ),
    )
    write("kv", "deleted", ask + values(row=entry(row(2, 1, b"\0")), name=number(3) + b"\0"))
    write(
        "kv",
        "record",
        ask
        + values(
            registry=number(5) + b"\1" + number(3) + b"a/b" + some(b"late"),
            record=entry(number(3) + b"abc"),
        ),
    )
    write(
        "kv",
        "object",
        ask + values(object=number(200) + number(TIME) + b"\0" + number(200) + bytes(200)),
    )
    write(
        "kv",
        "parts",
        ask
        + values(
            object=number(300) + number(TIME) + b"\1" + b"\1" * 16,
            part=bytes(300),
            upload=number(TIME) + number(2) + b"\1" * 32 + b"\0",
        ),
    )
    write("kv", "keys", ask + values(key=bytes(104), attempts=number(12) + number(TIME // 1000)))


def keyring():
    kek = derive(b"\7" * 32, "wrapped-key")

    def wrapped(owner, secret, salt):
        sealed = seal_with_salt(kek, context("eyesonly key", [owner]), salt, secret)
        return base64.b64encode(sealed).decode()

    households = {
        spelled(n): wrapped(bytes([n]) * 16, bytes([n]) * 32, bytes([n]) * 24) for n in (1, 2, 3)
    }
    edge = wrapped(b"edge", b"\5" * 32, b"\6" * 24)
    crossed = {**households, spelled(1): households[spelled(2)]}
    for name, of in [
        ("one", dict(list(households.items())[:1])),
        ("three", households),
        ("crossed", crossed),
        ("none", {}),
    ]:
        content = {"version": 1, "edge": edge, "households": of}
        write("keyring", f"{name}.json", json.dumps(content, separators=(",", ":")).encode())


if __name__ == "__main__":
    shutil.rmtree(HERE / "seeds", ignore_errors=True)
    for make in [
        sealed,
        credential,
        record,
        ranges,
        digest,
        event,
        mp4,
        fragments,
        jpeg,
        component,
        kv,
        keyring,
    ]:
        make()
