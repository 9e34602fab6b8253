"""Where secrets may have been left: files, archives, databases, arguments of processes."""

import base64
import gzip
import pathlib
import sqlite3
import threading
import time
import urllib.parse
import zipfile
import zlib

PAUSE_SECONDS = 0.005


def forms(secret):
    """As it is, and as the encodings that logs and requests use write it."""
    raw = secret.encode()
    plain = base64.b64encode(raw).decode()
    return {form.encode() for form in (
        secret, plain.rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("="),
        urllib.parse.quote(secret, safe=""), raw.hex())}


class Search:
    def __init__(self, secrets):
        """`secrets`: by name."""
        self.forms = {name: forms(secret) for name, secret in secrets.items()}

    def names_in(self, content):
        return sorted(name for name, of in self.forms.items()
                      if any(form in content for form in of))

    def below(self, directory, allowed=()):
        """Each file with a secret, archives and databases opened: (path, name)."""
        found = []
        for file in sorted(pathlib.Path(directory).rglob("*")):
            if file in allowed or file.is_symlink() or not file.is_file():
                continue
            for content in contents(file):
                found += [(str(file.relative_to(directory)), name)
                          for name in self.names_in(content)]
        return sorted(set(found))


def contents(file):
    """The file's bytes, and what they hold once they are unpacked."""
    content = file.read_bytes()
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gunzipped(content)
    elif content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    elif content.startswith(b"SQLite format 3\0"):
        yield rows(file)
    elif len(content) > 2 and content[0] == 0x78:
        # An object of git.
        try:
            yield zlib.decompress(content)
        except zlib.error:
            pass


def gunzipped(content):
    try:
        return gzip.decompress(content)
    except (OSError, EOFError):
        return b""


def rows(file):
    """Every value of every table: a value may lie across pages, with the file's bytes between."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        tables = [name for name, in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [value for table in tables for row in database.execute(f'SELECT * FROM "{table}"')
                  for value in row]
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
