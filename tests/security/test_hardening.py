"""What the compiler and the linker do for the programs of a release, as readelf sees it.

Debian's C library has no marks of indirect branch tracking, so that no program here can carry them
as a whole: what -fcf-protection does is looked for at the beginnings of our own functions."""

import os
import pathlib
import platform
import re
import struct
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex"))
PROGRAMS = {"aphex": BINARY,
            "aphex-provider": BINARY.parent.parent / "provider" / "aphex-provider",
            # Static: `bootstrap` of provider.zip, which starts the one before.
            "bootstrap": BINARY.parent.parent / "provider" / "bootstrap"}
DYNAMIC = ("aphex", "aphex-provider")
X86_64 = platform.machine() == "x86_64"
ENDBR64 = bytes.fromhex("f30f1efa")
# `orq $0, (%rsp)`: touches each page of a large frame in turn.
PROBE = bytes.fromhex("48830c2400")
# `mov %fs:0x28, %reg`: the guard, at the beginning of a function that has one.
GUARD = re.compile(rb"\x64[\x48\x4c]\x8b[\x04\x0c\x14\x1c\x24\x2c\x34\x3c]\x25\x28\0\0\0")


def printed(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def path_of(name):
    path = PROGRAMS[name]
    assert path.exists(), f"{path} is not there: scripts/build release aphex aphex_provider_zip"
    return path


@pytest.fixture(params=PROGRAMS, scope="module")
def program(request):
    return path_of(request.param)


@pytest.fixture(params=DYNAMIC, scope="module")
def dynamic(request):
    return path_of(request.param)


def functions(path):
    """(name, whether others may call it, its code) of every function of the program's own."""
    data = path.read_bytes()
    assert data[:5] == b"\x7fELF\x02", "a 64-bit program"
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + number * size)
                for number in range(count)]
    (symbols,) = [each for each in sections if each[1] == 2]  # SHT_SYMTAB
    names = sections[symbols[6]][4]
    for at in range(symbols[4], symbols[4] + symbols[5], symbols[9]):
        name, info, _, section, address, length = struct.unpack_from("<IBBHQQ", data, at)
        if info & 15 != 2 or not 0 < section < count or length == 0:  # STT_FUNC with a body
            continue
        begin = address - sections[section][3] + sections[section][4]
        text = data[names + name:data.index(b"\0", names + name)].decode()
        yield text, info >> 4 != 0, data[begin:begin + length]


def is_ours(name):
    return name == "main" or name.startswith(("_ZN5aphex", "_ZNK5aphex"))


@pytest.fixture(scope="module")
def ours(program):
    found = [each for each in functions(program) if is_ours(each[0])]
    assert len(found) > (0 if program.name == "bootstrap" else 500)
    return found


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
    symbols = printed("readelf", "-W", "--syms", program)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(mem|str|v?sn?printf|read|poll)\w*_chk", symbols)


@pytest.mark.skipif(not X86_64, reason="looks at machine code of x86-64")
def test_our_functions_guard_their_stacks(ours):
    guarded = [name for name, _, code in ours if GUARD.search(code)]
    assert len(guarded) > len(ours) // 10
    # Frames of more than a page touch each of their pages, so that none jumps over the guard page.
    assert [name for name, _, code in ours if PROBE in code]


@pytest.mark.skipif(not X86_64, reason="looks at machine code of x86-64")
def test_what_may_be_called_by_address_begins_with_a_landing_place(ours):
    without = [name for name, is_global, code in ours
               if is_global and not code.startswith(ENDBR64) and ".cold" not in name]
    assert without == []


def test_an_index_outside_of_a_container_ends_the_program(dynamic):
    """libstdc++ is asked for its checks: nobody else calls this function."""
    assert "_ZSt21__glibcxx_assert_fail" in printed("readelf", "-W", "--dyn-syms", dynamic)


def test_the_static_program_needs_nothing_of_its_host():
    headers = printed("readelf", "-lW", path_of("bootstrap"))
    assert "INTERP" not in headers
    assert "NEEDED" not in printed("readelf", "-dW", path_of("bootstrap"))


def test_nothing_is_looked_for_beside_the_program(program):
    assert not re.search(r"\((RPATH|RUNPATH)\)", printed("readelf", "-dW", program))
