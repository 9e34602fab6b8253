#!/usr/bin/env python3
"""Programs of Debian that tests start and that nobody wants installed for it: a web server that
listens on port 80, a timer that turns logs. They are unpacked into the user's cache directory;
apt checks what it downloads. scripts/setup gets them:

    tests/support/unpacked.py            all of them that are not there yet
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Each with the libraries that a small Debian lacks.
PACKAGES = {"nginx": ["nginx"], "logrotate": ["logrotate", "libpopt0"]}


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "aphex/unpacked"


def _do(command, **options):
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise SystemExit(f"unpacked: {' '.join(map(str, command))}: {done.stderr.strip()}\n"
                         "unpacked: hint: sudo apt-get update")


def _get(name, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="getting-", dir=target.parent) as folder:
        # apt's own user has to write there.
        os.chmod(folder, 0o777)
        _do(["apt-get", "download", "-qq", *PACKAGES[name]], cwd=folder)
        filled = pathlib.Path(folder) / name
        for archive in pathlib.Path(folder).glob("*.deb"):
            _do(["dpkg-deb", "-x", archive, filled])
        if not target.exists():
            filled.rename(target)


def program(name):
    """(path, variables) of a program: the machine's own, else the unpacked one."""
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    if found := shutil.which(name, path=search):
        return found, {}
    root = cache() / name
    if not root.exists():
        _get(name, root)
    found = shutil.which(name, path=f"{root}/usr/sbin{os.pathsep}{root}/usr/bin")
    libraries = os.pathsep.join(str(path) for path in (root / "usr/lib").glob("*-linux-gnu*"))
    return found, {"LD_LIBRARY_PATH": libraries} if libraries else {}


if __name__ == "__main__":
    for each in PACKAGES:
        program(each)
    sys.exit(0)
