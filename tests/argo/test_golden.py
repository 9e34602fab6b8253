"""What the example's two configurations become, for every version of Argo Workflows.

APHEX_UPDATE_GOLDEN=1 writes the files anew; review the difference.
"""

import os
import pathlib

import pytest
from argo_generator import VERSIONS, example_settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/argo"
CONFIGURATIONS = {"example": "aphex-config.yaml",
                  "example.three-environments": "aphex-config.three-environments.yaml"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_manifests_of_the_example(generate, name, version):
    text = (ROOT / "examples/archon-agent" / CONFIGURATIONS[name]).read_text(encoding="utf-8")
    made = generate(text, example_settings(argo=version)).yaml
    file = GOLDEN / f"{name}.argo-{version}.yaml"
    if os.environ.get("APHEX_UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made, encoding="utf-8")
    assert made == file.read_text(encoding="utf-8"), f"{file} differs; APHEX_UPDATE_GOLDEN=1"
