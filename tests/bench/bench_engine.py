"""What the engine adds to a command: 200 commands that do nothing, one after the other."""

import shutil
import tempfile

from measure import Row, in_turn, run

STEPS = 200
COMMAND = "true"


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
    lines = ["rule step", f"  command = bash -eo pipefail -c {COMMAND}", ""]
    for i in range(STEPS):
        lines.append(f"build step{i}: step {f'step{i - 1}' if i else ''}".rstrip())
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")


def measure(program, work, rounds):
    write_makefile(work)
    write_ninja(work)
    script = work / "steps.sh"
    script.write_text(f"for ((i = 0; i < {STEPS}; ++i)); do bash -eo pipefail -c {COMMAND}; done\n")

    def ours(steps):
        state = tempfile.mkdtemp(prefix="state-", dir=work)
        try:
            return run([program, state, str(steps), COMMAND])
        finally:
            # What a run leaves is removed behind its back, possibly at this moment.
            shutil.rmtree(state, ignore_errors=True)

    def ninja():
        # Its targets are never made, so the log of the last time does not matter.
        return run(["ninja", "-C", str(work), "-j1", "--quiet"])

    contestants = {
        "ours": lambda: ours(STEPS),
        "start": lambda: ours(1),
        "make": lambda: run(["make", "-C", str(work), "--no-print-directory"]),
        "ninja -j1": ninja,
        "bash": lambda: run(["bash", str(script)]),
    }
    contestants = {name: contestant for name, contestant in contestants.items()
                   if name in ("ours", "start", "bash") or shutil.which(name.split()[0])}
    medians = in_turn(contestants, rounds)
    start = medians.pop("start")
    mine = medians.pop("ours") / STEPS * 1e6
    bash = medians["bash"] / STEPS * 1e6
    print(f"a step costs {mine:,.0f} us, of which {bash:,.0f} us are bash itself; "
          f"a run of one step, the database made anew, takes {start * 1000:.1f} ms")
    return [Row(f"{STEPS} commands, each", mine, peer, seconds / STEPS * 1e6,
                "near the peer", "us") for peer, seconds in medians.items()]
