#!/usr/bin/env python3
"""Reads many event streams at once and says what came.

    stream_reader.py PORT SECONDS COUNT=PATH...

Prints "open" when the heads of all answers have come, then waits for a line on stdin, reads for
SECONDS, and prints JSON. Lines of a log that have "at=<monotonic nanoseconds>" tell their age.
"""

import json
import resource
import select
import socket
import statistics
import sys
import time

STAMP = b"at="
DIGITS = 20
OPENING_SECONDS = 60


class Stream:
    def __init__(self, port, path):
        self.path = path
        self.socket = socket.socket()
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Accept: text/event-stream\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.head = b""
        self.opened = False
        self.bytes = 0

    def read_head(self, data):
        self.head += data
        if b"\r\n\r\n" in self.head:
            status = self.head.split(b"\r\n", 1)[0]
            if b" 200 " not in status:
                sys.exit(f"{self.path}: {self.head.decode(errors='replace')}")
            self.opened = True


class Reader:
    def __init__(self, port, wanted):
        self.poll = select.epoll()
        self.streams = {}
        self.ages = []
        self.bytes = self.events = self.closed = 0
        for count, path in wanted:
            for _ in range(count):
                stream = Stream(port, path)
                self.streams[stream.socket.fileno()] = stream
                self.poll.register(stream.socket, select.EPOLLIN)

    def turn(self, measuring):
        for number, _ in self.poll.poll(0.1):
            stream = self.streams[number]
            try:
                data = stream.socket.recv(1 << 20)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            if not data:
                self.poll.unregister(number)
                self.closed += 1
                continue
            if not stream.opened:
                stream.read_head(data)
            if measuring:
                self.take(stream, data)

    def take(self, stream, data):
        self.bytes += len(data)
        stream.bytes += len(data)
        self.events += data.count(b"\nevent: ") + data.count(b"\nid: ")
        at = data.rfind(STAMP)
        stamp = data[at + len(STAMP):at + len(STAMP) + DIGITS]
        if at >= 0 and len(stamp) == DIGITS:
            self.ages.append((time.monotonic_ns() - int(stamp)) / 1e9)

    def until(self, condition, seconds, measuring):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.turn(measuring)


def main():
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    wanted = [(int(count), path) for count, path in (each.split("=", 1) for each in sys.argv[3:])]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    reader = Reader(port, wanted)
    everyone = reader.streams.values()
    reader.until(lambda: all(stream.opened for stream in everyone), OPENING_SECONDS, False)
    if not all(stream.opened for stream in everyone):
        sys.exit("not every stream was opened")
    print("open", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    reader.until(lambda: False, seconds, True)
    took = time.monotonic() - began
    first = wanted[0][1]
    sizes = [stream.bytes for stream in everyone if stream.path == first]
    half = statistics.median(sizes) / 2
    ages = sorted(reader.ages) or [float("nan")]
    print(json.dumps({
        "open": len(reader.streams) - reader.closed, "seconds": took, "bytes": reader.bytes,
        "events": reader.events, "p50": ages[len(ages) // 2], "p99": ages[len(ages) * 99 // 100],
        "starved": sum(size < half for size in sizes)}))


if __name__ == "__main__":
    main()
