"""The bill of materials of a release: valid, complete, and the same each time."""

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from test_hardening import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = BINARY.parent.parent
PROVIDER = BUILD / "share/aphex/provider/provider.zip"


def write(directory):
    return subprocess.run([sys.executable, ROOT / "scripts/sbom", "--program", BINARY,
                           "--provider", PROVIDER, "--output", directory], check=False,
                          capture_output=True, text=True)


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sbom")
    done = write(directory)
    assert done.returncode == 0, done.stderr
    return directory


def whole(bill):
    return json.loads((bill / "aphex.cdx.json").read_text())


def components(bill):
    """What is somebody else's."""
    return [each for each in whole(bill)["components"] if "purl" in each]


def values(component, name):
    return [each["value"] for each in component["properties"] if each["name"] == name]


def used_by(bill, part):
    return [each for each in components(bill)
            if any(use.startswith(f"{part}: ") for use in values(each, "aphex:use"))]


def libraries(bill):
    return [each for each in components(bill) if each["purl"].startswith("pkg:deb/")
            and "version" in each]


def sonames(found):
    return {name for each in found for name in values(each, "aphex:soname")}


def needed_by(file):
    dynamic = subprocess.run(["readelf", "-dW", file], capture_output=True, text=True,
                             check=True).stdout
    return set(re.findall(r"NEEDED.*\[(\S+)\]", dynamic))


def test_the_schema_of_cyclonedx_accepts_it(bill):
    text = (bill / "aphex.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None
    # One that lacks a field is refused: the validator looks.
    broken = json.loads(text)
    del broken["components"][0]["name"]
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(broken)) is not None


@pytest.mark.parametrize("program, part", [("bin/aphex", "aphex"),
                                           ("provider/aphex-provider", "provider.zip")])
def test_every_library_that_the_program_names_is_in_it(bill, program, part):
    needed = needed_by(BUILD / program)
    assert len(needed) >= 4 and "libc.so.6" in needed
    assert needed - sonames(used_by(bill, part)) == set()


def test_every_library_of_the_providers_zip_is_in_it(bill, tmp_path):
    known = sonames(used_by(bill, "provider.zip"))
    with zipfile.ZipFile(PROVIDER) as archive:
        names = [name for name in archive.namelist() if name.startswith("lib/")]
        assert len(names) > 20
        for name in names:
            (tmp_path / "library").write_bytes(archive.read(name))
            dynamic = subprocess.run(["readelf", "-dW", tmp_path / "library"], text=True,
                                     capture_output=True, check=True).stdout
            # The dynamic loader is there under a name of ours, and knows its own.
            soname = re.search(r"SONAME.*\[(\S+)\]", dynamic)[1]
            assert soname in known, name
            assert needed_by(tmp_path / "library") - known == set(), name


def test_what_is_loaded_on_demand_comes_with_all_that_it_links(bill):
    known = sonames(used_by(bill, "aphex"))
    assert {"libcurl.so.4", "libarchive.so.13"} <= known
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True,
                            check=True).stdout
    for library in sorted(known):
        path = re.search(rf"^\s*{re.escape(library)} .*=> (\S+)$", listed, re.MULTILINE)
        if path is not None:  # the dynamic loader is not listed everywhere
            assert needed_by(path[1]) - known == set(), library


def test_what_is_in_the_static_launcher_is_in_it(bill):
    static = {each["name"] for each in used_by(bill, "provider.zip")
              if "provider.zip: static in its launcher" in values(each, "aphex:use")}
    assert "libc6-dev" in static and any(name.startswith("libgcc-") for name in static)


def test_a_library_has_the_version_that_is_installed_and_a_licence(bill):
    found = libraries(bill)
    assert len(found) > 40
    for each in found:
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", each["name"]],
                                   capture_output=True, text=True, check=True).stdout
        assert each["version"] == installed


def test_everything_has_a_licence_and_is_in_the_list(bill):
    listed = (bill / "licenses.txt").read_text()
    for each in components(bill):
        assert each["licenses"], each["name"]
        assert re.search(rf"^{re.escape(each['name'])} ", listed, re.MULTILINE), each["name"]


def test_every_third_party_header_has_its_package(bill):
    """What cmake looks for is linked, loaded, or compiled in: nothing is forgotten."""
    text = (ROOT / "cmake/AphexDependencies.cmake").read_text()
    sought = set(re.findall(r"find_package\((\S+) [\d.]+ ", text)) | set(
        re.findall(r"find_path\(\S+ (\S+) REQUIRED\)", text))
    script = (ROOT / "scripts/sbom").read_text()
    names = {each["name"] for each in components(bill)}
    for each in sought - {"GTest", "benchmark"}:
        assert f'"{each}"' in script or any(each in name for name in names), each


def test_the_sandbox_is_in_it_as_it_is_tested(bill):
    """The lock is what `.venv` has of sandbox/requirements.txt."""
    frozen = subprocess.run([sys.executable, "-m", "pip", "freeze", "--all"], check=True,
                            capture_output=True, text=True).stdout
    installed = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in
                 (line.split("==") for line in frozen.splitlines() if "==" in line)}
    found = {each["name"]: each["version"] for each in used_by(bill, "sandbox")}
    assert len(found) > 40
    assert found == {name: installed.get(name) for name in found}
    assert f"moto[server]=={found['moto']}\n" in (ROOT / "sandbox/requirements.txt").read_text()


def test_the_lock_is_what_the_script_writes():
    code = ("import runpy, sys; sys.dont_write_bytecode = True;"
            " print(runpy.run_path('scripts/sbom')['locked_packages'](), end='')")
    variables = {**os.environ, "PYTHONPATH": "scripts"}
    written = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=variables, check=True,
                             capture_output=True, text=True).stdout
    assert written == (ROOT / "sandbox/requirements.lock").read_text(), "scripts/sbom --lock"


def test_what_the_image_adds_is_in_it(bill):
    found = {each["name"]: each for each in used_by(bill, "image")}
    pinned = [line.split() for line in (ROOT / "image/tools.lock").read_text().splitlines()
              if line and not line.startswith("#")]
    for _, name, version, _ in pinned:
        assert found[name]["version"] == version
        assert re.fullmatch("[0-9a-f]{128}", found[name]["hashes"][0]["content"])
    assert {"bash", "git", "ca-certificates", "debian"} <= set(found)
    assert f"DEBIAN=debian:{found['debian']['version']}\n" in (
        ROOT / "image/Dockerfile").read_text()


def test_a_zip_with_another_library_than_this_machines_is_not_described(tmp_path):
    packed = io.BytesIO(PROVIDER.read_bytes())
    with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name) + (b"x" if name == "lib/libcurl.so.4" else b""))
    done = subprocess.run([sys.executable, ROOT / "scripts/sbom", "--program", BINARY,
                           "--provider", tmp_path / "other.zip", "--output", tmp_path],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "lib/libcurl.so.4 of" in done.stderr and "build it anew" in done.stderr


def test_it_is_the_same_each_time(bill, tmp_path):
    assert write(tmp_path).returncode == 0
    for name in ("aphex.cdx.json", "licenses.txt"):
        assert (tmp_path / name).read_bytes() == (bill / name).read_bytes()
