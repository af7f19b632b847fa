#!/usr/bin/env python3
"""A reader of Eyesonly's native data folder, written from SPEC.md alone.

reader.py DATA_FOLDER           opens and checks everything; exit status 0 if all of it fits
reader.py --vectors FILE        checks the test vectors (known-answers.json)
"""
import base64, hashlib, hmac, io, json, os, pathlib, re, shutil, sqlite3, stat, sys, tempfile, uuid
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HEADER, PLAIN, CHUNK, EXTENT = 56, 16384, 16400, 64 * 16400
LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"
KINDS = {1: "still", 2: "still of an event", 3: "clip", 4: "details of an event"}
WIDTHS = ["w160-1", "w320-1", "w640-1", "w960-1", "w1280-1", "w1920-1"]
COLUMNS = ("slot camera kind id rendition version name sealed_length body_digest state inline "
           "proof").split()
BLOBS = {"slot": 32, "camera": 16, "id": 16, "version": 16, "name": 32, "body_digest": 32,
         "proof": 32}
ID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HEX64 = re.compile(r"[0-9a-f]{64}")
PHC = re.compile(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")
EVENTS = ("motion", "person", "vehicle", "animal", "package", "doorbell", "sound", "other")
DIRECTION = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

class Bad(Exception):
    """What is wrong with a datum, in words."""
def require(true, reason):
    if not true:
        raise Bad(reason)

# Keys, MACs, contexts, names
def expand(key, info, length):
    return HKDFExpand(algorithm=SHA512(), length=length, info=info).derive(key)
def derive(key, purpose, ids=b""):
    return expand(key, b"eyesonly/v1/" + purpose.encode() + b"\0" + ids, 32)
def mac(key, *parts):
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
def fields(*parts):
    require(all(len(part) <= 65535 for part in parts), "a field of a context is too long")
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
def context(domain, *parts):
    return fields(domain.encode(), b"\x01", *parts)
def question(household, camera, kind, ident, rendition=(b"", b"")):
    return [household, camera, bytes([kind]), rendition[0], rendition[1], ident]
def slot_name(name_key, asked):
    return mac(name_key, context("eyesonly slot", *asked))
def footage(asked, version):
    return context("eyesonly footage", *asked, version)
def day_of(ident):
    return int.from_bytes(ident[:6], "big") // 86_400_000
def body_digest(key):
    return hmac.new(key, b"\xff" * 8, hashlib.sha256)
def proof(index_key, domain, row):
    return mac(index_key, domain.encode(), row["slot"], row["camera"],
               bytes([row["kind"], row["rendition"], row["state"]]), row["id"], row["version"],
               row["name"], row["sealed_length"].to_bytes(8, "big"), row["body_digest"])

class Camera:
    """The keys of one camera."""
    def __init__(self, household_key, household, camera):
        self.household, self.camera = household, camera
        self.key = derive(household_key, "camera", household + camera)
        self.name, self.index, self.digest = (
            derive(self.key, purpose) for purpose in ("name", "index", "body-digest"))
    def day(self, ident):
        return derive(self.key, "day", day_of(ident).to_bytes(4, "big"))

# The sealed format
def sealed_length(plain):
    return HEADER + CHUNK * (plain // PLAIN) + plain % PLAIN + 16
def unseal(key, about, source, length):
    """Yields the plaintext of each chunk once it has authenticated."""
    rest = (length - HEADER) % CHUNK
    require(length >= HEADER and rest, f"truncated: {length} bytes")
    require(rest >= 16, f"no sealed object has {length} bytes")
    last = (length - HEADER) // CHUNK
    require(last < 2 ** 38, "too many chunks")
    header = source.read(HEADER)
    require(len(header) == HEADER, "truncated while it was read")
    out = expand(key, LABEL + b"\0" + header[:24] + about, 76)
    require(hmac.compare_digest(out[44:], header[24:]), "wrong seal")
    cipher, base = AESGCM(out[:32]), int.from_bytes(out[32:44], "big")
    for number in range(last + 1):
        chunk = source.read(CHUNK if number < last else rest)
        try:
            yield cipher.decrypt((base ^ number).to_bytes(12, "big"), chunk, None)
        except InvalidTag:
            raise Bad(f"bad chunk {number}") from None
def unseal_bytes(key, about, sealed):
    return b"".join(unseal(key, about, io.BytesIO(sealed), len(sealed)))
def seal(key, about, salt, plain):
    out = expand(key, LABEL + b"\0" + salt + about, 76)
    result, base = salt + out[44:], int.from_bytes(out[32:44], "big")
    for number in range(len(plain) // PLAIN + 1):
        result += AESGCM(out[:32]).encrypt((base ^ number).to_bytes(12, "big"),
                                           plain[number * PLAIN:(number + 1) * PLAIN], None)
    return result

# JSON and text
def parse(data):
    def once(pairs):
        require(len(dict(pairs)) == len(pairs), "a field comes twice")
        return dict(pairs)
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Bad("no JSON in UTF-8") from None
def rule(test, reason, convert=lambda value: value):
    def check(value):
        require(test(value), reason)
        return convert(value)
    return check
def matching(pattern, reason, convert=lambda value: value):
    return rule(lambda value: isinstance(value, str) and pattern.fullmatch(value), reason, convert)

ident = matching(ID_TEXT, "malformed id", lambda value: uuid.UUID(value).bytes)
hex32 = matching(HEX64, "not 64 lower-case hexadecimal digits", bytes.fromhex)
phc = matching(PHC, "not argon2id in PHC form with the parameters")
text = rule(lambda value: isinstance(value, str), "not text")
number = rule(lambda value: type(value) is int and 0 <= value < 2 ** 64, "not a number")
boolean = rule(lambda value: type(value) is bool, "not a boolean")
def one_of(*words):
    return rule(lambda value: value in words, "not one of " + ", ".join(words))
def optional(kind):
    return lambda value: None if value is None else kind(value)
def many(kind):
    def check(value):
        require(isinstance(value, list), "not a list")
        return [kind(one) for one in value]
    return check
def shape(**kinds):
    def check(value):
        require(isinstance(value, dict) and list(value) == list(kinds),
                "its fields are not " + ", ".join(kinds))
        result = {}
        for field, kind in kinds.items():
            try:
                result[field] = kind(value[field])
            except Bad as bad:
                raise Bad(f"{field}: {bad}") from None
        return result
    return check

KINDS_SEEN = shape(live=boolean, events=boolean, clips=boolean)
WINDOW = shape(from_milliseconds=optional(number), until_milliseconds=optional(number))
RIGHT = shape(camera=ident, household=ident, name=text,
              role=one_of("owner", "member", "guest", "installer"), kinds=KINDS_SEEN,
              window=WINDOW, expires_at_seconds=optional(number))
MEMBER = shape(viewer=ident, role=one_of("owner", "member", "installer"),
               since_milliseconds=number, until_seconds=optional(number))
SHARE = shape(camera=ident, viewer=ident, giver=optional(ident), kinds=KINDS_SEEN, window=WINDOW,
              expires_at_seconds=optional(number))
OFFER = shape(cameras=many(ident), kinds=KINDS_SEEN, window=WINDOW, past=boolean,
              expires_at_seconds=optional(number), viewer=optional(ident))
REQUEST = shape(viewer=ident, at_seconds=number, confirmed=boolean)
INVITATION = shape(invitation=ident, giver=optional(ident), offer=OFFER, until_seconds=number,
                   tries=number, request=optional(REQUEST))
CLOSED = shape(camera=ident, at_milliseconds=number)
TRANSFER = shape(transfer=ident, camera=ident, giver=optional(ident), until_seconds=number)
# The password hash of an account that was removed, whose name is never given out again.
NOBODY = ("$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$" + 43 * "A")
RECORDS = {
    "household": (16, shape(household=ident, name=text, cameras=many(ident), members=many(MEMBER),
                            shares=many(SHARE), invitations=many(INVITATION), closed=many(CLOSED),
                            transfers=many(TRANSFER), quota_bytes=number, sequence=number)),
    "camera": (16, shape(camera=ident, household=ident, credential=optional(ident), name=text,
                         serial=text, quota_bytes=number, state=one_of("on", "off", "closed"),
                         sequence=number)),
    "viewer": (16, shape(viewer=ident, name=text, households=many(ident), cameras=many(RIGHT),
                         epoch=number, sequence=number)),
    "account": (32, shape(account=hex32, viewer=ident, password_hash=phc, epoch=number,
                          sequence=number)),
    "session": (32, shape(session=ident, viewer=ident, epoch=number, expires_at_seconds=number,
                          client=text)),
}
def event_details(data):
    value = shape(kind=one_of(*EVENTS), label=text, duration_milliseconds=optional(number))(
        parse(data))
    label, duration = value["label"], value["duration_milliseconds"]
    require(len(label) <= 200 and not DIRECTION & set(label) and
            not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in label), "no label is like that")
    require(duration is None or duration < 2 ** 32, "the duration is too long")
    escaped = label.replace("\\", "\\\\").replace('"', '\\"')
    again = '{"kind":"%s","label":"%s","duration_milliseconds":%s}' % (
        value["kind"], escaped, "null" if duration is None else duration)
    require(again.encode("utf-8", "surrogatepass") == data, "not written as SPEC says")

class Report:
    def __init__(self):
        self.lines, self.failures, self.notes = {}, [], []
    def line(self, what):
        return self.lines.setdefault(what, [0, 0])
    def check(self, what, which, work, *args):
        """Counts one thing; returns what `work` returns, or None if it failed."""
        count = self.line(what)
        count[1] += 1
        try:
            result = work(*args)
        except Bad as bad:
            reason = str(bad)
        except OSError as error:
            reason = error.strerror or str(error)
        except Exception as error:  # the data is not trusted: no traceback, whatever it holds
            reason = f"unexpected {type(error).__name__}: {error}"
        else:
            count[0] += 1
            return True if result is None else result
        self.failures.append(f"FAILED {what}: {which}: {reason}")
        return None
    def print(self):
        print("".join(line + "\n" for line in [f"note: {note}" for note in self.notes] +
                      self.failures), end="")
        for what, (good, total) in self.lines.items():
            print(f"{what}: {good} of {total}")
        print("everything fits" if not self.failures else f"{len(self.failures)} failures")
        return 1 if self.failures else 0
def regular(path, limit=None):
    """Opens a regular file; returns it with its length."""
    handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    status = os.fstat(handle.fileno())
    if not stat.S_ISREG(status.st_mode) or limit is not None and status.st_size > limit:
        handle.close()
        raise Bad("not a regular file" if limit is None else "not a regular file, or too long")
    return handle, status.st_size
def whole(path, limit):
    with regular(path, limit)[0] as handle:
        return handle.read(limit + 1)

class Folder:
    def __init__(self, path):
        self.path, self.report = path, Report()
        self.kek = self.edge = None
        self.households, self.cameras, self.records = {}, {}, {}
        self.rows, self.pointers, self.handlers = {}, {}, []
    def at(self, *names):
        return os.path.join(self.path, *names)
    def listed(self, name):
        return sorted(os.listdir(self.at(name))) if os.path.isdir(self.at(name)) else []
    def run(self):
        check = self.report.check
        self.kek = check("key-encryption key", "kek", self.read_kek)
        keyring = check("keyring.json", "keyring.json", self.read_keyring) if self.kek else {}
        if keyring:
            self.edge = check("edge key", "edge", self.wrapped, b"edge", keyring["edge"])
            for name, wrapped in keyring["households"].items():
                check("household keys", ascii(name), self.household, name, wrapped)
        self.compiled()
        check("registry.sqlite", "registry.sqlite", self.database)
        self.leftovers()
        return self.report.print()

    # Keys
    def read_kek(self):
        value = os.environb.get(b"EYESONLY_KEK")
        value = (whole(self.at("kek"), 4096) if value is None else value).strip()
        require(re.fullmatch(rb"[0-9A-Fa-f]{64}", value), "not 64 hexadecimal digits")
        return bytes.fromhex(value.decode())
    def read_keyring(self):
        value = parse(whole(self.at("keyring.json"), 64 << 20))
        require(isinstance(value, dict) and set(value) == {"version", "edge", "households"},
                "its fields are not version, edge, households")
        require(type(value["version"]) is int and value["version"] == 1, "not version 1")
        require(isinstance(value["households"], dict) and len(value["households"]) <= 200_000,
                "households is no object, or has too many")
        return value
    def household(self, name, value):
        owner = ident(name)
        self.households[owner] = self.wrapped(owner, value)
    def wrapped(self, owner, value):
        require(isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9+/]{138}[AEIMQUYcgkosw048]=",
                                                        value), "not base64 of 104 bytes")
        return unseal_bytes(derive(self.kek, "wrapped-key"), context("eyesonly key", owner),
                            base64.b64decode(value))

    # compiled/
    def compiled(self):
        for name in self.listed("compiled"):
            match = re.fullmatch(r"([0-9a-f]{64})-([0-9a-f]{64})\.compiled", name)
            if re.fullmatch(r"[0-9a-f]{64}-[0-9a-f]{64}\.\d+-\d+\.partial", name):
                self.report.notes.append(f"compiled/{name} was being written")
            elif match:
                component, settings = bytes.fromhex(match[1]), bytes.fromhex(match[2])
                self.handlers += [component] * (component not in self.handlers)
                self.report.check("MACs in compiled/", name, self.compiled_mac, name, component,
                                  settings)
            else:
                self.report.notes.append(f"compiled/{ascii(name)} is unknown to SPEC")
        self.report.line("MACs in compiled/")
    def compiled_mac(self, name, component, settings):
        require(self.edge, "there is no edge key")
        data = whole(self.at("compiled", name), 256 << 20)
        require(len(data) >= 32, "shorter than a MAC")
        want = mac(derive(self.edge, "component-cache"), b"eyesonly compiled component v1",
                   component, settings, data[32:])
        require(hmac.compare_digest(want, data[:32]), "the MAC does not fit")

    # registry.sqlite
    def database(self):
        path = self.at("registry.sqlite")
        regular(path)[0].close()
        with tempfile.TemporaryDirectory() as scratch:
            options = "mode=ro&immutable=1"
            if os.path.exists(path + "-wal") and os.path.getsize(path + "-wal"):
                for end in ("", "-wal"):  # a copy: folding the log must not change the folder
                    shutil.copyfile(path + end, os.path.join(scratch, "registry.sqlite" + end))
                path, options = os.path.join(scratch, "registry.sqlite"), "mode=rw"
                self.report.notes.append("registry.sqlite has a write-ahead log, which was read")
            uri = pathlib.Path(path).absolute().as_uri()
            base = sqlite3.connect(f"{uri}?{options}", uri=True)
            base.text_factory = bytes
            try:
                self.tables(base)
            except sqlite3.Error as error:
                raise Bad(f"SQLite says: {error}") from None
            finally:
                base.close()
    def tables(self, base):
        for pragma, want in (("application_id", 0x45794f6e), ("user_version", 4),
                             ("quick_check(1)", b"ok")):
            value = base.execute(f"PRAGMA {pragma}").fetchone()[0]
            require(value == want, f"{pragma} is {value}, not {want}")
        check = self.report.check
        position = base.execute("SELECT id, rights, sessions, epoch FROM registry").fetchall()
        check("position", "registry", lambda: require(
            len(position) == 1 and position[0][0] == position[0][3] == 1 and
            min(position[0][1:3]) >= 0, f"{position} is no position"))
        for kind in RECORDS:
            self.report.line(f"records: {kind}")
        for kind, key, record, sequence in base.execute(
                "SELECT kind, key, record, sequence FROM records ORDER BY kind, key"):
            kind = kind.decode("utf-8", "replace") if isinstance(kind, bytes) else repr(kind)
            which = key.hex() if isinstance(key, bytes) else repr(key)
            value = check(f"records: {kind}" if kind in RECORDS else "records: unknown", which,
                          self.record, kind, key, record, sequence, position)
            if value:
                self.records[kind, key] = value
        for (kind, key), value in self.records.items():
            if kind == "camera" and value["household"] in self.households:
                self.cameras[key] = Camera(self.households[value["household"]],
                                           value["household"], key)
        for (kind, key), value in self.records.items():
            check("records that fit each other", f"{kind} {key.hex()}", self.fits, kind, key)
        for table, rows in (("objects", self.rows), ("pointers", self.pointers)):
            for values in base.execute(f"SELECT {', '.join(COLUMNS)} FROM {table}"):
                row = dict(zip(COLUMNS, values))
                key = row["slot"] if table == "objects" else row["camera"]
                which = key.hex() if isinstance(key, bytes) else repr(key)
                if check(f"well-formed rows of {table}", which, self.well_formed, row):
                    rows[key] = row
            self.report.line(f"well-formed rows of {table}")
        usage = dict(base.execute("SELECT household, sealed_bytes FROM usage"))
        sums, newest = dict.fromkeys(usage, 0), {}
        for row in self.rows.values():
            self.object(row)
            camera = row["camera"]
            if row["state"] == 1 and not row["rendition"]:
                if row["kind"] == 1:
                    newest[camera] = max(newest.get(camera, b""), row["id"])
                if camera in self.cameras:
                    household = self.cameras[camera].household
                    sums[household] = sums.get(household, 0) + row["sealed_length"]
        for camera, row in self.pointers.items():
            check("proofs of pointers", camera.hex(), self.row_proof, row, "newest still")
            check("pointers to the newest still", camera.hex(), self.pointer, camera,
                  newest.pop(camera, None))
        for camera in newest:
            self.report.failures.append(f"FAILED pointers: {camera.hex()}: stills, but no pointer")
        for household, total in sums.items():
            which = household.hex() if isinstance(household, bytes) else repr(household)
            check("usage sums", which, self.usage, household, usage.get(household), total)
    def record(self, kind, key, sealed, sequence, position):
        require(kind in RECORDS, f"unknown kind {ascii(kind)}")
        length, form = RECORDS[kind]
        require(isinstance(key, bytes) and len(key) == length, f"its key has not {length} bytes")
        require(isinstance(sealed, bytes) and len(sealed) <= 4 << 20 and type(sequence) is int,
                "no sealed bytes, too many, or no sequence")
        require(self.edge, "there is no edge key")
        content = unseal_bytes(derive(self.edge, "record"),
                               context("eyesonly record", kind.encode(), key), sealed)
        parsed = parse(content)
        value = form(parsed)
        named = value["viewer"] + value["session"] if kind == "session" else value[kind]
        require(named == key, "it names another key")
        plain = json.dumps(parsed, separators=(",", ":"), ensure_ascii=False)
        require(plain.encode("utf-8", "surrogatepass") == content,
                "JSON with white space or needless escapes")
        count = position[0][2 if kind == "session" else 1] if position else None
        require(value.get("sequence", sequence) == sequence, "its sequence is not the column's")
        require(type(count) is int and sequence <= count, "its sequence is above the position")
        return value
    def fits(self, kind, key):
        """What follows from SPEC about records among each other."""
        value = self.records[kind, key]
        if kind == "household":
            require(key in self.households, "the keyring has no key of this household")
            for camera in value["cameras"]:
                other = self.records.get(("camera", camera), {})
                require(other.get("household") == key, f"camera {camera.hex()} is not its own")
            for member in value["members"]:
                other = self.records.get(("viewer", member["viewer"]), {})
                require(key in other.get("households", []), "a member is not its")
            for share in value["shares"]:
                require(share["camera"] in value["cameras"], "a share of another's camera")
                other = self.records.get(("viewer", share["viewer"]), {})
                require(any(right["camera"] == share["camera"] for right in
                            other.get("cameras", [])), "a share without a right")
            for invitation in value["invitations"]:
                require(set(invitation["offer"]["cameras"]) <= set(value["cameras"]),
                        "an invitation to another's camera")
        elif kind == "camera":
            house = self.records.get(("household", value["household"]))
            require(house, "its household has no record")
            require(house["quota_bytes"] == value["quota_bytes"], "another quota than its house")
        elif kind == "account":
            viewer = self.records.get(("viewer", value["viewer"]))
            if value["password_hash"] == NOBODY and not viewer:
                return
            require(viewer, "its viewer has no record")
            require(mac(derive(self.edge, "account"), viewer["name"].encode()) == key,
                    "its key is not the MAC of its viewer's name")
    @staticmethod
    def well_formed(row):
        for column, length in BLOBS.items():
            require(isinstance(row[column], bytes) and len(row[column]) == length,
                    f"{column} has not {length} bytes")
        for column, values in (("kind", KINDS), ("rendition", (0, 1)), ("state", (1, 2))):
            require(type(row[column]) is int and row[column] in values, f"wrong {column}")
        require(type(row["sealed_length"]) is int and row["sealed_length"] >= 0, "wrong length")
        require(row["id"][6] >> 4 == 7 and row["id"][8] >> 6 == 2, "the id is no UUIDv7")
        if (row["kind"], row["rendition"], row["state"]) == (4, 0, 1):
            require(isinstance(row["inline"], bytes) and len(row["inline"]) <= 8192,
                    "live details without inline bytes, or with too many")
        else:
            require(row["inline"] is None, "inline bytes that should not be there")
    def object(self, row):
        check, which = self.report.check, "rendition of " * row["rendition"]
        which += f"{KINDS[row['kind']]} {row['id'].hex()}"
        what = ("renditions" if row["rendition"] else "tombstones" if row["state"] == 2 else
                f"objects: {KINDS[row['kind']]}")
        check("proofs of rows", which, self.row_proof, row, "object")
        asked = check(f"names of {what}", which, self.names, row)
        if row["state"] == 1:
            digest = check(f"opened {what}", which, self.contents, row, asked)
            check("body digests of renditions (zeros)" if row["rendition"] else "body digests",
                  which, self.digest, row, digest)
    def camera(self, row):
        require(row["camera"] in self.cameras,
                f"camera {row['camera'].hex()} has no record or its household no key")
        return self.cameras[row["camera"]]
    def row_proof(self, row, domain):
        require(hmac.compare_digest(proof(self.camera(row).index, domain, row), row["proof"]),
                "the proof does not fit")
    def names(self, row):
        """The question that the row answers; its slot and name must follow from it."""
        camera = self.camera(row)
        pairs = [(b"", b"")]
        if row["rendition"]:
            require(row["state"] == 1, "a rendition has no tombstone")
            pairs = [(name.encode(), handler) for handler in self.handlers for name in WIDTHS]
        asked = [question(camera.household, row["camera"], row["kind"], row["id"], pair)
                 for pair in pairs]
        source = asked[0][:3] + [b"", b""] + asked[0][5:] if asked else []
        asked = [one for one in asked if slot_name(camera.name, one) == row["slot"]]
        require(asked, "no known handler and name give its slot" if row["rendition"] else
                "the slot is another")
        if row["rendition"]:
            source = self.rows.get(slot_name(camera.name, source))
            require(source and source["state"] == 1, "its source has no live row")
            require(source["version"] == row["version"], "its source has another version")
        elif row["state"] == 2:
            require(row["kind"] != 1, "a still of no event has no tombstone")
        require(mac(camera.name, footage(asked[0], row["version"])) == row["name"],
                "the object name is another")
        return asked[0]
    def contents(self, row, asked):
        require(asked, "what it is could not be found out")
        camera, name = self.camera(row), row["name"].hex()
        if row["inline"] is not None:
            source, length = io.BytesIO(row["inline"]), len(row["inline"])
        else:
            source, length = regular(self.at("objects", name[:2], name))
        with source:
            require(length == row["sealed_length"],
                    f"{length} bytes, not the row's {row['sealed_length']}")
            digest, total, start = body_digest(camera.digest), 0, b""
            for chunk in unseal(camera.day(row["id"]), footage(asked, row["version"]), source,
                                length):
                digest.update(chunk)
                total, start = total + len(chunk), start or chunk
        require(sealed_length(total) == length, "its length is not that of its plaintext")
        if row["rendition"]:
            require(1 <= total <= 1_000_000, f"a rendition of {total} bytes")
        if row["kind"] == 4:
            event_details(start)
        else:
            require(start[4:8] == b"ftyp" if row["kind"] == 3 else start[:3] == b"\xff\xd8\xff",
                    "neither JPEG nor MP4, as it should be")
        return digest.digest()
    @staticmethod
    def digest(row, digest):
        require(row["rendition"] or digest, "the body did not open")
        require(row["body_digest"] == (bytes(32) if row["rendition"] else digest),
                "the digest is another")
    def pointer(self, camera, newest):
        row = self.pointers[camera]
        other = self.rows.get(row["slot"])
        require(other and all(other[column] == row[column] for column in COLUMNS[:-1]),
                "not the still's own row")
        require((row["kind"], row["rendition"], row["state"]) == (1, 0, 1), "not of a live still")
        require(newest == row["id"], "there is a newer still")
    def usage(self, household, given, total):
        require(isinstance(household, bytes) and len(household) == 16, "no household's id")
        require(type(given) is int or given is None and total == 0, "it has no row")
        require(given in (total, None), f"the row says {given}, the sum is {total}")

    # What no row names
    def leftovers(self):
        self.report.line("extents in tier/")
        for name in self.listed("tier"):
            if not name.endswith(".new"):
                self.report.check("extents in tier/", ascii(name), self.extent, name)
        names = {row["name"].hex() for row in self.rows.values()
                 if row["state"] == 1 and row["inline"] is None}
        extra, staged = 0, 0
        for folder, _, files in os.walk(self.at("objects")):
            for name in files:
                staged += "#" in name
                extra += "#" not in name and name not in names
        self.report.notes.append(f"files in objects/: {extra} of no live row, {staged} staged")
        known = {"kek", "keyring.json", "keyring.lock", "serve.lock", "registry.sqlite",
                 "registry.sqlite-wal", "registry.sqlite-shm", "objects", "compiled", "tier"}
        for name in sorted(set(os.listdir(self.path)) - known):
            self.report.notes.append(f"{ascii(name)} in the folder is unknown to SPEC")
    def extent(self, name):
        match = re.fullmatch(r"([0-9a-f]{64})-([0-9]{1,9})", name)
        require(match, "the name is not NAME-INDEX")
        data = whole(self.at("tier", name), HEADER + EXTENT)
        source, length = regular(self.at("objects", match[1][:2], match[1]))
        with source:
            header = source.read(HEADER)
            source.seek(HEADER + EXTENT * int(match[2]))
            require(source.tell() < length, "past the end of its object")
            require(data == header + source.read(EXTENT), "not the bytes of its object")

