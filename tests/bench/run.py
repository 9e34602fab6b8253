#!/usr/bin/env python3
"""Every comparison of `make bench`, and one table of them at the end.

    run.py BUILD_DIRECTORY [--only plan,synth,engine,archive,server,pipeline] [--rounds N]
           [--json FILE]

Every number is the median of whole processes that took turns on the same machine; `ratio` says how
many times faster ours is than the peer. Exit code 1 where a contestant failed, and where a row is
above what the design promises for it (Row.most); other speeds are for people to judge.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile
import time

import bench_archive
import bench_engine
import bench_pipeline
import bench_plan
import bench_server
import bench_synth
from measure import Row, load, table

SECTIONS = ("plan", "synth", "engine", "archive", "server", "pipeline")


def archives(tool, work, rounds, tree):
    """bench_archive.py prints details; the medians of ours and the peers go into the table."""
    options = argparse.Namespace(tool=tool, rounds=rounds, tree=tree)
    found = bench_archive.compare(options, work)
    rows = []
    for what, times in found.items():
        ours = next(name for name in times if name.startswith("archive_tool"))
        rows += [Row(f"{what} node_modules", times[ours], name, times[name],
                     "3x" if (what, name) == ("packing", "tar czf") else "faster")
                 for name in times if not name.startswith("archive_tool")
                 and not name.endswith("of ours")]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tree", type=pathlib.Path, help="a node_modules; else npm installs one")
    parser.add_argument("--json", type=pathlib.Path, help="the rows, for comparing two versions")
    options = parser.parse_args()
    only = options.only.split(",")
    if unknown := set(only) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(unknown)}; there are: {' '.join(SECTIONS)}")
    programs = (options.build / "bin").resolve()
    aphex = str(programs / "aphex")
    started = time.monotonic()
    rows, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="aphex-bench-") as folder:
        measures = {
            "plan": lambda work: bench_plan.measure(aphex, work, options.rounds),
            "synth": lambda work: bench_synth.measure(aphex, work, options.rounds),
            "engine": lambda work: bench_engine.measure(str(programs / "bench_engine"), work,
                                                        options.rounds * 2),
            "archive": lambda work: archives(str(programs / "archive_tool"), work, options.rounds,
                                             options.tree),
            "server": lambda work: bench_server.measure(aphex, work, options.rounds),
            "pipeline": lambda work: bench_pipeline.measure(aphex, work),
        }
        for name in SECTIONS:
            if name not in only:
                continue
            print(f"\n== {name} ({load()})", flush=True)
            work = pathlib.Path(folder) / name
            work.mkdir()
            try:
                rows += measures[name](work)
            except (RuntimeError, OSError) as error:
                failed = 1
                print(f"bench: {name}: {error}", file=sys.stderr)
    print(f"\n{table(rows)}\n\n{load()}; {time.monotonic() - started:.0f} s in all")
    for failure in filter(None, (row.failure for row in rows)):
        failed = 1
        print(f"bench: {failure}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    return failed


if __name__ == "__main__":
    sys.exit(main())
