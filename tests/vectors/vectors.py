#!/usr/bin/env python3
"""Opens what Eyesonly sealed, and seals what Eyesonly opens, with nothing of Eyesonly's code.

Contexts, keys and names are computed here from SPEC.md alone ("The sealed format", "The key
schedule", "Names"). The sealed format itself is the `cryptography` package's Cobblestone-256.

    vectors.py check DIR        open everything in DIR (manifest.json and the files it names)
    vectors.py write DIR        write a directory like that, with fresh random keys
    vectors.py known FILE       check the known answers
    vectors.py make-known FILE  write them anew (when the format changes, and its version with it)
"""

import hashlib
import hmac
import json
import os
import pathlib
import struct
import sys
import uuid

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 16384
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 64 * CHUNK - 1, 64 * CHUNK, 64 * CHUNK + 1]
KINDS = {"still": 1, "event-still": 2, "clip": 3, "event": 4, "live-chunk": 6}


# The key schedule.


def hkdf_expand_sha512(key, info, length):
    """RFC 5869, section 2.3."""
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha512).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def derive(key, purpose, ids=b""):
    return hkdf_expand_sha512(key, b"eyesonly/v1/" + purpose.encode() + b"\0" + ids, 32)


def camera_key(household_key, household, camera):
    return derive(household_key, "camera", household + camera)


def day_of(footage_id):
    return int.from_bytes(footage_id[:6], "big") // 86_400_000


def day_key(camera, day):
    return derive(camera, "day", struct.pack(">I", day))


def mac(key, parts):
    message = b"".join(struct.pack(">Q", len(part)) + part for part in parts)
    return hmac.new(key, message, hashlib.sha256).digest()


def body_digest(key, body):
    return hmac.new(key, b"\xff" * 8 + body, hashlib.sha256).digest()


# Contexts.


def encode(domain, fields):
    fields = [domain.encode(), b"\x01", *fields]
    return b"".join(struct.pack(">H", len(field)) + field for field in fields)


def footage_fields(entry):
    rendition = entry["rendition"]
    return [
        uuid.UUID(entry["household"]).bytes,
        uuid.UUID(entry["camera"]).bytes,
        bytes([KINDS[entry["kind"]]]),
        rendition["name"].encode() if rendition else b"",
        bytes.fromhex(rendition["handler"]) if rendition else b"",
        uuid.UUID(entry["object"]).bytes,
    ]


def footage_context(entry):
    return encode("eyesonly footage", [*footage_fields(entry), uuid.UUID(entry["version"]).bytes])


def slot(entry):
    return encode("eyesonly slot", footage_fields(entry))


def question(entry):
    """Returns the sealing key and the context of an entry of a manifest, and the names that follow
    from them."""
    root = bytes.fromhex(entry["root"])
    if entry["type"] == "footage":
        household, camera = uuid.UUID(entry["household"]).bytes, uuid.UUID(entry["camera"]).bytes
        of_camera = camera_key(root, household, camera)
        key = day_key(of_camera, day_of(uuid.UUID(entry["object"]).bytes))
        context, name_key = footage_context(entry), derive(of_camera, "name")
        names = {
            "object_name": mac(name_key, [context]).hex(),
            "slot_name": mac(name_key, [slot(entry)]).hex(),
        }
        return key, context, names
    if entry["type"] == "record":
        fields = [entry["kind"].encode(), bytes.fromhex(entry["key"])]
        return derive(root, "record"), encode("eyesonly record", fields), {}
    if entry["type"] == "wrapped-key":
        return (
            derive(root, "wrapped-key"),
            encode("eyesonly key", [bytes.fromhex(entry["owner"])]),
            {},
        )
    raise SystemExit(f"vectors: unknown type {entry['type']!r}")


# The sealed format.


def seal(key, context, plain):
    encryptor = Cobblestone256Encryptor(key, context)
    return encryptor.update(plain) + encryptor.finalize()


def open_sealed(key, context, sealed):
    decryptor = Cobblestone256Decryptor(key, context)
    return decryptor.update(sealed) + decryptor.finalize()


