"""Programs in place of what cannot be here. Each accepts the calls of its list and no other.

A stand-in writes each call that it accepts into the file APHEX_DOCS_CALLS, so that a call which no
page makes any more is found. Any other call ends with 97 and says what was called.
"""

import dataclasses
import json
import re
import shlex
import stat
import sys

REFUSED = 97
SHA = r"[0-9a-f]{40}"
NAMESPACE = "-n argo"


@dataclasses.dataclass(frozen=True)
class StandIn:
    reason: str
    calls: tuple  # regular expressions of whole calls, without the program's name
    output: str = ""


STAND_INS = {
    "argo": StandIn(
        "Argo's command line is in no package registry, and no controller runs here",
        (rf"{NAMESPACE} submit --from workflowtemplate/hello-pipeline -p commitSha={SHA}",
         rf"{NAMESPACE} list", rf"{NAMESPACE} get @latest", rf"{NAMESPACE} logs @latest --follow",
         rf"{NAMESPACE} retry @latest", rf"{NAMESPACE} resubmit @latest",
         rf"{NAMESPACE} stop @latest",
         rf"node set archon-agent-7f3k2 {NAMESPACE} --node-field-selector displayName=gate-prod "
         r"--phase Succeeded -p decision=approved -p digest=… -p people=grace")),
    "docker": StandIn(
        "a daemon and a registry are needed; tests/image builds and runs the same root file system",
        (r"build -f image/Dockerfile -t \S+ \.", r"push \S+",
         r"login --username AWS --password-stdin \S+")),
    "apt": StandIn("installs on the whole machine; tests/packaging installs the package",
                   (r"install \./build/release/aphex_\*\.deb", r"install \./aphex_\*\.deb")),
    "chgrp": StandIn("the package makes the group; tests/packaging installs it",
                     (r"aphex \S+/webhook-secret",)),
    "systemctl": StandIn("a service of the whole machine; tests/packaging checks the unit",
                         (r"enable --now aphex",)),
    "journalctl": StandIn("the log of that service", (r"-u aphex",)),
}

PROGRAM = """#!{python}
import json, os, pathlib, re, shlex, sys
name, calls, output = json.loads({data!r})
call = shlex.join(sys.argv[1:]).replace("'", "")
if not any(re.fullmatch(each, call) for each in calls):
    sys.exit(f"{{name}}: this call is on no list of tests/docs/stand_ins.py: {{name}} {{call}}")
with open(os.environ["APHEX_DOCS_CALLS"], "a", encoding="utf-8") as log:
    log.write(f"{{name}} {{call}}\\n")
if not sys.stdin.isatty() and "--password-stdin" in call:
    sys.stdin.read()
sys.stdout.write(output)
"""


def write(directory):
    """Into a directory that stands first in PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, stand_in in STAND_INS.items():
        data = json.dumps([name, stand_in.calls, stand_in.output])
        write_program(directory / name, PROGRAM.format(python=sys.executable, data=data))


def write_program(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def unused(calls):
    """Entries that none of the calls needs."""
    for name, stand_in in STAND_INS.items():
        for each in stand_in.calls:
            if not any(re.fullmatch(f"{name} (?:{each})", call) for call in calls):
                yield f"{name} {each}"
