"""docs/faults.md, made of what happened."""

import pathlib

from injector import FAULTS
from world import STEPS, faults_of

FILE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "faults.md"
# A step without which the deployment goes on: its own error comes where it matters.
STOPS_NOTHING = {"read the state of a stack"}

HEAD = """# Faults

<!-- Made by tests/faults: APHEX_UPDATE_GOLDEN=1 scripts/test faults -->

What happens when something between a stage and AWS, Kubernetes or git fails. Each cell is a stage
that was executed as its pod executes it, with the fault between it and the service, at that step.
`scripts/test faults` executes all of them and compares this page.

- **retried**: the step was tried again, and the stage succeeded.
- **waited**: the answer came late, and the stage succeeded.
- **went on**: the step is not needed; its log says what happened, and the stage succeeded.
- **error N**: the stage failed with exit code N and the message further down. Nothing later began,
  no artifact is listed that is not there, no template changed, no upload stays open. Argo tries a
  stage again that ended with 75.
"""


def verdict(outcome, fault):
    if outcome.code != 0:
        return f"error {outcome.code}"
    return "waited" if fault == "slow answer" else "retried"


def rows(outcomes, name_of, times):
    yield "| step | " + " | ".join(FAULTS) + " |"
    yield "|---|" + "---|" * len(FAULTS)
    for step in STEPS:
        cells = []
        for fault in FAULTS:
            if fault not in faults_of(step):
                cells.append("—")
                continue
            outcome = outcomes[name_of((step, fault, times))]
            word = verdict(outcome, fault)
            if word == "retried" and times is None:
                word = "went on"
            cells.append(word)
        yield f"| {step.name} (`{step.stage}`) | " + " | ".join(cells) + " |"


def messages(outcomes, name_of):
    for step in STEPS:
        said = {}
        for fault in faults_of(step):
            for times in (1, None):
                outcome = outcomes[name_of((step, fault, times))]
                if outcome.code != 0:
                    faults = said.setdefault(outcome.words, [])
                    if fault not in faults:
                        faults.append(fault)
        if not said:
            continue
        yield f"### {step.name[0].upper()}{step.name[1:]}"
        yield ""
        for words, faults in said.items():
            yield f"{', '.join(faults)}:"
            yield ""
            yield from (f"    {line}" for line in words.splitlines())
            yield ""


def table(outcomes, name_of):
    lines = [HEAD, "## A fault that happens once", "", *rows(outcomes, name_of, 1), "",
             "## A fault that stays", "",
             "With three tries of AWS's requests (`AWS_MAX_ATTEMPTS=3`; the default is five).", "",
             *rows(outcomes, name_of, None), "", "## Messages", "",
             *messages(outcomes, name_of)]
    return "\n".join(lines).rstrip() + "\n"
