"""The Kubernetes objects of a pipeline, as `aphex manifests` prints them."""

import json

from argo_generator import Generated
from assembly import manifests, run
from strategies import to_yaml


def objects_of(aphex, repository, configuration):
    text = to_yaml(configuration)
    objects = manifests(aphex, repository, text)
    done = run(aphex, repository, "plan", text, ["--format", "json"])
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    return Generated(objects=objects, secret_values={}, wait_for=[], plan=plan,
                     digest=plan["digest"], yaml="", microseconds=0)
