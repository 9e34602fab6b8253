"""A second process that delivers what GitHub publishes, signed, as fast as it is answered.

    delivery_load.py SERVER_DIRECTORY ANSWERED [--connections 4]

SERVER_DIRECTORY/port names the server, anew after each of its starts. Ends on SIGTERM: each id that
was answered 2xx is a line of ANSWERED then, and what came of the rest is printed as JSON.
"""

import argparse
import collections
import http.client
import json
import pathlib
import signal
import sys
import threading
import time
import uuid

from github_examples import examples, signature

# Another server's worth of work is left to the runs: those are what the test is about.
PAUSE_SECONDS = 0.002


class Sender(threading.Thread):
    """One connection, kept open as long as the server lives."""

    def __init__(self, directory, bodies, secret):
        super().__init__()
        self.directory = directory
        self.bodies = [(event, body, signature(body, secret)) for event, body in bodies]
        self.answered = []
        self.statuses = collections.Counter()
        self.slowest = 0.0
        self.connection = None

    def run(self):
        number = 0
        while not ending.is_set():
            event, body, signed = self.bodies[number % len(self.bodies)]
            number += 1
            delivery = str(uuid.uuid4())
            began = time.monotonic()
            try:
                status = self.deliver(event, body, signed, delivery)
            except (OSError, http.client.HTTPException, ValueError):
                self.connection = None
                self.statuses["no answer"] += 1
                ending.wait(0.05)
                continue
            self.statuses[str(status)] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if status in (200, 202):
                self.answered.append(delivery)
            ending.wait(PAUSE_SECONDS)

    def deliver(self, event, body, signed, delivery):
        if self.connection is None:
            port = int((self.directory / "port").read_text())
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("POST", "/webhooks/github", body, {
            "Content-Type": "application/json", "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": signed})
        response = self.connection.getresponse()
        response.read()
        return response.status


ending = threading.Event()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("answered", type=pathlib.Path)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    secret = (options.directory / "secret").read_text().strip()
    bodies = [(event, json.dumps(payload).encode()) for event, payload in examples()]
    senders = [Sender(options.directory, bodies[number::options.connections], secret)
               for number in range(options.connections)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    options.answered.write_text("".join(f"{each}\n" for sender in senders
                                        for each in sender.answered))
    print(json.dumps({"statuses": sum((each.statuses for each in senders), collections.Counter()),
                      "slowest": max(each.slowest for each in senders)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
