#!/usr/bin/env python3
"""Packing and unpacking a node_modules: archive_tool against `tar czf`/`tar xzf` and pigz.

    bench_archive.py --tool BUILD/bin/archive_tool [--tree DIR] [--work DIR] [--rounds N]

The contestants take turns, round by round, so that whatever else the machine does meets all alike;
the medians are compared. Without --tree, a node_modules of aws-cdk-lib, constructs and typescript@5
is installed by npm. Unpacked trees are compared with the original once.
"""
import argparse
import filecmp
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def install(work: pathlib.Path) -> pathlib.Path:
    app = work / "app"
    app.mkdir()
    (app / "package.json").write_text('{"name": "bench", "private": true}')
    print("installing aws-cdk-lib, constructs and typescript@5 ...", file=sys.stderr)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent",
                    "aws-cdk-lib", "constructs", "typescript@5"], cwd=app, check=True)
    return app / "node_modules"


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(contestants: dict, rounds: int, prepare) -> dict:
    times = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, command in contestants.items():
            prepare(name)
            seconds = timed(command)
            if number > 0:  # the first round fills the page cache
                times[name].append(seconds)
    return times


def report(title: str, times: dict, peer: str, aim: str, sizes: dict | None = None) -> dict:
    """Prints the comparison; answers the median of each."""
    print(f"\n{title}")
    base = statistics.median(times[peer])
    for name, values in times.items():
        median = statistics.median(values)
        size = f"  {sizes[name] / 1e6:7.1f} MB" if sizes else ""
        print(f"  {name:<24} median {median:7.3f} s  best {min(values):7.3f} s{size}"
              f"  {base / median:5.2f}x {peer}")
    print(f"  aim: {aim}")
    return {name: statistics.median(values) for name, values in times.items()}


def same_tree(left: pathlib.Path, right: pathlib.Path) -> bool:
    def entries(root):
        for folder, names, files in os.walk(root):
            for name in names + files:
                yield os.path.relpath(os.path.join(folder, name), root)
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


def bench_packing(options, tree: pathlib.Path, archives: dict) -> dict:
    below = ["-C", str(tree.parent), tree.name]
    contestants = {
        "archive_tool pack": [options.tool, "pack", str(tree), str(archives["archive_tool pack"])],
        "tar czf": ["tar", "czf", str(archives["tar czf"]), *below],
    }
    if shutil.which("pigz"):
        contestants["tar | pigz"] = ["tar", "-I", "pigz", "-cf", str(archives["tar | pigz"]),
                                     *below]
    times = measure(contestants, options.rounds,
                    lambda name: archives[name].unlink(missing_ok=True))
    sizes = {name: archives[name].stat().st_size for name in contestants}
    return report(f"packing {tree.name}, {os.cpu_count()} processors", times, "tar czf",
                  "3x tar czf on 2 processors", sizes)


def bench_unpacking(options, work: pathlib.Path, archives: dict) -> dict:
    ours, out = archives["archive_tool pack"], work / "out"
    theirs = archives["tar czf"]
    contestants = {
        "archive_tool unpack": [options.tool, "unpack", str(ours), str(out)],
        "archive_tool of tar's": [options.tool, "unpack", str(theirs), str(out)],
        "tar xzf": ["tar", "xzf", str(theirs), "-C", str(out)],
        "tar xzf of ours": ["tar", "xzf", str(ours), "-C", str(out)],
    }
    if shutil.which("pigz"):
        contestants["tar | pigz -d"] = ["tar", "-I", "pigz", "-xf", str(theirs), "-C", str(out)]

    def prepare(name):
        shutil.rmtree(out, ignore_errors=True)
        os.sync()  # nobody pays for what another left to write
        if name.startswith("tar"):
            out.mkdir()

    times = measure(contestants, options.rounds, prepare)
    return report("unpacking", times, "tar xzf", "clearly faster than tar xzf")


def compare(options, work: pathlib.Path) -> dict:
    """The medians of "packing" and of "unpacking", by contestant; in seconds."""
    tree = options.tree.resolve() if options.tree else install(work)
    archives = {"archive_tool pack": work / "ours.tar.gz", "tar czf": work / "tar.tar.gz",
                "tar | pigz": work / "pigz.tar.gz"}
    medians = {"packing": bench_packing(options, tree, archives),
               "unpacking": bench_unpacking(options, work, archives)}
    subprocess.run([options.tool, "unpack", str(archives["archive_tool pack"]),
                    str(work / "check")], check=True, stdout=subprocess.DEVNULL)
    if not same_tree(tree, work / "check"):
        raise RuntimeError("the unpacked tree differs from the packed one")
    print("\nthe unpacked tree equals the packed one")
    return medians


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--tree", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, help="where to write (default: temporary)")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    options.tool = str(pathlib.Path(options.tool).resolve())
    with tempfile.TemporaryDirectory(prefix="aphex-bench-", dir=options.work) as folder:
        compare(options, pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
