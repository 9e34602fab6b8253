"""Validating and planning large configurations, process start included."""

import json
import pathlib
import shutil
import subprocess
import sys

from measure import Row, in_turn, run

HERE = pathlib.Path(__file__).resolve().parent
STACKS = 50
# Environments → the aim in seconds.
AIMS = {10: 0.005, 1000: 0.5}


def configuration(environments, account="{:012d}", stack_name="Stack{stack}"):
    """Every stack depends on up to three before it; one file stands for all. Accounts and names
    are made of the environment's number."""
    lines = ['version: "1.0"', "build:", "  commands:", "    - npm ci", "    - npm run build",
             "environments:"]
    for number in range(environments):
        names = [stack_name.format(number, stack=stack) for stack in range(STACKS)]
        lines += [f"  - name: env-{number}", "    region: us-east-1",
                  f'    account: "{account.format(number)}"', "    stacks:"]
        for stack, name in enumerate(names):
            lines += [f"      - name: {name}", "        path: lib/stack.ts"]
            needs = sorted({stack - 1, stack // 2, stack // 3} & set(range(stack)))
            if needs:
                lines.append(f"        dependsOn: [{', '.join(names[i] for i in needs)}]")
        lines += ["    tests:", "      commands:", "        - npm test"]
    return "\n".join(lines) + "\n"


def write_repository(folder, environments):
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    (folder / "lib/stack.ts").write_text("export {};\n")
    file = folder / f"{environments}.yaml"
    file.write_text(configuration(environments))
    return file


def javascript_peer(work):
    """js-yaml and ajv, what an editor or a script in Node would take; None without npm."""
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    peer = work / "js"
    peer.mkdir()
    (peer / "package.json").write_text('{"private": true}')
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent",
                           "--prefer-offline", "js-yaml@4", "ajv@8"], cwd=peer, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return None
    shutil.copy(HERE / "peers/validate.cjs", peer)
    return ["node", str(peer / "validate.cjs")]


def measure(aphex, work, rounds):
    schema = work / "schema.json"
    schema.write_bytes(subprocess.run([aphex, "schema"], check=True, capture_output=True).stdout)
    python = [sys.executable, str(HERE / "peers/validate.py")]
    node = javascript_peer(work)
    rows, medians = [], {}
    for environments in (10, 100, 1000):
        file = str(write_repository(work, environments))
        json.loads(subprocess.run([aphex, "plan", file, "--format", "json"], check=True,
                                  capture_output=True).stdout)
        contestants = {
            "validate": lambda file=file: run([aphex, "validate", file]),
            "plan": lambda file=file: run([aphex, "plan", file]),
        }
        if node:
            contestants["node"] = lambda file=file: run([*node, str(schema), file])
        # The largest takes Python most of a minute.
        if environments < 1000:
            contestants["python"] = lambda file=file: run([*python, str(schema), file])
        medians[environments] = in_turn(contestants, rounds)
        if environments == 1000:
            medians[environments]["python"] = run([*python, str(schema), file])
        if environments not in AIMS:
            continue
        for command in ("validate", "plan"):
            aim = f"{AIMS[environments] * 1000:.0f} ms"
            what = f"{command} {environments} x {STACKS} stacks"
            if node:
                rows.append(Row(what, medians[environments][command], "js-yaml + ajv",
                                medians[environments]["node"], aim))
            rows.append(Row(what, medians[environments][command], "PyYAML (C) + jsonschema",
                            medians[environments]["python"], aim))
    print("growth, microseconds a stack (linear: the last two alike)")
    for command in ("validate", "plan"):
        each = "  ".join(f"{count} x {STACKS}: {medians[count][command] / count / STACKS * 1e6:.1f}"
                         for count in medians)
        print(f"  {command:<9} {each}")
    return rows
