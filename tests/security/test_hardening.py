"""What the compiler and the linker do for the programs of a release, as readelf sees it."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex"))
PROGRAMS = {"aphex": BINARY,
            "aphex-provider": BINARY.parent.parent / "provider" / "aphex-provider"}


def printed(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(params=PROGRAMS, scope="module")
def program(request):
    path = PROGRAMS[request.param]
    assert path.exists(), f"{path} is not there: scripts/build release aphex aphex_provider_zip"
    return path


def test_addresses_are_random(program):
    assert "DYN (Position-Independent Executable file)" in printed("readelf", "-hW", program)


def test_tables_of_calls_are_read_only_from_the_start(program):
    assert "GNU_RELRO" in printed("readelf", "-lW", program)
    dynamic = printed("readelf", "-dW", program)
    assert "BIND_NOW" in dynamic
    assert re.search(r"FLAGS_1.*\bNOW\b", dynamic)
    # Nothing was left to be written while it runs.
    assert "TEXTREL" not in dynamic


def test_no_memory_can_be_written_and_executed(program):
    segments = re.findall(r"^  (LOAD|GNU_STACK) .* ([R ][W ][E ]) ",
                          printed("readelf", "-lW", program), re.MULTILINE)
    assert {"LOAD", "GNU_STACK"} <= {kind for kind, _ in segments}
    assert [flags for _, flags in segments if "W" in flags and "E" in flags] == []


def test_stacks_and_copies_are_checked(program):
    symbols = printed("readelf", "-W", "--dyn-syms", program)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(mem|str|v?sn?printf|read|poll)\w*_chk", symbols)


def test_nothing_is_looked_for_beside_the_program(program):
    assert not re.search(r"\((RPATH|RUNPATH)\)", printed("readelf", "-dW", program))
