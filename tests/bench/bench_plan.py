"""Validating and planning large configurations, process start included."""

import importlib.metadata
import json
import pathlib
import shutil
import subprocess
import sys

import peer_programs
from measure import Contestant, Row, in_turn

HERE = pathlib.Path(__file__).resolve().parent
STACKS = 50
SIZES = (10, 100, 1000)
# Environments → the aim in seconds.
AIMS = {10: 0.005, 1000: 0.5}


def configuration(environments, account="{:012d}", stack_name="Stack{stack}", stacks=STACKS):
    """Every stack depends on up to three before it; one file stands for all. Accounts and names
    are made of the environment's number."""
    lines = ['version: "1.0"', "build:", "  commands:", "    - npm ci", "    - npm run build",
             "environments:"]
    for number in range(environments):
        names = [stack_name.format(number, stack=stack) for stack in range(stacks)]
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


def peers(schema):
    """js-yaml and ajv, PyYAML and jsonschema: what an editor or a script would take."""
    modules = peer_programs.from_npm("validation") / "node_modules"
    shutil.copy(HERE / "peers/validate.cjs", schema.parent)
    (schema.parent / "node_modules").symlink_to(modules)
    script = schema.parent / "validate.cjs"
    javascript = " and ".join(peer_programs.pinned(peer_programs.NPM, "validation", package)
                              for package in ("js-yaml", "ajv"))
    python = " and ".join(importlib.metadata.version(name) for name in ("PyYAML", "jsonschema"))
    return {
        "js-yaml + ajv": lambda file: Contestant(
            ["node", script, schema, file], peer="js-yaml + ajv", version=javascript),
        "PyYAML + jsonschema": lambda file: Contestant(
            [sys.executable, HERE / "peers/validate.py", schema, file],
            peer="PyYAML + jsonschema", version=python),
    }


def measure(aphex, work, rounds):
    schema = work / "schema.json"
    schema.write_bytes(subprocess.run([aphex, "schema"], check=True, capture_output=True).stdout)
    others = peers(schema)
    rows, growth = [], []
    for environments in SIZES:
        file = write_repository(work, environments)
        json.loads(subprocess.run([aphex, "plan", file, "--format", "json"], check=True,
                                  capture_output=True).stdout)
        ours = {name: Contestant([aphex, name, file]) for name in ("validate", "plan")}
        theirs = {name: make(file) for name, make in others.items()}
        # The largest takes Python most of a minute: once, without a turn.
        slow = {} if environments < SIZES[-1] else {
            name: theirs.pop(name) for name in ["PyYAML + jsonschema"]}
        medians = in_turn({**ours, **theirs}, rounds)
        medians |= {name: contestant() for name, contestant in slow.items()}
        growth.append({name: medians[name] / environments / STACKS * 1e6 for name in ours})
        if environments not in AIMS:
            continue
        theirs |= slow
        peaks = {name: each.memory() for name, each in {**ours, **theirs}.items()
                 if name not in slow}
        rows += [Row(f"{command} {environments:,} x {STACKS} stacks", medians[command], name,
                     medians[name], f"{AIMS[environments] * 1000:.0f} ms", version=peer.version,
                     detail="once" if name in slow else "", command=ours[command].shown(),
                     peer_command=peer.shown(), memory=peaks[command],
                     peer_memory=peaks.get(name))
                 for command in ours for name, peer in theirs.items()]
    print("growth, microseconds a stack (linear: the last two alike)")
    for command in ("validate", "plan"):
        each = "  ".join(f"{count} x {STACKS}: {found[command]:.1f}"
                         for count, found in zip(SIZES, growth, strict=True))
        print(f"  {command:<9} {each}")
    return rows
