"""`aphex serve` under load.

Deliveries: beside github.com/adnanh/webhook, with one signature, the same checks and the same
senders. What they do is not the same. aphex writes each delivery and the place of its run to the
disk, synced, before it answers, and executes the runs one after the other; webhook answers, keeps
nothing, and starts /bin/true for each, as many at a time as come. Of events that start nothing
aphex writes a record, too.

Pages: with 100,000 stored runs, beside the same pages of a server with ten.
"""

import dataclasses
import os
import pathlib
import shutil
import sys
import time

import bench_streams
from measure import Row
from server_load import BRANCH, CONNECTIONS, REPOSITORY, Load, payloads
from server_receivers import Aphex, Webhook, make_repository

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import make_runs  # noqa: E402

SECONDS = 2  # of each turn at saturation
RATE, RATE_SECONDS = 100, 4
RUNS, FEW_RUNS = 100_000, 10
PAGE_SECONDS = 1
AIM_MS = 20  # of the overview, one after the other: what the design promises


def settle():
    """Nobody pays for what another left to write or to reap."""
    time.sleep(0.3)
    os.sync()


def middle(ones, key):
    return sorted(ones, key=lambda one: one[key])[len(ones) // 2]


def in_turn(contestants, rounds, key):
    """The median by `key` of what each contestant found; the first round warms up."""
    found = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            settle()
            one = contestant()
            if number > 0:
                found[name].append(one)
    return {name: middle(ones, key) for name, ones in found.items()}


def milliseconds(one):
    return f"p50 {one['p50'] * 1e3:6.1f} ms  p99 {one['p99'] * 1e3:6.1f} ms"


def beside(what, receivers, found, key, aim):
    """A row of what both receivers were found to need."""
    ours, peer = (found[each.name] for each in receivers)
    unit, factor = ("us", 1e6) if key == "each" else ("s", 1)
    return Row(what, ours[key] * factor, receivers[1].name, peer[key] * factor, aim, unit,
               version=receivers[1].version,
               command=f"{receivers[0].shown()} & {ours['command']}",
               peer_command=f"{receivers[1].shown()} & {peer['command']}")


def saturation(load, receivers, sent, rounds):
    rows = []
    print(f"as fast as they are answered, {CONNECTIONS} connections")
    for payload in sent.values():
        found = in_turn({each.name: lambda each=each, payload=payload: load.deliver(
            each.url, payload, SECONDS) for each in receivers}, rounds, "each")
        for name, one in found.items():
            print(f"  {payload.title:<22} {name:<15} {1 / one['each']:8,.0f} a second  "
                  f"{milliseconds(one)}")
        rows.append(beside(f"{payload.title}, each", receivers, found, "each", "near the peer"))
        rows.append(beside(f"{payload.title}, p99", receivers, found, "p99", "faster"))
    return rows


def repetition(load, ours, payload, rounds):
    found = in_turn({ids: lambda ids=ids: load.deliver(ours.url, payload, SECONDS, ids)
                     for ids in ("same", "distinct")}, rounds, "each")
    for ids, one in found.items():
        print(f"  {payload.title:<22} {ids + ' ids':<15} {1 / one['each']:8,.0f} a second  "
              f"{milliseconds(one)}")
    return [Row("a known delivery, each", found["same"]["each"] * 1e6, "aphex",
                found["distinct"]["each"] * 1e6, "faster", "us", "a new one", within=True,
                command=f"{ours.shown()} & {found['same']['command']}",
                peer_command=f"{ours.shown()} & {found['distinct']['command']}")]


def synced_writes(folder, size):
    """Percentiles of writing so many bytes to the disk and waiting for it, at the same rate."""
    times = []
    with open(folder / "synced", "wb", buffering=0) as file:
        for _ in range(RATE * RATE_SECONDS):
            begin = time.perf_counter()
            file.write(bytes(size))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
            time.sleep(max(0, 1 / RATE - times[-1]))
    times.sort()
    return {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def at_a_rate(load, receivers, payload):
    rows = []
    print(f"{RATE} a second")
    contestants = {each.name: lambda each=each: load.deliver_at(
        each.url, payload, RATE, RATE_SECONDS) for each in receivers}
    disk = f"a write of {len(payload.body) / 1e3:.0f} KB and its sync"
    contestants[disk] = lambda: synced_writes(load.work, len(payload.body))
    found = in_turn(contestants, 1, "p99")
    for name, one in found.items():
        print(f"  {payload.title:<22} {name:<15} {milliseconds(one)}")
    for percentile in ("p50", "p99"):
        what = f"{payload.title}, {percentile} at {RATE}/s"
        row = beside(what, receivers, found, percentile, "near the peer")
        rows += [row, dataclasses.replace(
            row, peer=disk, theirs=found[disk][percentile], version="", within=True,
            aim="near it", peer_command="python3 tests/bench/bench_server.py: synced_writes")]
    return rows


def deliveries(load, aphex, work, rounds):
    commit = make_repository(work / "repository")
    pipeline = {"name": "app", "repository": REPOSITORY, "branch": BRANCH,
                "url": str(work / "repository")}
    sent = payloads(commit)
    with Aphex(aphex, work, [pipeline], maxRuns=1) as ours, Webhook(work) as theirs:
        load.answered.clear()
        receivers = [ours, theirs]
        rows = saturation(load, receivers, sent, rounds)
        rows += at_a_rate(load, receivers, sent["push"])
        # More than answered: what was under way when a turn ended.
        (recorded,), = ours.query("SELECT count(*) FROM deliveries")
        answered = load.answered[ours.url]
        if recorded < answered:
            raise RuntimeError(f"of {answered} answered deliveries {recorded} are recorded")
        print(f"{answered:,} deliveries answered by {ours.name}, all of them recorded")
        rows += repetition(load, ours, sent["push"], rounds)
        peaks = {each.name: each.memory_peak() for each in receivers}
        print("memory at most, without the processes that they start: "
              + ", ".join(f"{name} {peak / 1e6:.0f} MB" for name, peak in peaks.items()))
        rows.append(Row("memory at most", peaks[ours.name] / 1e6, theirs.name,
                        peaks[theirs.name] / 1e6, "less", "MB", version=theirs.version,
                        command=ours.shown(), peer_command=theirs.shown()))
    return rows


def pages(load, aphex, work, rounds):
    """Each page of a server with many runs and of one with few, in turn."""
    servers = {}
    make_runs.BINARY = aphex
    for count in (FEW_RUNS, RUNS):
        folder = work / f"runs-{count}"
        folder.mkdir()
        pipelines = [{"name": name, "repository": f"acme/{name}"}
                     for name in [*make_runs.NAMES, "never-ran"]]
        servers[count] = Aphex(aphex, folder, pipelines)
        began = time.monotonic()
        make_runs.make(servers[count].state, count)
        print(f"{count:,} runs made in {time.monotonic() - began:.0f} s, "
              f"{(servers[count].state / 'aphex.db').stat().st_size / 1e6:,.0f} MB")
    with servers[FEW_RUNS] as few, servers[RUNS] as many:
        rows = []
        for what, path in (("overview", lambda count: "/"),
                           ("a run", lambda count: f"/runs/{count - 1}"),
                           ("a pipeline", lambda count: f"/pipelines/{make_runs.NAMES[0]}"),
                           ("the list of runs", lambda count: "/api/v1/runs"),
                           ("deliveries", lambda count: "/deliveries"),
                           ("metrics", lambda count: "/metrics")):
            if few.request(path(FEW_RUNS))[0] == 404:
                continue
            for connections in (1, 8):
                found = in_turn({each: lambda each=each, count=count: load.get(
                    each.address + path(count), PAGE_SECONDS, connections)
                    for each, count in ((few, FEW_RUNS), (many, RUNS))}, max(1, rounds // 3), "p99")
                print(f"  {what:<17} {connections} at a time: "
                      f"{found[many]['requests'] / found[many]['seconds']:7,.0f} a second  "
                      f"{milliseconds(found[many])}")
                promised = (what, connections) == ("overview", 1)
                rows.append(Row(f"{what} of {RUNS:,} runs, p99, {connections} at a time",
                                found[many]["p99"], "aphex", found[few]["p99"],
                                f"{AIM_MS} ms" if promised else "alike",
                                detail=f"of {FEW_RUNS} runs", within=True,
                                command=f"{many.shown()} & {found[many]['command']}",
                                peer_command=f"{few.shown()} & {found[few]['command']}",
                                most=AIM_MS / 1000 if promised else None))
    shutil.rmtree(work / f"runs-{RUNS}")
    return rows


def measure(aphex, work, rounds):
    load = Load(work)
    rows = []
    for name, part in (("deliveries", deliveries), ("pages", pages),
                       ("streams", bench_streams.measure)):
        folder = work / name
        folder.mkdir()
        rows += part(load, aphex, folder, rounds)
    return rows
