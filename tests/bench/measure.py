"""Timing whole processes, contestants in turn, and what is known of each comparison."""

import dataclasses
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import peer_programs

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Row:
    """One comparison. Seconds, or what `unit` says; less is better in all of them.

    `peer` is a name of sections.py, `detail` how it was used. `within` means that the peer is
    aphex itself in another state: nothing is won or lost by it.
    """

    what: str
    ours: float
    peer: str
    theirs: float
    aim: str = ""
    unit: str = "s"
    detail: str = ""
    version: str = ""
    command: str = ""
    peer_command: str = ""
    memory: float | None = None  # MB at most
    peer_memory: float | None = None
    within: bool = False
    most: float | None = None  # what the design promises: more than that is a failure

    @property
    def failure(self):
        """In words, where a promise is not kept."""
        if self.most is None or self.ours <= self.most:
            return None
        return (f"{self.what}: {amount(self.ours, self.unit)}, where "
                f"{amount(self.most, self.unit)} are the most")

    @property
    def ratio(self):
        return self.theirs / self.ours

    @property
    def peer_name(self):
        name = f"{self.peer} {self.version}".strip()
        return f"{name}, {self.detail}" if self.detail else name


class Places:
    """Words for the directories of this machine, so that a command can be shown to others."""

    def __init__(self):
        self.words = [(str(ROOT), "."), (str(peer_programs.cache()), "$PEERS")]

    def name(self, path, word):
        self.words.insert(0, (str(path), word))

    def shown(self, argv):
        return self.renamed(shlex.join(map(str, argv)))

    def renamed(self, line):
        line = line.replace(sys.executable, "python3")
        for path, word in self.words:
            line = re.sub(re.escape(path) + r"(?![\w.-])", word, line)
        return line.replace("$BIN/", "")


PLACES = Places()


class Contestant:
    """A command that is run from beginning to end. `variables` are shown before it, `environment`
    is the rest that it finds."""

    def __init__(self, argv, name="", *, peer="", version="", cwd=None, environment=None,
                 variables=None, prepare=None):
        self.argv = [str(word) for word in argv]
        self.name = name
        self.peer = peer
        self.version = version
        self.cwd = cwd
        self.variables = variables or {}
        self.environment = {**(os.environ if environment is None else environment),
                            **self.variables}
        self.prepare = prepare

    def _ready(self):
        if self.prepare:
            self.prepare()

    def __call__(self):
        self._ready()
        return run(self.argv, cwd=self.cwd, env=self.environment)

    def shown(self):
        before = [f"{key}={value}" for key, value in self.variables.items()]
        return PLACES.shown([*before, *self.argv])

    def memory(self):
        """Megabytes of the largest of its processes at most. GNU time asks the kernel, as a parent
        that is small: a child begins with the peak of who starts it."""
        self._ready()
        with tempfile.NamedTemporaryFile("r", prefix="aphex-bench-peak-") as file:
            run([peer_programs.gnu_time().path, "-f", "%M", "-o", file.name, *self.argv],
                cwd=self.cwd, env=self.environment)
            return int(file.read().split()[-1]) * 1024 / 1e6


def run(command, **options):
    """Seconds of wall time of a process that must succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                          stdin=subprocess.DEVNULL, **options)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        tail = done.stderr.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{tail}")
    return seconds


def in_turn(contestants, rounds, warm_up=1):
    """The median of each contestant, a function that answers seconds. They take turns, so that
    whatever else the machine does meets all alike; the first rounds only fill the caches."""
    times = {name: [] for name in contestants}
    for number in range(warm_up + rounds):
        for name, contestant in contestants.items():
            seconds = contestant()
            if number >= warm_up:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def against(what, ours, peers, rounds, aim="", memory=True):
    """Rows of ours beside each of the peers: all are Contestants, in one turn."""
    everybody = [ours, *peers]
    medians = in_turn({number: each for number, each in enumerate(everybody)}, rounds)
    peaks = [each.memory() if memory else None for each in everybody]
    return [Row(what, medians[0], peer.peer, medians[number], aim, detail=peer.name,
                version=peer.version, command=ours.shown(), peer_command=peer.shown(),
                memory=peaks[0], peer_memory=peaks[number])
            for number, peer in enumerate(peers, 1)]


def lines_of(files, comment):
    """How many lines say something, and the command that counts them."""
    command = f"cat {shlex.join(map(str, files))} | grep -cvE '^\\s*({comment}|$)'"
    said = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True)
    return int(said.stdout), PLACES.renamed(command)


def amount(value, unit):
    if unit == "lines":
        return f"{value:,.0f} lines"
    if unit == "MB":
        return f"{value:,.0f} MB" if value >= 10 else f"{value:,.1f} MB"
    if unit != "s":
        return f"{value:,.0f} {unit}"
    return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"


def table(rows):
    cells = [("what", "ours", "peer", "", "ratio", "aim")]
    cells += [(row.what, amount(row.ours, row.unit), amount(row.theirs, row.unit), row.peer_name,
               f"{row.ratio:.2f}x", row.aim) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(6)]
    lines = []
    for line in cells:
        left = [line[0].ljust(widths[0]), line[1].rjust(widths[1]), line[2].rjust(widths[2]),
                line[3].ljust(widths[3]), line[4].rjust(widths[4]), line[5]]
        lines.append("  ".join(left).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def load():
    one, five, fifteen = os.getloadavg()
    return f"{os.cpu_count()} processors, load {one:.1f} {five:.1f} {fifteen:.1f}"
