"""The bill of materials of a release: valid, complete, and the same each time."""

import json
import pathlib
import re
import subprocess
import sys

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from test_hardening import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sbom")
    subprocess.run([sys.executable, ROOT / "scripts/sbom", "--program", BINARY, "--output",
                    directory], check=True, capture_output=True)
    return directory


def components(bill):
    return json.loads((bill / "aphex.cdx.json").read_text())["components"]


def test_the_schema_of_cyclonedx_accepts_it(bill):
    text = (bill / "aphex.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None
    # One that lacks a field is refused: the validator looks.
    broken = json.loads(text)
    del broken["components"][0]["name"]
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(broken)) is not None


def test_every_library_that_the_program_names_is_in_it(bill):
    dynamic = subprocess.run(["readelf", "-dW", BINARY], capture_output=True, text=True,
                             check=True).stdout
    needed = re.findall(r"NEEDED.*\[(\S+)\]", dynamic)
    packages = {each["name"] for each in components(bill)}
    assert len(needed) > 5
    for library in needed:
        path = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True,
                              check=True).stdout
        found = re.search(rf"^\s*{re.escape(library)} .*=> (\S+)$", path, re.MULTILINE)
        if found is None:
            continue  # the dynamic loader itself
        real = pathlib.Path(found[1]).resolve()
        owned = subprocess.run(["dpkg-query", "-S", f"*/{real.name}"], capture_output=True,
                               text=True, check=True).stdout
        assert any(line.split(":")[0] in packages for line in owned.splitlines()), library


def test_each_has_a_version_and_a_licence(bill):
    for each in components(bill):
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", each["name"]],
                                   capture_output=True, text=True, check=True).stdout
        assert each["version"] == installed
        assert each["licenses"], each["name"]
    listed = (bill / "licenses.txt").read_text()
    assert all(each["name"] in listed for each in components(bill))


def test_every_third_party_header_has_its_package(bill):
    """What cmake looks for is linked, loaded, or compiled in: nothing is forgotten."""
    text = (ROOT / "cmake/AphexDependencies.cmake").read_text()
    sought = set(re.findall(r"find_package\((\S+) [\d.]+ ", text)) | set(
        re.findall(r"find_path\(\S+ (\S+) REQUIRED\)", text))
    script = (ROOT / "scripts/sbom").read_text()
    names = {each["name"] for each in components(bill)}
    for each in sought - {"GTest", "benchmark"}:
        assert f'"{each}"' in script or any(each in name for name in names), each


def test_it_is_the_same_each_time(bill, tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts/sbom", "--program", BINARY, "--output",
                    tmp_path], check=True, capture_output=True)
    for name in ("aphex.cdx.json", "licenses.txt"):
        assert (tmp_path / name).read_bytes() == (bill / name).read_bytes()
