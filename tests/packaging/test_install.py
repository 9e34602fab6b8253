"""What `cmake --install` and the .deb leave on a machine, used as a stranger would use it."""

import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, run

CONSUMER_CMAKE = """
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(aphex 0.1 REQUIRED)
foreach(name consumer constructs pipeline)
  add_executable(${name} ${name}.cpp)
  target_link_libraries(${name} PRIVATE aphex::aphex)
endforeach()
"""

CONSUMER_MAIN = r"""
#include <aphex/plan.hpp>
#include <aphex/version.hpp>

#include <iostream>
#include <iterator>
#include <string>

int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  if (aphex::version() != APHEX_VERSION_STRING) return 3;
  std::cout << aphex::validate_text(text) << "\n";
  const auto plan = aphex::plan_json(text, "shop");
  if (!plan) return 1;
  std::cout << *plan << "\n";
}
"""

CONFIGURATION = """\
version: "1.0"
build:
  commands: [npm ci]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - {name: AppStack, path: lib/app-stack.ts}
"""


PIPELINE = """pipeline:
  name: archon-agent
  oidcIssuer: oidc.eks.us-east-1.amazonaws.com/id/ABC123
  githubOwner: archon
  githubRepo: archon-agent
  githubTokenSecretName: github-token
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    where = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", where)
    yield where
    shutil.rmtree(where)


@pytest.fixture(scope="module")
def consumer(prefix, tmp_path_factory):
    source = tmp_path_factory.mktemp("consumer")
    (source / "CMakeLists.txt").write_text(CONSUMER_CMAKE)
    (source / "consumer.cpp").write_text(CONSUMER_MAIN)
    shutil.copy(ROOT / "tests/constructs/construct_example.cpp", source / "constructs.cpp")
    (source / "pipeline.cpp").write_text(shown("docs/pipeline-stack.md", "cpp"))
    run("cmake", "-G", "Ninja", "-S", source, "-B", source / "build",
        f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", source / "build")
    yield source / "build/consumer"
    shutil.rmtree(source)


def shown(page, language):
    """What a page shows of a program: the first block of the language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL).group(1)


@pytest.fixture
def pipeline_app(consumer, prefix, tmp_path):
    """The program that docs/pipeline-stack.md shows, started beside an aphex-config.yaml."""
    directory = tmp_path / "pipeline"
    directory.mkdir()
    archive = prefix / "share/aphex/provider/provider.zip"

    def start():
        return subprocess.run(
            [consumer.parent / "pipeline"], cwd=directory, capture_output=True, text=True,
            timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "APHEX_PROVIDER_ZIP": str(archive)})
    return start


def test_the_shown_program_of_a_pipeline_says_that_its_configuration_is_missing(pipeline_app):
    done = pipeline_app()
    assert done.returncode == 1
    assert done.stderr.startswith("cannot read the pipeline's configuration: cannot open "
                                  "../aphex-config.yaml: ")


def test_the_shown_program_of_a_pipeline_writes_its_stack(pipeline_app, tmp_path):
    (tmp_path / "aphex-config.yaml").write_text(CONFIGURATION + PIPELINE)
    done = pipeline_app()
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads((tmp_path / "pipeline/cdk.out/manifest.json").read_text())
    assert "ArchonAgentPipelineStack" in manifest["artifacts"]


def test_the_shown_program_of_constructs_is_built_as_its_page_says(prefix, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(shown("docs/constructs.md", "cmake"))
    (tmp_path / "example.cpp").write_text(shown("docs/constructs.md", "cpp"))
    printed = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", tmp_path, "-B", tmp_path / "build",
         f"-DCMAKE_PREFIX_PATH={prefix}"], capture_output=True, text=True, timeout=600, check=True)
    assert "Warning" not in printed.stderr
    run("cmake", "--build", tmp_path / "build")
    run(tmp_path / "build/example", cwd=tmp_path)
    assert (tmp_path / "cdk.out/Storage.template.json").is_file()


def ask(consumer, text):
    return subprocess.run([consumer], input=text, capture_output=True, text=True, timeout=60,
                          check=False)


