"""The example from commit to tested stacks: aphex against pipeline.sh.

Each has a local AWS of its own, started and bootstrapped before the clock runs, and npm's download
cache, filled. `cold` is the first commit, `warm` a second one that changes a function: its lock
file is the same. aphex also records, packs, keeps and checks; the script does nothing of it.
"""

import datetime
import json
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess

import peer_programs
from measure import PLACES, Row, lines_of, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/archon-agent"
SCRIPT = ROOT / "tests/bench/pipeline.sh"
PEER = "plain script"
AIM = "faster"


def git(repository, *arguments):
    done = subprocess.run(["git", "-C", str(repository), "-c", "user.name=Bench",
                           "-c", "user.email=bench@example.com", *arguments],
                          check=True, capture_output=True, text=True)
    return done.stdout.strip()


def copy_example(repository):
    """What git knows of it or would add."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard", "--", str(EXAMPLE)],
                            cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            target = repository / source.relative_to(EXAMPLE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "--no-verify", "-m", "First")


def change_a_function(repository, number):
    with open(repository / "functions/answer.ts", "a", encoding="utf-8") as file:
        file.write(f"\nexport const revision = {number};\n")
    git(repository, "commit", "-qam", f"Change {number}", "--no-verify")
    return git(repository, "rev-parse", "HEAD")


class Sandbox:
    """A local AWS in a state directory; ends with the block."""

    def __init__(self, aphex, state, configuration):
        self.aphex = aphex
        self.state = state
        self.configuration = configuration

    def __enter__(self):
        self._do("start", "--config", str(self.configuration))
        return self

    def __exit__(self, *_exception):
        self._do("stop")

    def _do(self, *action):
        return subprocess.run([self.aphex, "sandbox", *action, "--state-dir", str(self.state)],
                              check=True, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL).stdout

    def environment(self):
        """As `eval "$(aphex sandbox env)"` sets it."""
        exports = self._do("env")
        listed = subprocess.run(["bash", "-c", exports + "\nenv -0"], check=True,
                                capture_output=True, text=True).stdout
        return dict(entry.split("=", 1) for entry in listed.split("\0") if "=" in entry)


def steps_of(aphex, state, number):
    def moment(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))

    shown = json.loads(subprocess.run([aphex, "runs", str(number), "--format", "json",
                                       "--state-dir", str(state)], check=True,
                                      capture_output=True).stdout)
    for step in shown["steps"]:
        seconds = (moment(step["endedAt"]) - moment(step["startedAt"])).total_seconds()
        if seconds >= 0.05:
            yield f"{seconds:8.2f} {step['stage']}: {step['title']} ({step['summary']})"


def fill_npm_cache(repository, work, environment):
    """The registry's mood is not what is measured."""
    warm_up = work / "warm-up"
    shutil.copytree(repository, warm_up)
    run(["npm", "ci"], cwd=warm_up, env=environment)
    shutil.rmtree(warm_up)


class Round:
    """Both contestants from nothing: new state, new local AWS, then a cold and a warm commit."""

    def __init__(self, aphex, work, repository, environment):
        self.aphex = aphex
        self.work = work
        self.repository = repository
        self.environment = environment
        self.runs = 0

    def command(self, contestant, name, commit):
        if contestant == "ours":
            return [self.aphex, "run", "--sandbox", "--quiet", "--state-dir",
                    str(self.work / "ours")]
        return [str(SCRIPT), str(self.repository), commit, str(self.work / f"script-{name}")]

    def ours(self, name, commit):
        return run(self.command("ours", name, commit), cwd=self.repository, env=self.environment)

    def theirs(self, name, commit):
        times = self.work / f"script-{name}.times"
        line = shlex.join(self.command("theirs", name, commit))
        return run(["bash", "-c", f"{line} >{shlex.quote(str(times))}"],
                   env={**self.environment, **self.variables})

    def measure(self, commits, contestants):
        """{"cold": {contestant: seconds}, "warm": …}, in the order of `contestants`."""
        configuration = self.repository / "aphex-config.yaml"
        found = {}
        with (Sandbox(self.aphex, self.work / "ours", configuration),
              Sandbox(self.aphex, self.work / "theirs", configuration) as sandbox):
            self.variables = sandbox.environment()
            for name, commit in zip(("cold", "warm"), commits, strict=True):
                git(self.repository, "checkout", "-q", "--detach", commit)
                self.runs += 1
                found[name] = {}
                for contestant in contestants:
                    os.sync()  # nobody pays for what another left to write
                    found[name][contestant] = getattr(self, contestant)(name, commit)
                self.show(name, found[name])
        return found

    def show(self, name, seconds):
        print(f"{name}: aphex {seconds['ours']:.1f} s")
        print("\n".join(steps_of(self.aphex, self.work / "ours", self.runs)))
        print(f"{name}: pipeline.sh {seconds['theirs']:.1f} s")
        print((self.work / f"script-{name}.times").read_text(), end="", flush=True)


def measure(aphex, work, rounds):
    repository = work / "repository"
    repository.mkdir()
    copy_example(repository)
    commits = [git(repository, "rev-parse", "HEAD"), change_a_function(repository, 2)]
    environment = {**os.environ, "npm_config_cache": str(work / "npm-cache"),
                   "npm_config_audit": "false", "npm_config_fund": "false",
                   "npm_config_update_notifier": "false"}
    fill_npm_cache(repository, work, environment)
    found = []
    for number in range(rounds):
        folder = work / f"round-{number}"
        folder.mkdir()
        # Who goes second finds warmer file caches: they take turns in that too.
        order = ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours")
        found.append(Round(aphex, folder, repository, environment).measure(commits, order))
        shutil.rmtree(folder, ignore_errors=True)

    def median(name, contestant):
        return statistics.median(each[name][contestant] for each in found)

    def shown(contestant, name):
        shown_round = Round(aphex, work, repository, {})
        return PLACES.shown(shown_round.command(contestant, name, "$COMMIT")).replace(
            "'$COMMIT'", "$COMMIT")

    version = f"in bash {peer_programs.version_of('bash')}"
    rows = [Row(f"pipeline, {name}", median(name, "ours"), PEER, median(name, "theirs"), AIM,
                version=version, command=shown("ours", name),
                peer_command=shown("theirs", name)) for name in ("cold", "warm")]
    return [*rows, written_lines(version)]


def written_lines(version):
    """What a user writes for one environment: a file for aphex, or the script."""
    ours, command = lines_of([EXAMPLE / "aphex-config.yaml"], "#")
    theirs, peer_command = lines_of([SCRIPT], "#")
    return Row("lines that a user writes, 1 x 4 stacks", ours, PEER, theirs, "fewer", "lines",
               version=version, command=command, peer_command=peer_command)
