"""Timing whole processes, contestants in turn, and the lines of the final table."""

import dataclasses
import os
import statistics
import subprocess
import time


@dataclasses.dataclass
class Row:
    """One comparison. Seconds, or what `unit` says: microseconds or megabytes."""

    what: str
    ours: float
    peer_name: str
    peer: float
    aim: str
    unit: str = "s"
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
        return self.peer / self.ours


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


def amount(value, unit):
    if unit != "s":
        return f"{value:,.0f} {unit}"
    return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"


def table(rows):
    cells = [("what", "ours", "peer", "", "ratio", "aim")]
    cells += [(row.what, amount(row.ours, row.unit), amount(row.peer, row.unit), row.peer_name,
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