def seal_with_salt(key, context, salt, plain):
    """The format written out from its specification, for answers that are known beforehand."""
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    derived = hkdf_expand_sha512(key, info, 76)
    aead, nonce, out = (
        AESGCM(derived[:32]),
        int.from_bytes(derived[32:44], "big"),
        salt + derived[44:],
    )
    for number in range(len(plain) // CHUNK + 1):
        chunk = plain[number * CHUNK : (number + 1) * CHUNK]
        out += aead.encrypt((nonce ^ number).to_bytes(12, "big"), chunk, None)
    return out


def expect(condition, message):
    if not condition:
        raise SystemExit(f"vectors: {message}")


def expect_refused(key, context, sealed, message):
    try:
        open_sealed(key, context, sealed)
    except (InvalidTag, ValueError):
        return
    raise SystemExit(f"vectors: {message} opened, and must not")


def check_entry(number, entry, sealed, plain):
    key, context, names = question(entry)
    expect(context.hex() == entry["context"], f"{number}: another context")
    for name, value in names.items():
        expect(value == entry[name], f"{number}: another {name}")
    expect(open_sealed(key, context, sealed) == plain, f"{number}: another plaintext")
    expect_refused(key, context + b"\0", sealed, f"{number}: with another context")
    expect_refused(derive(key, "other"), context, sealed, f"{number}: with another key")
    for place in (0, 24, len(sealed) - 1):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        expect_refused(key, context, bytes(flipped), f"{number}: with a flipped bit")
    expect_refused(key, context, sealed[:-1], f"{number}: cut")


def check(directory):
    entries = json.loads((directory / "manifest.json").read_text())
    expect(entries, "the manifest is empty")
    for number, entry in enumerate(entries):
        sealed, plain = ((directory / entry[name]).read_bytes() for name in ("sealed", "plain"))
        check_entry(number, entry, sealed, plain)
    print(f"vectors: {len(entries)} opened")


def fresh_entries():
    household, camera = str(uuid.UUID(bytes=os.urandom(16))), str(uuid.UUID(bytes=os.urandom(16)))
    root = os.urandom(32).hex()
    for number, size in enumerate(SIZES):
        rendition = (
            {"name": f"width={number}", "handler": os.urandom(32).hex()} if number % 2 else None
        )
        object_id = bytearray(
            (1_700_000_000_000 + 50_000_000 * number).to_bytes(6, "big") + os.urandom(10)
        )
        object_id[6], object_id[8] = 0x70 | object_id[6] & 0x0F, 0x80 | object_id[8] & 0x3F
        yield size, {
            "type": "footage",
            "root": root,
            "household": household,
            "camera": camera,
            "kind": list(KINDS)[number % 5],
            "rendition": rendition,
            "object": str(uuid.UUID(bytes=bytes(object_id))),
            "version": str(uuid.UUID(bytes=os.urandom(16))),
        }
    yield 300, {
        "type": "record",
        "root": os.urandom(32).hex(),
        "kind": "rights",
        "key": os.urandom(16).hex(),
    }
    yield 32, {"type": "wrapped-key", "root": os.urandom(32).hex(), "owner": os.urandom(16).hex()}


def write(directory):
    directory.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, (size, entry) in enumerate(fresh_entries()):
        plain = os.urandom(size)
        key, context, names = question(entry)
        entry |= names | {
            "context": context.hex(),
            "plain": f"{number}.plain",
            "sealed": f"{number}.sealed",
        }
        (directory / entry["plain"]).write_bytes(plain)
        (directory / entry["sealed"]).write_bytes(seal(key, context, plain))
        entries.append(entry)
    (directory / "manifest.json").write_text(json.dumps(entries, indent=1))
    print(f"vectors: {len(entries)} written")


# The known answers.


def known_answers():
    edge, kek, household_key = (bytes([first]) * 32 for first in (0x11, 0x22, 0x33))
    household, camera = bytes(range(0x40, 0x50)), bytes(range(0x50, 0x60))
    entry = {
        "type": "footage",
        "root": household_key.hex(),
        "household": str(uuid.UUID(bytes=household)),
        "camera": str(uuid.UUID(bytes=camera)),
        "kind": "clip",
        "rendition": None,
        "object": "018bcfe5-6800-7abc-9def-0123456789ab",
        "version": "60616263-6465-6667-6869-6a6b6c6d6e6f",
    }
    rendition = {"name": "width=320", "handler": "70" * 32}
    record = {"type": "record", "root": edge.hex(), "kind": "rights", "key": "8081"}
    wrapped = {"type": "wrapped-key", "root": kek.hex(), "owner": household.hex()}
    of_camera = camera_key(household_key, household, camera)
    day = day_of(uuid.UUID(entry["object"]).bytes)
    of_edge = ("credential", "tag", "record", "component-cache", "attempts", "account")
    keys = {purpose: derive(edge, purpose) for purpose in of_edge}
    keys |= {
        "wrapped-key": derive(kek, "wrapped-key"),
        "camera": of_camera,
        "day": day_key(of_camera, day),
    }
    keys |= {purpose: derive(of_camera, purpose) for purpose in ("name", "index", "body-digest")}
    # A component file, as short as one can be.
    handler = hashlib.sha256(bytes.fromhex("0061736d0d000100")).hexdigest()
    thumbnail = entry | {"kind": "still", "rendition": {"name": "w320-1", "handler": handler}}
    wrapped_edge = {"type": "wrapped-key", "root": kek.hex(), "owner": b"edge".hex()}
    contents = [
        (entry, b"still, but for the clip"),
        (entry | {"kind": "still", "rendition": rendition}, b""),
        (record, b"{}"),
        (wrapped, household_key),
        (thumbnail, bytes.fromhex("ffd8ffd9")),
        (wrapped_edge, edge),
        (entry | {"kind": "still"}, b"abc"),
    ]
    sealed = []
    for number, (each, plain) in enumerate(contents):
        key, context, names = question(each)
        bytes_sealed = seal_with_salt(key, context, bytes([0x90 + number]) * 24, plain)
        sealed.append(
            each
            | names
            | {"context": context.hex(), "plain": plain.hex(), "sealed": bytes_sealed.hex()}
        )
    index = keys["index"]
    digest = body_digest(keys["body-digest"], b"abc")
    made, still = sealed[4], sealed[6]
    rows = [
        row(index, "object", made, 1, bytes(32)),
        row(index, "object", still, 1, digest),
        row(index, "newest still", still, 1, digest),
        row(index, "object", still, 2, digest),
    ]
    return {
        "roots": {
            "edge": edge.hex(),
            "key-encryption": kek.hex(),
            "household": household_key.hex(),
        },
        "household": entry["household"],
        "camera": entry["camera"],
        "object": entry["object"],
        "day": day,
        "keys": {purpose: key.hex() for purpose, key in keys.items()},
        "mac": {
            "key": "index",
            "parts": ["6162", "", "63"],
            "mac": mac(index, [b"ab", b"", b"c"]).hex(),
        },
        "body_digest": {"body": "616263", "digest": body_digest(keys["body-digest"], b"abc").hex()},
        "account": {"login": "alder", "name": mac(keys["account"], [b"alder"]).hex()},
        "rows": rows,
        "sealed": sealed,
    }


def row(index, domain, entry, state, digest):
    """A row of the index for a sealed object, with the proof of its nine parts."""
    length = len(bytes.fromhex(entry["sealed"]))
    parts = [
        domain.encode(),
        bytes.fromhex(entry["slot_name"]),
        uuid.UUID(entry["camera"]).bytes,
        bytes([KINDS[entry["kind"]], int(entry["rendition"] is not None), state]),
        uuid.UUID(entry["object"]).bytes,
        uuid.UUID(entry["version"]).bytes,
        bytes.fromhex(entry["object_name"]),
        struct.pack(">Q", length),
        digest,
    ]
    proof = mac(index, parts)
    return {"parts": [part.hex() for part in parts], "proof": proof.hex()}


def known(path):
    answers = json.loads(path.read_text())
    expect(answers == known_answers(), "the known answers are others than SPEC.md gives")
    for number, entry in enumerate(answers["sealed"]):
        check_entry(number, entry, bytes.fromhex(entry["sealed"]), bytes.fromhex(entry["plain"]))
    print(
        f"vectors: {len(answers['keys'])} keys and {len(answers['sealed'])} sealed objects as known"
    )


def make_known(path):
    path.write_text(json.dumps(known_answers(), indent=1) + "\n")


COMMANDS = {"check": check, "write": write, "known": known, "make-known": make_known}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in COMMANDS:
        raise SystemExit(__doc__)
    COMMANDS[sys.argv[1]](pathlib.Path(sys.argv[2]))
