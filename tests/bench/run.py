#!/usr/bin/env python3
"""Every comparison of `make bench`, and one table of them at the end.

    run.py BUILD_DIRECTORY [--only SECTION,…] [--rounds N] [--report] [--json FILE]
    run.py BUILD_DIRECTORY --render

Every number is the median of whole processes that took turns on the same machine; `ratio` says how
many times faster ours is than the peer. Exit code 1 where a contestant failed, and where a row is
above what the design promises for it (Row.most); other speeds are for people to judge.

--report puts what was measured into docs/benchmarks.json, and docs/benchmarks.md is made of it when
every section has been measured at some time. --render writes the page anew from the JSON.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile
import time

import bench_archive
import bench_definition
import bench_engine
import bench_manifests
import bench_pipeline
import bench_plan
import bench_server
import bench_synth
import report
from measure import PLACES, load, table
from sections import SECTIONS


def measures_of(options, programs):
    """Each section's own; in the order of SECTIONS."""
    aphex = str(programs / "aphex")
    return {
        "plan": lambda work, rounds: bench_plan.measure(aphex, work, rounds),
        "synth": lambda work, rounds: bench_synth.measure(aphex, work, rounds),
        "definition": lambda work, rounds: bench_definition.measure(aphex, work, rounds),
        "manifests": lambda work, rounds: bench_manifests.measure(aphex, work, rounds),
        "engine": lambda work, rounds: bench_engine.measure(str(programs / "bench_engine"), work,
                                                            rounds),
        "archive": lambda work, rounds: bench_archive.measure(str(programs / "archive_tool"), work,
                                                              rounds, options.tree),
        "server": lambda work, rounds: bench_server.measure(aphex, work, rounds),
        "pipeline": lambda work, rounds: bench_pipeline.measure(aphex, work, rounds),
    }


def measured(name, measure, rounds):
    """A section's entry of the report."""
    machine = report.machine()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"aphex-bench-{name}-") as folder:
        PLACES.name(folder, "$WORK")
        rows = measure(pathlib.Path(folder), rounds)
    report.check(name, rows)
    seconds = round(time.monotonic() - began)
    print(f"-- {name}: {seconds} s", flush=True)
    return rows, {"machine": machine, "rounds": rounds, "seconds": seconds,
                  "rows": report.stored(rows)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tree", type=pathlib.Path,
                        help="what is packed (default: tests/constructs/node_modules)")
    parser.add_argument("--report", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--render", action="store_true",
                        help="measure nothing; docs/benchmarks.md anew from docs/benchmarks.json")
    parser.add_argument("--json", type=pathlib.Path, help="the rows, for comparing two versions")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if strangers := set(options.only) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(strangers))}; there are: "
                     f"{' '.join(SECTIONS)}")
    return options


def main():
    options = arguments()
    data = report.read()
    if options.render:
        report.write(data)
        return 0
    programs = (options.build / "bin").resolve()
    PLACES.name(programs, "$BIN")
    measures = measures_of(options, programs)
    started = time.monotonic()
    rows, failed = [], []
    chosen = [name for name in SECTIONS if name in options.only]
    for number, name in enumerate(chosen, 1):
        print(f"\n== {name}, {number} of {len(chosen)} ({load()})", flush=True)
        rounds = min(options.rounds, SECTIONS[name].most_rounds)
        try:
            found, entry = measured(name, measures[name], rounds)
            rows += found
            data["sections"][name] = entry
            if options.report:
                report.write(data)
        except (RuntimeError, OSError) as error:
            failed.append(name)
            print(f"bench: {name}: {error}", file=sys.stderr, flush=True)
    print(f"\n{table(rows)}\n\n{load()}; {time.monotonic() - started:.0f} s in all"
          + (f"; failed: {', '.join(failed)}" if failed else ""))
    for failure in filter(None, (row.failure for row in rows)):
        failed.append(failure)
        print(f"bench: {failure}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
