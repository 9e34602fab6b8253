"""A run as a person sees it: standard error is a terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from program import BINARY

COLUMNS = 60
ERASE = "\r\033[2K"
COLOUR = re.compile(r"\033\[[0-9;]*m")


@pytest.fixture
def watch(application, aphex):
    """The exit code and what appears on the terminal."""
    application.configure(build=["sleep 1.2; echo done"])
    application.commit("A commit")

    def run(**variables):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        environment = {**aphex.environment, "TERM": "xterm", **variables}
        process = subprocess.Popen([BINARY, "run"], cwd=application.directory, env=environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=theirs, start_new_session=True)
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 1 << 16)
            except OSError:  # the last writer is gone
                break
            if not chunk:
                break
            seen += chunk
        os.close(ours)
        return process.wait(60), seen.decode()

    return run


def test_a_terminal_has_a_last_line_that_counts_the_seconds(watch):
    code, seen = watch(NO_COLOR="1")

    assert code == 0, seen
    drawn = [part for part in re.split(r"\r\033\[2K|\r\n", seen) if part.startswith("⏳")]
    of_command = [line for line in drawn if line.startswith("⏳ build: sleep 1.2; echo done")]
    assert len(set(of_command)) >= 3, "it is drawn again while the command runs"
    assert all(len(line) < COLUMNS for line in drawn), "a longer one would break the line"
    assert seen.count(ERASE) == len(drawn), "what was drawn is taken away again"
    assert not COLOUR.search(seen)


def test_a_terminal_has_colours_unless_somebody_does_not_want_them(watch):
    code, seen = watch(NO_COLOR="")

    assert code == 0, seen
    assert "\033[32m✓\033[0m clone the commit" in seen


def test_a_terminal_that_knows_no_escape_sequences_gets_plain_lines(watch):
    code, seen = watch(NO_COLOR="", TERM="dumb")

    assert code == 0, seen
    assert "\033" not in seen and "⏳" not in seen
    assert "  ✓ clone the commit" in seen
