"""The few forms of Argo's expressions that a pipeline's templates use; any other is refused."""

import re

TAG = re.compile(r"\{\{(.*?)\}\}")
STATES = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")


class Unknown(Exception):
    """Something that Argo may know and this does not."""


def substitute(text, values, quote=lambda value: value, may_lack=()):
    """A tag without a value is an error, as it is at Argo, unless it begins so: then it stays."""
    def value(found):
        name = found.group(1).strip()
        if name in values:
            return quote(values[name])
        if may_lack and name.startswith(may_lack):
            return found.group()
        raise Unknown(f"nothing is known as {found.group()}")

    return TAG.sub(value, text)


def depends_on(text):
    """The tasks that a `depends` names, and a function from their states to its truth."""
    if not text:
        return [], lambda states: True
    parts = [part.strip() for part in text.split("&&")]
    tested = []
    for part in parts:
        found = re.fullmatch(r"([a-zA-Z0-9-]+)\.([A-Z][a-z]+)", part)
        if not found or found.group(2) not in STATES:
            raise Unknown(f"depends: {text}")
        tested.append(found.groups())
    return ([task for task, _ in tested],
            lambda states: all(states[task] == state for task, state in tested))


def when(text):
    """Of two words in quotes. Bare ones are names and arithmetic to Argo: `a-b` is a difference."""
    found = re.fullmatch(r"'([^']*)' (==|!=) '([^']*)'", text)
    if not found:
        raise Unknown(f"when: {text}")
    return (found.group(1) == found.group(3)) == (found.group(2) == "==")


def retries(strategy, ended):
    """Whether a pod that ended so is tried again: phase, code and message are Argo's lastRetry."""
    if not strategy:
        return False
    if strategy.get("retryPolicy") != "Always" or "expression" not in strategy:
        raise Unknown(f"retryStrategy: {strategy}")
    return any(_holds(clause.strip(), ended) for clause in strategy["expression"].split(" || "))


def _holds(clause, ended):
    if found := re.fullmatch(r'lastRetry\.status == "(\w+)"', clause):
        return ended.phase == found.group(1)
    if found := re.fullmatch(r"asInt\(lastRetry\.exitCode\) == (\d+)", clause):
        return ended.code == int(found.group(1))
    if found := re.fullmatch(r'lastRetry\.message matches "(.*)"', clause):
        return re.search(found.group(1), ended.message) is not None
    raise Unknown(f"expression: {clause}")
