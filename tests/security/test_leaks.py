"""The search for secrets finds what is there: what the other tests of this folder, and the search
in what every suite leaves behind (scripts/test), rely upon."""

import base64
import gzip
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import sqlite3
import subprocess
import sys
import tarfile
import zipfile

import pytest
from leaks import Arguments, Search
from planted import Planted

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "a/planted+secret, of <this> file 0123456789"


@pytest.fixture
def search():
    return Search({"token": SECRET})


def database(file, padding=5000):
    with sqlite3.connect(file) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE logs (line)")
        made.execute("INSERT INTO logs VALUES (?)", ("x" * padding + SECRET + "x" * padding,))
    made.close()
    return file.read_bytes()


def tar(name, content):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def test_in_every_form_of_a_text(search):
    quoted = "a%2Fplanted%2Bsecret%2C%20of%20%3Cthis%3E%20file%200123456789"
    forms = {"plain": SECRET, "quoted": quoted,
             "page": "a/planted+secret, of &lt;this&gt; file 0123456789",
             "hexadecimal": SECRET.encode().hex(), "JSON": json.dumps({"a": SECRET})}
    for before in ("", "a", "ab", "user:", "x-access-token:"):
        text = f"{before}{SECRET}and more".encode()
        forms[f"base64 after {before}"] = base64.b64encode(text).decode()
        forms[f"base64url after {before}"] = base64.urlsafe_b64encode(text).decode()
    for name, text in forms.items():
        assert search.names_in(f"<{text}>".encode()) == ["token"], name
    assert search.names_in(SECRET[:-1].encode()) == []


def test_in_every_kind_of_file(search, tmp_path):
    raw = SECRET.encode()
    content = database(tmp_path / "aphex.db")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", raw)
    files = {"plain": raw, "a.gz": gzip.compress(raw), "a.zip": zipped.getvalue(),
             "two.gz": gzip.compress(b"first") + gzip.compress(raw),
             "cut.gz": gzip.compress(raw + bytes(1000))[:-12],
             "large": bytes(3 << 20) + raw, "large.gz": gzip.compress(bytes(3 << 20) + raw),
             # As the backup of a state may hold them.
             "database.tar.gz": gzip.compress(tar("aphex.db", content)),
             "archive.tar.gz": gzip.compress(tar("a.tar.gz", gzip.compress(tar("b", raw))))}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "harmless").write_text("nothing")
    (tmp_path / "harmless.gz").write_bytes(gzip.compress(b"nothing"))
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    found = search.below(tmp_path)
    assert found == [(name, "token") for name in sorted([*files, "aphex.db"])]
    assert ("plain", "token") not in search.below(tmp_path, allowed=[tmp_path / "plain"])


@pytest.mark.parametrize("pack", [False, True], ids=["an object", "a pack"])
def test_in_what_git_has_stored(search, tmp_path, pack):
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b",
                        *arguments], check=True, capture_output=True)
    git("init", "-q")
    text = "".join(f"{line}\n" for line in range(2000))
    for content in (text, text + SECRET, text):
        (tmp_path / "file").write_text(content)
        git("add", "file")
        git("commit", "-q", "-m", "x")
    if pack:
        git("repack", "-adq")
    kinds = {"pack": ".git/objects/pack/pack-", "object": ".git/objects/"}
    ((file, _),) = search.below(tmp_path)
    assert file.startswith(kinds["pack" if pack else "object"]) and not file.endswith(".idx")


def test_in_the_arguments_of_a_process(search):
    with Arguments(search) as arguments:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.3)", SECRET], check=True)
    assert [name for _, name in arguments.found] == ["token"]


def test_a_suite_that_leaves_a_secret_fails(tmp_path, monkeypatch):
    """Of scripts/test: with the file and the secret named, but for the files that must hold it."""
    loader = importlib.machinery.SourceFileLoader("scripts_test", str(ROOT / "scripts/test"))
    scripts = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    monkeypatch.setitem(sys.modules, loader.name, scripts)
    loader.exec_module(scripts)
    monkeypatch.setattr(scripts, "LOGS", tmp_path)
    left = tmp_path / "left"
    (left / "state/sandbox").mkdir(parents=True)
    for name in ("secret", "state/sandbox/state.bin", "run.log"):
        (left / name).write_text(SECRET)
    record = tmp_path / "planted"
    assert scripts.secrets_left("some", Planted.read(record), left).failed == 0
    record.write_text("".join(json.dumps(each) + "\n" for each in (
        {"secret": "webhook secret", "value": SECRET},
        {"holder": str(left / "secret"), "names": ["webhook secret"]},
        {"holder": str(left / "state/sandbox"), "names": ["webhook"]},
        {"holder": str(left / "run.log"), "names": ["GitHub token"]})))
    outcome = scripts.secrets_left("some", Planted.read(record), left)
    assert outcome.failures == ("secrets left behind: webhook secret: run.log",)
    (left / "run.log").unlink()
    assert scripts.secrets_left("some", Planted.read(record), left) == scripts.Outcome(passed=1)
    (tmp_path / "some.log").write_text(f"E  assert '{SECRET}' == ''")
    outcome = scripts.secrets_left("some", Planted.read(record), left)
    assert outcome.failures == ("secrets left behind: webhook secret: some.log",)
