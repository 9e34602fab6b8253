"""Packing and unpacking a node_modules: archive_tool beside GNU tar with gzip and with pigz.

archive_tool (archive_tool.cpp) calls what `aphex run` calls for its artifacts. The tree is the one
that scripts/setup installs for tests of the constructs: aws-cdk-lib and TypeScript, pinned. The
unpacked tree is compared with the original.
"""

import filecmp
import os
import pathlib
import shutil

import peer_programs
from bench_synth import NODE_MODULES
from measure import PLACES, Contestant, Row, against

AIM = {"pack": "3x tar czf on 2 processors", "unpack": "faster"}


def entries(root):
    for folder, names, files in os.walk(root):
        for name in names + files:
            yield os.path.relpath(os.path.join(folder, name), root)


def same_tree(left, right):
    if sorted(entries(left)) != sorted(entries(right)):
        return False
    for path in entries(left):
        a, b = left / path, right / path
        if a.is_symlink() != b.is_symlink():
            return False
        if a.is_symlink():
            if os.readlink(a) != os.readlink(b):
                return False
        elif a.is_file() and not filecmp.cmp(a, b, shallow=False):
            return False
    return True


class Archives:
    """The contestants, and what they write."""

    def __init__(self, tool, tree, work):
        self.tool, self.tree, self.out = tool, tree, work / "out"
        self.ours, self.tar, self.pigz = (work / f"{name}.tar.gz"
                                          for name in ("ours", "tar", "pigz"))
        pigz = peer_programs.debian("pigz")
        tar = peer_programs.version_of("tar")
        gzip = peer_programs.version_of("gzip")
        self.peers = {"GNU tar + gzip": (["-z"], f"{tar} and {gzip}", self.tar),
                      "GNU tar + pigz": (["-I", pigz.path], f"{tar} and {pigz.version}", self.pigz)}

    def packing(self):
        def removing(file):
            return lambda: file.unlink(missing_ok=True)

        below = ["-C", self.tree.parent, self.tree.name]
        return (Contestant([self.tool, "pack", self.tree, self.ours], prepare=removing(self.ours)),
                [Contestant(["tar", *how, "-cf", file, *below], peer=name, version=version,
                            prepare=removing(file))
                 for name, (how, version, file) in self.peers.items()])

    def _clear(self):
        shutil.rmtree(self.out, ignore_errors=True)
        os.sync()  # nobody pays for what another left to write

    def _clear_and_make(self):
        self._clear()
        self.out.mkdir()

    def unpacking(self, archive):
        """Ours of `archive`, tar of its own."""
        return (Contestant([self.tool, "unpack", archive, self.out], prepare=self._clear),
                [Contestant(["tar", *how, "-xf", self.tar, "-C", self.out], peer=name,
                            version=version, prepare=self._clear_and_make)
                 for name, (how, version, _) in self.peers.items()])

    def check(self):
        # Those of tar have the directory itself in them.
        for archive, place in ((self.ours, self.out), (self.tar, self.out / self.tree.name)):
            self.unpacking(archive)[0]()
            if not same_tree(self.tree, place):
                raise RuntimeError(f"{archive.name}: the unpacked tree differs from the packed one")
        print("both unpacked trees equal the packed one")

    def sizes(self, command, peers):
        size = self.ours.stat().st_size / 1e6
        return [Row("size of the archive", size, peer.peer,
                    self.peers[peer.peer][2].stat().st_size / 1e6, "smaller", "MB",
                    version=peer.version, command=command.shown(), peer_command=peer.shown())
                for peer in peers]


def measure(tool, work, rounds, tree=None):
    tree = pathlib.Path(tree or NODE_MODULES).resolve()
    if not tree.is_dir():
        raise RuntimeError(f"{tree} is not there: scripts/setup installs it")
    PLACES.name(tree.parent, "./tests/constructs" if tree == NODE_MODULES.resolve() else "$TREE")
    archives = Archives(tool, tree, work)
    ours, peers = archives.packing()
    rows = against(f"packing {sum(1 for _ in entries(tree)):,} files", ours, peers, rounds,
                   AIM["pack"])
    rows += archives.sizes(ours, peers)
    rows += against("unpacking, each its own", *archives.unpacking(archives.ours), rounds,
                    AIM["unpack"])
    rows += against("unpacking tar's archive", *archives.unpacking(archives.tar), rounds,
                    AIM["unpack"])
    archives.check()
    return rows
