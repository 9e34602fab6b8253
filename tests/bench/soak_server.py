#!/usr/bin/env python3
"""Ten minutes of everything at once: does the server's memory grow, does it keep descriptors?

    soak_server.py BUILD_DIRECTORY [--minutes N]

In turn: pushes and pings at a rate, all pages, streams that are opened and left, clients that send
half a request. Prints memory and descriptors of the server every round. Exit code 1 where, from the
second third of the time on, memory grew by more than a tenth and 8 MB, or descriptors stayed open.
"""

import argparse
import pathlib
import socket
import sys
import tempfile
import time

from server_load import BRANCH, REPOSITORY, Load, payloads
from server_receivers import Aphex, descriptors_of, make_repository, status_of

RATE, SECONDS = 100, 5
PAGES = ("/", "/deliveries", "/api/v1/queue", "/api/v1/deliveries?limit=1000", "/metrics",
         "/healthz", "/runs/1", "/nothing")
STREAMS, HALVES = 200, 50
ROOM = 8


def streams_come_and_go(server):
    opened = []
    for _ in range(STREAMS):
        stream = socket.create_connection(("127.0.0.1", server.port))
        stream.sendall(b"GET /events?topic=overview HTTP/1.1\r\nHost: a\r\n\r\n")
        opened.append(stream)
    for stream in opened:
        stream.recv(1000)
        stream.close()
    for _ in range(HALVES):
        half = socket.create_connection(("127.0.0.1", server.port))
        half.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhal")
        half.close()


def soak(load, server, sent, minutes):
    """(seconds, memory, descriptors) after each round."""
    seen, began = [], time.monotonic()
    while (now := time.monotonic() - began) < minutes * 60 or len(seen) < 3:
        for payload in (sent["push"], sent["ping"], sent["pull request"]):
            load.deliver_at(server.url, payload, RATE, SECONDS)
        load.deliver(server.url, sent["large push"], SECONDS)
        for path in PAGES:
            for _ in range(20):
                server.request(path)
        streams_come_and_go(server)
        time.sleep(1)
        process = server.process.pid
        seen.append((now, status_of(process)["VmRSS"], descriptors_of(process)))
        print(f"{now:6.0f} s  {seen[-1][1] / 1e6:6.1f} MB  {seen[-1][2]} descriptors", flush=True)
    return seen


def complaint(seen):
    third = seen[len(seen) // 3:]
    (_, first_size, first_open), (_, last_size, last_open) = third[0], third[-1]
    if last_size > first_size * 1.1 + 8e6:
        return f"memory grew from {first_size / 1e6:.1f} to {last_size / 1e6:.1f} MB"
    if last_open > first_open + ROOM:
        return f"descriptors stay open: {first_open}, then {last_open}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aphex-soak-") as folder:
        work = pathlib.Path(folder)
        commit = make_repository(work / "repository")
        pipeline = {"name": "app", "repository": REPOSITORY, "branch": BRANCH,
                    "url": str(work / "repository")}
        with Aphex(str((options.build / "bin/aphex").resolve()), work, [pipeline],
                   maxRuns=1) as server:
            seen = soak(Load(work), server, payloads(commit), options.minutes)
    if problem := complaint(seen):
        print(f"soak: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
