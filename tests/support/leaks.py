"""Where secrets may have been left: files, archives, databases, arguments of processes."""

import base64
import html
import io
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.parse
import zipfile
import zlib

PAUSE_SECONDS = 0.005
# What a file that has to be unpacked begins with: gzip, zip, SQLite, git's packs and objects.
DATABASE = b"SQLite format 3\0"
PACKED = (b"\x1f\x8b", b"PK\x03\x04", DATABASE, b"PACK", b"\x78\x01", b"\x78\x9c",
          b"\x78\xda")
# An archive in an archive in an archive; nothing of ours nests deeper.
MOST_LEVELS = 3
# From here on, grep is faster at saying that nothing is there.
LARGE_BYTES = 1 << 20


def in_base64(raw):
    """Its characters that depend on the secret alone, wherever in the encoded text it begins."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        yield encoded[-(-before * 4 // 3):(before + len(raw)) * 4 // 3]


def forms(secret):
    """As it is, and as the encodings of logs, pages and requests write it. Of several lines (a
    private key) one is enough, since each writer ends lines in its own way."""
    secret = max(secret.splitlines(), key=len)
    raw = secret.encode()
    encoded = list(in_base64(raw))
    return {form.encode() for form in (
        secret, *encoded, *(each.replace("+", "-").replace("/", "_") for each in encoded),
        urllib.parse.quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1],
        raw.hex())}


class Search:
    def __init__(self, secrets):
        """`secrets`: by name."""
        self.forms = {name: forms(secret) for name, secret in secrets.items()}

    def names_in(self, content):
        return sorted(name for name, of in self.forms.items()
                      if any(form in content for form in of))

    def below(self, directory, allowed=()):
        """Each file with a secret, archives and databases opened: (path, name)."""
        directory = pathlib.Path(directory)
        if not self.forms:
            return []
        with tempfile.NamedTemporaryFile(prefix="patterns-") as patterns:
            patterns.write(b"\n".join(form for of in self.forms.values() for form in of))
            patterns.flush()
            places = [(file, [file.read_bytes()]) for file in self.plain(directory, patterns.name)]
            places += [(file, opened(file)) for file in packed(directory)]
            return sorted({(str(file.relative_to(directory)), name)
                           for file, contents in places if file not in allowed
                           for content in contents if self.may_hold(content, patterns.name)
                           for name in self.names_in(content)})

    def plain(self, directory, patterns):
        """Files that hold one as they lie there."""
        printed = grep(["-rlZ", "--devices=skip", "-f", patterns, directory]).stdout
        return [pathlib.Path(os.fsdecode(name)) for name in printed.split(b"\0") if name]

    def may_hold(self, content, patterns):
        return len(content) < LARGE_BYTES or grep(["-q", "-f", patterns], content).returncode == 0


def grep(arguments, content=b""):
    return subprocess.run(["grep", "-aFs", *arguments], input=content, stdout=subprocess.PIPE,
                          env={**os.environ, "LC_ALL": "C"}, check=False)


def packed(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            file = pathlib.Path(folder, name)
            if file.is_symlink() or not file.is_file():
                continue
            with open(file, "rb") as stream:
                if stream.read(16).startswith(PACKED):
                    yield file


def opened(file):
    """What the file's bytes hold once they are unpacked."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return  # somebody has removed it meanwhile: the trash is emptied beside what goes on
    if content.startswith(DATABASE):
        # What was written last may lie in another file beside it.
        yield rows(sqlite3.connect(f"file:{file}?mode=ro", uri=True))
    else:
        yield from unpacked(content)


def unpacked(content, levels=MOST_LEVELS):
    """What a damaged one still gives; tests leave such."""
    if levels == 0:
        return
    inner = []
    if content.startswith(b"\x1f\x8b"):
        inner = [inflated(content, 31)]
    elif content.startswith(b"PK\x03\x04"):
        inner = list(members_of_zip(content))
    elif content.startswith(b"PACK"):
        inner = list(objects_of_pack(content))
    elif content.startswith(DATABASE):
        inner = [rows(in_memory(content))]
    elif content.startswith(PACKED):
        inner = [inflated(content, 15)]
    elif content[257:262] == b"ustar":
        for member in packed_members_of_tar(content):
            yield from unpacked(member, levels - 1)
    for each in inner:
        yield each
        yield from unpacked(each, levels - 1)


def inflated(content, bits):
    """All of it, or as far as it goes. gzip allows several streams one after the other."""
    whole = []
    while content:
        stream = zlib.decompressobj(bits)
        try:
            whole.append(stream.decompress(content))
        except zlib.error:
            break
        content = stream.unused_data if bits == 31 else b""
    return b"".join(whole)


def members_of_zip(content):
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    except (zipfile.BadZipFile, zlib.error, RuntimeError):
        return


def packed_members_of_tar(content):
    """The members' bytes are in it as they are; only those that are packed have more to say. The
    form is tar(5)'s; Python's tarfile takes seconds for what npm installs."""
    at = 0
    while content[at + 257:at + 262] == b"ustar":
        size = content[at + 124:at + 136].strip(b" \0")
        if not size.isdigit():
            return
        begin, end = at + 512, at + 512 + int(size, 8)
        if content[begin:begin + 16].startswith(PACKED):
            yield content[begin:end]
        at = end + -end % 512


def objects_of_pack(content):
    """gitformat-pack(5). Of a delta, what it inserts stands in it as it is."""
    at = 12
    while at < len(content) - 20:
        kind = content[at] >> 4 & 7
        while content[at] & 0x80:
            at += 1
        at += 1
        if kind == 7:  # of the object with this name
            at += 20
        elif kind == 6:  # of the object so many bytes before
            while content[at] & 0x80:
                at += 1
            at += 1
        stream = zlib.decompressobj()
        try:
            yield stream.decompress(content[at:])
        except zlib.error:
            return
        at = len(content) - len(stream.unused_data)


def in_memory(content):
    """Of an archive's member. One with a write-ahead log is opened without: it has none there."""
    database = sqlite3.connect(":memory:")
    database.deserialize(content[:18] + b"\1\1" + content[20:])
    return database


def rows(database):
    """Every value of every table: a value may lie across pages, with the file's bytes between."""
    values = []
    try:
        tables = [name for name, in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                values += row
    except sqlite3.DatabaseError:
        pass  # damaged by a test: what could be read, and its bytes as they are
    finally:
        database.close()
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode()
                      for value in values)


class Arguments:
    """Looks at the arguments of every process again and again while a test goes on."""

    def __init__(self, search):
        self.search = search
        self.found = set()
        self.seen = set()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def watch(self):
        while not self.ending.is_set():
            for entry in pathlib.Path("/proc").iterdir():
                if entry.name.isdigit():
                    self.look(entry)
            time.sleep(PAUSE_SECONDS)

    def look(self, entry):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            return  # it has ended
        if line in self.seen:
            return
        self.seen.add(line)
        self.found |= {(line.replace(b"\0", b" ").decode(errors="replace"), name)
                       for name in self.search.names_in(line)}
