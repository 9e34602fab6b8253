"""What the engine adds to a command: 200 commands that do nothing, one after the other.

Two kinds of peers. make, ninja and bash run commands and keep nothing of them. act and
Woodpecker's `woodpecker-cli exec` are runners of pipelines: they read a pipeline's file, give each
step its environment and tell its result and time. Both run here without containers. aphex also
keeps a record and a log file of each step, on the disk, so that a run goes on when it was killed.
"""

import os
import shutil
import subprocess
import tempfile

import peer_programs
from measure import Contestant, Row, in_turn

STEPS = 200
COMMAND = "true"
SHELL = ["bash", "-eo", "pipefail", "-c", COMMAND]
RUNNER_AIM, AIM = "faster", "near the peer"


def write_makefile(folder):
    # Each target waits for the one before; a shell of its own each, as in any Makefile.
    names = [f"step{i}" for i in range(STEPS)]
    lines = ["SHELL := bash", ".SHELLFLAGS := -eo pipefail -c", f".PHONY: all {' '.join(names)}",
             f"all: {names[-1]}"]
    for i, name in enumerate(names):
        # The semicolon keeps make from starting `true` without a shell.
        lines += [f"{name}: {names[i - 1] if i else ''}", f"\t@{COMMAND};"]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


def write_ninja(folder):
    lines = ["rule step", f"  command = {' '.join(SHELL)}", ""]
    for i in range(STEPS):
        lines.append(f"build step{i}: step {f'step{i - 1}' if i else ''}".rstrip())
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")


def write_script(folder):
    (folder / "steps.sh").write_text(
        f"for ((i = 0; i < {STEPS}; ++i)); do {' '.join(SHELL)}; done\n")


def write_workflow(folder):
    """For act: a job of 200 steps that runs on this host."""
    steps = "".join(f"      - run: '{COMMAND}'\n" for _ in range(STEPS))
    workflows = folder / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / "steps.yml").write_text(
        "on: push\ndefaults:\n  run:\n    shell: bash -eo pipefail {0}\n"
        f"jobs:\n  steps:\n    runs-on: host\n    steps:\n{steps}")
    # It asks git which commit it runs.
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
        subprocess.run(["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.com",
                        *command], cwd=folder, check=True, capture_output=True)


def write_woodpecker(folder):
    steps = "".join(f"  - name: step-{i}\n    image: bash\n    commands: ['{COMMAND}']\n"
                    for i in range(STEPS))
    (folder / "woodpecker.yaml").write_text(f"skip_clone: true\nsteps:\n{steps}")


def plain_peers(work):
    """They run commands."""
    for write in (write_makefile, write_ninja, write_script):
        write(work)
    return [
        Contestant(["bash", work / "steps.sh"], peer="bash",
                   version=peer_programs.version_of("bash")),
        Contestant(["make", "-C", work, "--no-print-directory"], peer="GNU make",
                   version=peer_programs.version_of("make")),
        # Its targets are never made, so the log of the last time does not matter.
        Contestant(["ninja", "-C", work, "-j1", "--quiet"], peer="ninja",
                   version=peer_programs.version_of("ninja")),
    ]


def runners(work):
    """They run pipelines. HOME is one of their own: they keep files there."""
    home = work / "home"
    home.mkdir()
    repository = work / "repository"
    repository.mkdir()
    write_workflow(repository)
    act = peer_programs.from_go("act")
    alone = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home),
             "PATH": os.environ["PATH"]}
    found = [Contestant([act.path, "push", "-P", "host=-self-hosted", "--quiet"], peer="act",
                        version=act.version, cwd=repository, environment=alone)]
    if program := shutil.which("woodpecker-cli"):
        write_woodpecker(work)
        found.append(Contestant(
            [program, "exec", "--backend-engine", "local", "--repo-path", work,
             work / "woodpecker.yaml"], peer="Woodpecker", cwd=work, environment=alone,
            version=peer_programs.version_of(program)))
    return found


def measure(program, work, rounds):
    state = work / "state"

    def renew():
        """Each run gets a new database. A run may still be removing what it left: out of its way
        first."""
        if state.exists():
            old = tempfile.mkdtemp(prefix="old-", dir=work)
            shutil.rmtree(state.rename(f"{old}/state"), ignore_errors=True)

    def ours(steps):
        return Contestant([program, state, steps, COMMAND], prepare=renew)

    mine, start = ours(STEPS), ours(1)
    plain, pipelines = plain_peers(work), runners(work)
    everybody = [mine, start, *plain, *pipelines]
    medians = in_turn({number: each for number, each in enumerate(everybody)}, rounds)
    each = medians[0] / STEPS * 1e6
    bash = medians[2] / STEPS * 1e6
    print(f"a step costs {each:,.0f} us, of which {bash:,.0f} us are bash itself; "
          f"a run of one step, the database made anew, takes {medians[1] * 1000:.1f} ms")
    peaks = [contestant.memory() for contestant in everybody]
    return [Row(f"{STEPS} commands, each", each, peer.peer, medians[number] / STEPS * 1e6,
                RUNNER_AIM if peer in pipelines else AIM, "us",
                "no containers" if peer in pipelines else "", peer.version, mine.shown(),
                peer.shown(), peaks[0], peaks[number])
            for number, peer in enumerate(everybody) if number > 1]
