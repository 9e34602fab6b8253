"""The built program, run as a person runs it, in surroundings that the tests own."""

import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPO / "tests" / "support"))
import planted  # noqa: E402

BINARY = pathlib.Path(os.environ.get("APHEX_BIN", REPO / "build" / "release" / "bin" / "aphex"))
# Far above the slowest step on the slowest machine we know; ends what hangs.
SECONDS = float(os.environ.get("APHEX_TEST_SECONDS", "120"))


@dataclasses.dataclass
class Finished:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def complaint(self):
        """Everything from `error:` on, without the suggestions of what to do next."""
        found = re.search(r"^error: .*?(?=^next:|\Z)", self.err, re.MULTILINE | re.DOTALL)
        return found.group() if found else ""

    def events(self, name):
        """Of a run with --log-format json."""
        lines = [json.loads(line) for line in self.err.splitlines()]
        return [line for line in lines if line["event"] == name]


class Program:
    """Runs aphex with a state directory and an environment."""

    def __init__(self, state: pathlib.Path, environment: dict[str, str]):
        self.state = state
        self.environment = {**environment, "APHEX_STATE_DIR": str(state)}

    def start(self, *arguments, cwd, **variables) -> subprocess.Popen:
        return subprocess.Popen(
            [BINARY, *map(str, arguments)], cwd=cwd, env={**self.environment, **variables},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def run(self, *arguments, cwd, seconds=SECONDS, **variables) -> Finished:
        return finish(self.start(*arguments, cwd=cwd, **variables), seconds)

    def show(self, run=1, cwd="/"):
        """The run's record, with its stages and steps."""
        shown = self.run("runs", run, "--format", "json", cwd=cwd)
        assert shown.code == 0, shown.err
        return shown.json

    def stages(self, run=1):
        return {stage["id"]: stage["state"] for stage in self.show(run)["stages"]}

    def step(self, run, step):
        """The step's last attempt."""
        return [each for each in self.show(run)["steps"] if each["id"] == step][-1]

    def log(self, step, run=1):
        printed = self.run("logs", run, "--step", step, cwd="/")
        assert printed.code == 0, printed.err
        return "\n".join(printed.out.splitlines()[1:])


def finish(process: subprocess.Popen, seconds=SECONDS) -> Finished:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(
            f"aphex took longer than {seconds} s; it said:\n{out}\n{err}") from None
    return Finished(process.returncode, out, err)


def wait_until(condition, what, seconds=60.0):
    """What `condition` gives once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


def processes_with(text: str) -> dict[int, str]:
    """Living processes whose command line, directory or variables mention the text."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                continue
            command = (entry / "cmdline").read_bytes()
            about = command + (entry / "environ").read_bytes()
            about += os.readlink(entry / "cwd").encode()
        except OSError:
            continue
        if text.encode() in about:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def remove(directory: pathlib.Path):
    """No secret leaves unseen with it."""
    planted.clear(directory)


def plain(text: str, *replacements: tuple[str, str]) -> str:
    """Without what differs from run to run or place to place, and without what the test names."""
    for found, name in replacements:
        text = text.replace(str(found), name)
    text = re.sub(r"\b(\d+m )?\d+\.\d+ ?s\b", "TIME", text)
    text = re.sub(r"\b\d+(\.\d+)? [KM]?B\b", "SIZE", text)
    text = re.sub(r"\b(node|version) \d+(\.\d+\.\d+)?\b", r"\1 VERSION", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    text = re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", text)
    # An account has twelve digits too, but no letter.
    return re.sub(r"\b(?=[0-9]*[a-f])[0-9a-f]{12}\b", "SHORT", text)
