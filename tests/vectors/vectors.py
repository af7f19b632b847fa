#!/usr/bin/env python3
"""Opens what Eyesonly sealed, and seals what Eyesonly opens, with nothing of Eyesonly's code.

Contexts, keys and names are computed here from SPEC.md alone ("The sealed format", "The key
schedule", "Names"). The sealed format itself is the `cryptography` package's Cobblestone-256.

    vectors.py check DIR        open everything in DIR (manifest.json and the files it names)
    vectors.py write DIR        write a directory like that, with fresh random keys
    vectors.py known FILE       check the known answers
    vectors.py make-known FILE  write them anew (when the format changes, and its version with it)
"""

import base64
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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
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
    records = [
        sealed_record(edge, number, kind, key, content)
        for number, (kind, key, content) in enumerate(sharing_records(household, camera, keys))
    ]
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
        "records": records,
        "tokens": [
            token(keys["account"], "ei1.", "invitation", household, INVITATION),
            token(keys["account"], "et1.", "transfer", household, TRANSFER),
        ],
        "log": log(edge, household_key, household, camera),
    }


# The access ledger.


DELIVERY, STILL = bytes([0x01]) * 16, uuid.UUID("018bcfe5-6800-7abc-9def-0123456789ab").bytes


def padded(data, length):
    return data + bytes(length - len(data))


def entry_of_act(household, camera):
    """A guest has a right to a camera, from the commit 7 on, by the owner."""
    right = (
        bytes([2, 1, 1, 0])
        + struct.pack(">BQ", 1, MOMENT * 1000)
        + struct.pack(">BQ", 0, 0)
        + struct.pack(">BQ", 1, MOMENT + 604_800)
    )
    head = bytes([3, 6, 0, 1]) + struct.pack(">QQ", 7, MOMENT * 1000)
    return padded(head + OWNER + household + camera + GUEST + right, 272)


def entry_of_delivery(household, camera):
    """The guest is about to receive a thumbnail of at most 5,000 bytes, a second later."""
    head = bytes([1, 0, 1, 1]) + struct.pack(">IQQQ", 1, MOMENT * 1000 + 1000, 0, 5000)
    ids = DELIVERY + GUEST + SESSION + household + camera + bytes(16)
    return padded(head + ids + bytes([1, 1]) + STILL, 272)


def entry_of_rejected(camera):
    """Two answers of the store had a wrong seal."""
    head = bytes([2, 4, 0, 0]) + struct.pack(">IQ", 2, MOMENT * 1000 + 2000)
    return padded(head + camera, 272)


def log(edge, household_key, household, camera):
    """Returns a log of three lines with its checkpoint. Two lines are the household's."""
    of_household = ("household", household, derive(household_key, "ledger", household))
    of_edge = ("edge", bytes(16), derive(edge, "ledger"))
    kinds = {"household": 1, "viewer": 2, "edge": 3}
    day = MOMENT // 86_400
    lines, hashes, chains = [], [], {}
    for number, ((kind, owner, ledger_key), plain) in enumerate(
        [
            (of_household, entry_of_act(household, camera)),
            (of_household, entry_of_delivery(household, camera)),
            (of_edge, entry_of_rejected(camera)),
        ]
    ):
        key = derive(ledger_key, "entries", struct.pack(">I", day))
        context = encode("eyesonly entry", [kind.encode(), owner, struct.pack(">I", day)])
        sealed = seal_with_salt(key, context, bytes([0xB0 + number]) * 24, plain)
        count, before = chains.get(kind, (0, bytes(32)))
        head = bytes([1, kinds[kind]]) + owner + struct.pack(">IQ", day, count) + before
        line = padded(head + struct.pack(">H", len(sealed)) + sealed, 512)
        hashes.append(hashlib.sha256(b"\0" + line).digest())
        chains[kind] = (count + 1, hashes[-1])
        lines.append({"owner": kind, "plain": plain.hex(), "line": line.hex()})
    pair = hashlib.sha256(b"\1" + hashes[0] + hashes[1]).digest()
    root = hashlib.sha256(b"\1" + pair + hashes[2]).digest()
    name = "eyesonly-0123456789abcdef/ledger/1"
    return {
        "name": name,
        "lines": lines,
        "leaves": [each.hex() for each in hashes],
        "checkpoint": signed(
            derive(edge, "ledger-checkpoint"),
            name,
            f"{name}\n3\n{base64.b64encode(root).decode()}\n",
        ),
    }