def test_a_program_that_links_to_aphex_plans_a_valid_configuration(consumer):
    done = ask(consumer, CONFIGURATION)
    diagnostics, plan = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0
    assert diagnostics == []
    assert plan["pipeline"]["name"] == "shop"
    assert [stage["id"] for stage in plan["stages"]][-1] == "deploy-dev"


def test_a_program_that_links_to_aphex_gets_every_diagnostic_of_a_wrong_one(consumer):
    done = ask(consumer, CONFIGURATION.replace("    region: us-east-1\n", "")
               .replace('"111122223333"', '"12"'))
    messages = [entry["message"] for entry in json.loads(done.stdout.splitlines()[0])]
    assert done.returncode == 1
    assert messages == ["Missing required field: environments[0].region",
                        "Invalid AWS account ID format: must be 12 digits"]


def test_a_program_that_links_to_aphex_writes_an_assembly_of_constructs(consumer, tmp_path):
    run(consumer.parent / "constructs", env={**os.environ, "CDK_OUTDIR": str(tmp_path / "out")})
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["artifacts"]["News"]["dependencies"] == ["Storage", "News.assets"]
    assert (tmp_path / "out/Storage.template.json").is_file()


def test_the_installed_library_names_no_place_of_the_machine_that_built_it(prefix):
    for file in prefix.rglob("*.cmake"):
        assert str(ROOT) not in file.read_text(), file


def test_the_installed_program_runs_and_brings_its_sandbox(prefix):
    aphex = prefix / "bin/aphex"
    assert run(aphex, "--version").strip()
    share = prefix / "share/aphex/sandbox"
    assert (share / "aphex_sandbox/__main__.py").is_file()
    assert (share / "requirements.txt").is_file()
    assert not list(share.rglob("__pycache__"))


def test_the_installation_has_the_package_of_the_provider(prefix):
    installed = prefix / "share/aphex/provider/provider.zip"
    assert installed.read_bytes() == (BUILD / "share/aphex/provider/provider.zip").read_bytes()


def field(package, name):
    return run("dpkg-deb", "--field", package, name).strip()


def test_the_package_holds_the_program_and_its_files(package):
    listed = {line.split()[5]: line.split()[0]
              for line in run("dpkg-deb", "--contents", package).splitlines()}
    assert listed["./usr/bin/aphex"].startswith("-rwxr-xr-x")
    assert "./usr/share/aphex/sandbox/aphex_sandbox/__main__.py" in listed
    assert "./usr/share/aphex/provider/provider.zip" in listed
    for name in ("LICENSE", "aphex.cdx.json", "licenses.txt", "operations.md",
                 "examples/aphex-server.yaml", "examples/aphex.logrotate"):
        assert f"./usr/share/doc/aphex/{name}" in listed
    # The service: its unit, its user.
    assert listed["./usr/lib/systemd/system/aphex.service"] == "-rw-r--r--"
    assert listed["./usr/lib/sysusers.d/aphex.conf"] == "-rw-r--r--"
    assert not [name for name in listed if name.endswith((".a", ".hpp", ".pyc"))]


def test_the_packages_scripts_are_those_of_the_service(package, tmp_path):
    run("dpkg-deb", "--control", package, tmp_path)
    for name in ("postinst", "prerm", "postrm"):
        script = tmp_path / name
        assert script.read_bytes() == (ROOT / "packaging" / name).read_bytes()
        assert script.stat().st_mode & 0o777 == 0o755
    assert "systemd-sysusers aphex.conf" in (tmp_path / "postinst").read_text()


def test_the_program_loads_what_is_slow_to_load_only_when_it_needs_it():
    """Editors validate at every key; these two bring forty libraries with them."""
    needed = run("readelf", "--dynamic", BUILD / "bin/aphex")
    assert "libsqlite3.so" in needed
    assert "libcurl" not in needed and "libarchive" not in needed, needed


def test_the_package_depends_on_the_libraries_that_the_program_links_to_or_loads(package):
    depends = field(package, "Depends")
    for library in ("libc6", "libstdc++6", "libcurl4", "libarchive13", "libyaml-0-2",
                    "libsqlite3-0", "git"):
        assert library in depends, depends
    assert "python3" in field(package, "Recommends")
    assert field(package, "Package") == "aphex"
    assert field(package, "Version").startswith("0.1.0")
