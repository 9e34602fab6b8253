"""Secrets that tests plant, and the only places where they may lie.

Whoever makes a secret for a test says so, and who writes it where it belongs says that, too:

    SECRET = planted.secret("webhook secret", "…")
    file.write_text(SECRET); planted.holds(file, "webhook secret")

Both are noted, one JSON object a line, in the file that $APHEX_TEST_PLANTED names. scripts/test
names one for each suite, and looks for every secret in what the suite leaves behind: the files
below pytest's temporary directory and the suite's log. What a test removes is searched before
(`clear`).
A value must be distinctive: no word of a program or a page.
"""

import json
import os
import pathlib
import subprocess

import leaks

VARIABLE = "APHEX_TEST_PLANTED"
# So begins every session token of the local AWS, as moto makes them.
SESSION_TOKEN = "FQoGZXIvYXdzEBYaD"
# Of every server under test.
WEBHOOK_SECRET = "a-secret-of-thirty-two-characters"


class Planted:
    def __init__(self):
        self.secrets = {}  # by name
        self.holders = {}  # names of secrets, by file or folder

    def add(self, entry):
        if "secret" in entry:
            self.secrets[entry["secret"]] = entry["value"]
        else:
            self.holders.setdefault(entry["holder"], set()).update(entry["names"])

    @classmethod
    def read(cls, record):
        made = cls()
        if record.exists():
            for line in record.read_text(encoding="utf-8").splitlines():
                made.add(json.loads(line))
        return made

    def search(self):
        return leaks.Search(self.secrets)

    def may_hold(self, file, name):
        """A folder holds what all its files may. A name stands for those that begin with it. Keys
        of the local AWS are in its state, wherever a test or a program under test has started it;
        so are the tokens of the clusters that were attached to it.
        """
        if (name.startswith(("AWS", "token of the cluster"))
                and file.name.removeprefix(".").startswith("state.bin")):
            return True
        return any(name.startswith(each) for place in (file, *file.parents)
                   for each in self.holders.get(str(place), ()))

    def left_below(self, directory):
        """(path, name) of each file with a secret that it has no business to hold."""
        directory = pathlib.Path(directory).resolve()
        return [(path, name) for path, name in self.search().below(directory)
                if not self.may_hold(directory / path, name)]

    def left_in(self, file):
        """The same of one file, such as a log."""
        if not file.exists():
            return []
        return [(file.name, name) for name in self.search().names_in(file.read_bytes())]


PLANTED = Planted()


def note(entry):
    PLANTED.add(entry)
    if VARIABLE in os.environ:
        with open(os.environ[VARIABLE], "a", encoding="utf-8") as record:
            record.write(json.dumps(entry) + "\n")


def secret(name, value):
    """The value, which is searched for from now on; further ones of that name are numbered."""
    if value not in PLANTED.secrets.values():
        count = sum(each.startswith(name) for each in PLANTED.secrets)
        note({"secret": f"{name} {count + 1}" if count else name, "value": value})
    return value


def holds(place, *names):
    """This file (or every file of this folder) must hold these secrets."""
    assert names, "which secrets?"
    note({"holder": str(pathlib.Path(place).resolve()), "names": names})
    return place


def keys_of(variables):
    """Those by which AWS knows the owner of these variables."""
    if "AWS_SECRET_ACCESS_KEY" in variables:
        secret("AWS secret key", variables["AWS_SECRET_ACCESS_KEY"])
    secret("AWS session token", SESSION_TOKEN)
    return variables


def clear(directory):
    """Removes a folder of a test, which must hold no secret beside those that belong there."""
    left = PLANTED.left_below(directory) if pathlib.Path(directory).exists() else []
    # Of ten thousand files and more: three times as fast as shutil.
    subprocess.run(["rm", "-rf", directory], check=True)
    assert left == [], f"secrets left in {directory}: {left}"
