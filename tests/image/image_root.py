"""The image's root file system, made without Docker by the same scripts as its Dockerfile.

As a program, as root:  image_root.py NAME
prints the path of an OCI archive of it, which is kept in the user's cache directory and made anew
only when the program, the provider or image/ has changed.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = ROOT / "image"
BUILD = pathlib.Path(os.environ["APHEX_BIN"]).resolve().parents[1] if "APHEX_BIN" in os.environ \
    else ROOT / "build/release"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
USER = "8737:8737"
# As the last lines of the Dockerfile have it.
CONFIG = {"User": USER, "WorkingDir": "/aphex/work", "Cmd": ["aphex", "--help"],
          "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                  "HOME=/aphex/work/home"]}
SECONDS = 1800


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                          timeout=SECONDS, check=False, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def mirror():
    """Where this machine has its packages from."""
    for file in [pathlib.Path("/etc/apt/sources.list"),
                 *pathlib.Path("/etc/apt/sources.list.d").glob("*")]:
        if not file.exists():
            continue
        found = re.search(r"https?://\S*/debian/?(?=\s)", file.read_text(encoding="utf-8"))
        if found:
            return found.group()
    raise AssertionError("no source of Debian's packages is configured")


def bootstrap(directory, target):
    """A minimal Debian, as the base image is one; the tool is unpacked, not installed."""
    tool = directory / "debootstrap"
    tool.mkdir()
    run("apt-get", "download", "debootstrap", cwd=tool)
    [package] = tool.glob("*.deb")
    run("dpkg-deb", "-x", package, tool)
    run(tool / "usr/sbin/debootstrap", "--variant=minbase", "bookworm", target, mirror(),
        env={**os.environ, "DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")})


def make(directory):
    """The root file system in a new folder of `directory`."""
    target = directory / "root"
    bootstrap(directory, target)
    run(IMAGE / "fetch-tools", target / "usr/local")
    run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", directory / "package")
    shutil.copytree(IMAGE, target / "image")
    [package] = (directory / "package").glob("*.deb")
    shutil.copy(package, target / "image/aphex.deb")
    shutil.copy("/etc/resolv.conf", target / "etc/resolv.conf")
    for settings in pathlib.Path("/etc/apt/apt.conf.d").glob("*proxy*"):
        shutil.copy(settings, target / "etc/apt/apt.conf.d")
    run("chroot", target, "/image/prepare-root", "/image/aphex.deb")
    shutil.rmtree(target / "image")
    return target


def digest(name):
    parts = hashlib.sha256(name.encode())
    files = [BUILD / "bin/aphex", BUILD / "share/aphex/provider/provider.zip",
             pathlib.Path(__file__), *sorted(IMAGE.iterdir())]
    for file in files:
        with open(file, "rb") as opened:
            parts.update(hashlib.file_digest(opened, "sha256").digest())
    return parts.hexdigest()[:16]


def archive(name):
    """An OCI archive of it, with that name. The one before goes: it is half a gigabyte."""
    sys.path.insert(0, str(ROOT / "tests/cluster/node"))
    import oci_archive

    folder = CACHE / "aphex/image"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{digest(name)}.tar"
    if kept.exists():
        return kept
    print("image: making its root file system (about two minutes, this once)", file=sys.stderr)
    for old in folder.iterdir():
        run("rm", "-rf", old)
    with tempfile.TemporaryDirectory(dir=folder, prefix="making-") as directory:
        root = make(pathlib.Path(directory))
        oci_archive.write(root, kept, name, **CONFIG)
        # As the directory's owner cannot: it holds what belongs to root.
        run("rm", "-rf", root)
    return kept


if __name__ == "__main__":
    print(archive(sys.argv[1]))
