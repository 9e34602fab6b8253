"""What the server takes of the machine."""

import pathlib
import re
import resource
import socket


def test_a_low_limit_of_descriptors_is_raised_to_what_the_server_needs(server):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    soft, hard = map(int, re.search(r"^Max open files\s+(\d+)\s+(\d+)", limits, re.M).groups())
    assert (soft, hard) == (min(8192, before[1]), before[1])
    many = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(400)]
    try:
        assert server.get("/healthz").status == 200
    finally:
        for connection in many:
            connection.close()
