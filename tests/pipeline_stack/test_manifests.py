"""`aphex manifests`: what the stack applies, for those who apply it themselves."""

import json

import yaml

from conftest import ENOUGH, flags, resources, template


def manifests(workspace, *arguments):
    done = workspace.aphex("manifests", *flags(ENOUGH), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_are_the_objects_of_the_stack(workspace):
    directory = workspace.synth()
    applied = []
    for resource in resources(template(directory), "Custom::AphexKubernetesObject").values():
        properties = resource["Properties"]
        if "Manifest" in properties:
            applied.append(json.loads(properties["Manifest"]))
        else:
            name = f"asset.{properties['ManifestSha256']}.manifest.json"
            applied.append(json.loads((directory / name).read_text(encoding="utf-8")))
    printed = list(yaml.safe_load_all(manifests(workspace)))

    def order(each):
        return json.dumps([each["kind"], each["metadata"]["name"]])

    assert sorted(printed, key=order) == sorted(applied, key=order)


def test_no_archive_of_the_provider_is_needed(workspace):
    done = workspace.aphex("manifests", *flags(ENOUGH), APHEX_PROVIDER_ZIP="/nowhere.zip")
    assert done.returncode == 0, done.stderr


def test_comments_say_how_to_fill_the_secrets(workspace):
    text = manifests(workspace)
    assert "#   aphex manifests | kubectl apply --server-side --field-manager=aphex -f -" in text
    assert "--secret-id github-token " in text
    assert "--secret-id aphex/archon-agent/webhook " in text