# Test vectors
def vectors(path):
    report = Report()
    report.check("file", path, lambda: each_vector(report, parse(whole(path, 16 << 20))))
    return report.print()
def each_vector(report, given):
    def same(what, which, work, want):
        def compare():
            result = work()
            require(result.hex() == want, f"{result.hex()}, not {want}")
        report.check(what, which, compare)
    unhex, edge = bytes.fromhex, bytes.fromhex(given["roots"]["edge"])
    obj = ident(given["object"])
    camera = Camera(unhex(given["roots"]["household"]), ident(given["household"]),
                    ident(given["camera"]))
    keys = {"camera": camera.key, "day": camera.day(obj), "name": camera.name,
            "index": camera.index, "body-digest": camera.digest,
            "wrapped-key": derive(unhex(given["roots"]["key-encryption"]), "wrapped-key")}
    for name, want in given["keys"].items():
        same("keys", name, lambda: keys.get(name) or derive(edge, name), want)
    report.check("day", "day", lambda: require(day_of(obj) == given["day"], "another day"))
    one = given["mac"]
    same("mac", "mac", lambda: mac(keys[one["key"]], *map(unhex, one["parts"])), one["mac"])
    body, digest = given["body_digest"], body_digest(camera.digest)
    digest.update(unhex(body["body"]))
    same("body digest", "body digest", digest.digest, body["digest"])
    same("account", "account", lambda: mac(
        derive(edge, "account"), given["account"]["login"].encode()), given["account"]["name"])
    for count, row in enumerate(given["rows"]):
        parts = [unhex(part) for part in row["parts"]]
        values = dict(zip(("slot", "camera", "codes", "id", "version", "name", "sealed_length",
                           "body_digest"), parts[1:]))
        values.update(zip(("kind", "rendition", "state"), values["codes"]))
        values["sealed_length"] = int.from_bytes(parts[7], "big")
        same("proofs of rows", f"row {count}",
             lambda: proof(camera.index, parts[0].decode(), values), row["proof"])
    for count, one in enumerate(given["sealed"]):
        which, root = f"sealed {count} ({one['type']})", unhex(one["root"])
        sealed, plain = unhex(one["sealed"]), unhex(one["plain"])
        if one["type"] == "footage":
            own = Camera(root, ident(one["household"]), ident(one["camera"]))
            pair, obj = one["rendition"] or {"name": "", "handler": ""}, ident(one["object"])
            asked = question(own.household, own.camera, {"still": 1, "clip": 3}[one["kind"]], obj,
                             (pair["name"].encode(), unhex(pair["handler"])))
            about, key = footage(asked, ident(one["version"])), own.day(obj)
            same("names", which + " slot", lambda: slot_name(own.name, asked), one["slot_name"])
            same("names", which + " name", lambda: mac(own.name, about), one["object_name"])
        elif one["type"] == "record":
            about = context("eyesonly record", one["kind"].encode(), unhex(one["key"]))
            key = derive(root, "record")
        else:
            about, key = context("eyesonly key", unhex(one["owner"])), derive(root, "wrapped-key")
        same("contexts", which, lambda: about, one["context"])
        same("opened", which, lambda: unseal_bytes(key, about, sealed), one["plain"])
        same("sealed anew", which, lambda: seal(key, about, sealed[:24], plain), one["sealed"])
def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--vectors":
        return vectors(arguments[1])
    if len(arguments) == 1 and os.path.isdir(arguments[0]):
        return Folder(arguments[0]).run()
    print("usage: reader.py DATA_FOLDER | reader.py --vectors FILE", file=sys.stderr)
    return 2

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
