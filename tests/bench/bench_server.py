"""`aphex serve` under load.

Deliveries: beside github.com/adnanh/webhook, with one signature, the same checks and the same
senders. What they do is not the same. aphex writes each delivery and the place of its run to the
disk, synced, before it answers, and executes the runs one after the other; webhook answers, keeps
nothing, and starts /bin/true for each, as many at a time as come. Of events that start nothing
aphex writes a record, too.

Pages: with 100,000 stored runs, beside the same pages of a server with ten.
"""

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
MOST_ROUNDS = 3
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


def saturation(load, receivers, sent, rounds):
    rows = []
    print(f"as fast as they are answered, {CONNECTIONS} connections")
    for payload in sent.values():
        found = in_turn({each.name: lambda each=each, payload=payload: load.deliver(
            each.url, payload, SECONDS) for each in receivers}, rounds, "each")
        for name, one in found.items():
            print(f"  {payload.title:<22} {name:<15} {1 / one['each']:8,.0f} a second  "
                  f"{milliseconds(one)}")
        ours, peer = (found[each.name] for each in receivers)
        rows.append(Row(f"{payload.title}, each", ours["each"] * 1e6, receivers[1].name,
                        peer["each"] * 1e6, "near the peer", "us"))
        rows.append(Row(f"{payload.title}, p99", ours["p99"], receivers[1].name, peer["p99"],
                        "faster"))
    return rows


def repetition(load, ours, payload, rounds):
    found = in_turn({ids: lambda ids=ids: load.deliver(ours.url, payload, SECONDS, ids)
                     for ids in ("same", "distinct")}, rounds, "each")
    for ids, one in found.items():
        print(f"  {payload.title:<22} {ids + ' ids':<15} {1 / one['each']:8,.0f} a second  "
              f"{milliseconds(one)}")
    return [Row("a known delivery, each", found["same"]["each"] * 1e6, "a new one",
                found["distinct"]["each"] * 1e6, "faster", "us")]


def at_a_rate(load, receivers, payload):
    rows = []
    print(f"{RATE} a second")
    found = in_turn({each.name: lambda each=each: load.deliver_at(
        each.url, payload, RATE, RATE_SECONDS) for each in receivers}, 1, "p99")
    for name, one in found.items():
        print(f"  {payload.title:<22} {name:<15} {milliseconds(one)}")
    ours, peer = (found[each.name] for each in receivers)
    for percentile in ("p50", "p99"):
        rows.append(Row(f"{payload.title}, {percentile} at {RATE}/s", ours[percentile],
                        receivers[1].name, peer[percentile], "near the peer"))
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
                        peaks[theirs.name] / 1e6, "less", "MB"))
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
                                found[many]["p99"], f"of {FEW_RUNS} runs", found[few]["p99"],
                                f"{AIM_MS} ms" if promised else "alike",
                                most=AIM_MS / 1000 if promised else None))
    shutil.rmtree(work / f"runs-{RUNS}")
    return rows


def measure(aphex, work, rounds):
    load = Load(work)
    rounds = min(rounds, MOST_ROUNDS)
    rows = []
    for name, part in (("deliveries", deliveries), ("pages", pages),
                       ("streams", bench_streams.measure)):
        folder = work / name
        folder.mkdir()
        rows += part(load, aphex, folder, rounds)
    return rows