def signed(seed, name, words):
    """A signed note (c2sp.org/signed-note) with one Ed25519 signature."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    ident = hashlib.sha256(name.encode() + b"\n\1" + public).digest()[:4]
    signature = base64.b64encode(ident + key.sign(words.encode())).decode()
    return f"{words}\n\u2014 {name} {signature}\n"


# The records of sharing.


OWNER, GUEST = bytes(range(0xA0, 0xB0)), bytes(range(0xB0, 0xC0))
SESSION, CREDENTIAL = bytes(range(0xC0, 0xD0)), bytes(range(0xD0, 0xE0))
INVITATION, TRANSFER = bytes(range(0xE0, 0xF0)), bytes(range(0xF0, 0x100))
CLOSED = bytes(range(0x70, 0x80))
MOMENT = 1_700_000_000


def text(id_bytes):
    return str(uuid.UUID(bytes=id_bytes))


def sharing_records(household, camera, keys):
    """Returns kind, key and content of a record of each kind, as after some sharing."""
    window = {"from_milliseconds": MOMENT * 1000, "until_milliseconds": None}
    terms = {
        "kinds": {"live": True, "events": True, "clips": False},
        "window": window,
        "expires_at_seconds": MOMENT + 604_800,
    }
    home = {
        "household": text(household),
        "name": "Alder Lane 4",
        "cameras": [text(camera)],
        "members": [
            {
                "viewer": text(OWNER),
                "role": "owner",
                "since_milliseconds": MOMENT * 1000,
                "until_seconds": None,
            }
        ],
        "shares": [{"camera": text(camera), "viewer": text(GUEST), "giver": text(OWNER)} | terms],
        "invitations": [
            {
                "invitation": text(INVITATION),
                "giver": text(OWNER),
                "offer": {
                    "cameras": [text(camera)],
                    "kinds": terms["kinds"],
                    "window": {"from_milliseconds": None, "until_milliseconds": None},
                    "past": False,
                    "expires_at_seconds": MOMENT + 604_800,
                    "viewer": None,
                },
                "until_seconds": MOMENT + 259_200,
                "tries": 1,
                "request": {"viewer": text(GUEST), "at_seconds": MOMENT, "confirmed": True},
            }
        ],
        "closed": [{"camera": text(CLOSED), "at_milliseconds": MOMENT * 1000}],
        "transfers": [
            {
                "transfer": text(TRANSFER),
                "camera": text(camera),
                "giver": text(OWNER),
                "until_seconds": MOMENT + 259_200,
            }
        ],
        "quota_bytes": 1_000_000_000,
        "sequence": 7,
    }
    off = {
        "camera": text(camera),
        "household": text(household),
        "credential": text(CREDENTIAL),
        "name": "Front door",
        "serial": "",
        "quota_bytes": 1_000_000_000,
        "state": "off",
        "sequence": 7,
    }
    guest = {
        "viewer": text(GUEST),
        "name": "fern",
        "households": [],
        "cameras": [
            {
                "camera": text(camera),
                "household": text(household),
                "name": "Front door",
                "role": "guest",
            }
            | terms
        ],
        "epoch": 1,
        "sequence": 7,
    }
    account = mac(keys["account"], [b"fern"])
    login = {
        "account": account.hex(),
        "viewer": text(GUEST),
        "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "epoch": 1,
        "sequence": 6,
    }
    session = {
        "session": text(SESSION),
        "viewer": text(GUEST),
        "epoch": 1,
        "expires_at_seconds": MOMENT + 604_800,
        "client": "Fennec/1.0",
    }
    given = {"role": "guest"} | terms
    act = {
        "sequence": 7,
        "at_milliseconds": MOMENT * 1000,
        "actor": text(OWNER),
        "acts": [
            {
                "deed": "right",
                "household": text(household),
                "camera": text(camera),
                "viewer": text(GUEST),
                "before": None,
                "right": given,
            }
        ],
    }
    return [
        ("household", household, home),
        ("camera", camera, off),
        ("viewer", GUEST, guest),
        ("account", account, login),
        ("session", GUEST + SESSION, session),
        ("act", struct.pack(">Q", 7), act),
    ]


def sealed_record(edge, number, kind, key, content):
    entry = {"type": "record", "root": edge.hex(), "kind": kind, "key": key.hex()}
    sealing_key, context, _ = question(entry)
    plain = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    sealed = seal_with_salt(sealing_key, context, bytes([0xA0 + number]) * 24, plain.encode())
    return entry | {"context": context.hex(), "content": plain, "sealed": sealed.hex()}


def token(account_key, prefix, word, household, ident):
    body = household + ident + mac(account_key, [word.encode(), household, ident])
    encoded = base64.urlsafe_b64encode(body).decode().rstrip("=")
    return {"word": word, "id": text(ident), "token": prefix + encoded}


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
    for entry in answers["records"]:
        check_entry(entry["kind"], entry, bytes.fromhex(entry["sealed"]), entry["content"].encode())
    counts = {name: len(answers[name]) for name in ("keys", "sealed", "records", "tokens")}
    counts["lines"] = len(answers["log"]["lines"])
    print(f"vectors: as known: {counts}")


def make_known(path):
    path.write_text(json.dumps(known_answers(), indent=1) + "\n")


COMMANDS = {"check": check, "write": write, "known": known, "make-known": make_known}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in COMMANDS:
        raise SystemExit(__doc__)
    COMMANDS[sys.argv[1]](pathlib.Path(sys.argv[2]))
