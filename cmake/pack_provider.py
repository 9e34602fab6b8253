"""Packs the custom-resource provider for Lambda: a zip that starts with nothing of its host.

    pack_provider.py --program P --launcher L --load LIBRARY... --output provider.zip

    bootstrap              the launcher, static
    bin/aphex-provider     the program, stripped
    lib/loader             the dynamic loader that the program names (PT_INTERP)
    lib/<soname>           every library that the loader maps for the program and for each --load

Which libraries those are is the loader's own answer (`loader --list`), for what is linked and for
what is opened at run time (--load). The zip is a function of these files: sorted, with fixed times
and modes, so that an unchanged provider is an unchanged asset. Beside it, in the form of sha256sum,
provider.zip.sha256: whoever needs the asset's name need not read ten megabytes for it.
"""

import argparse
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

# The first time that a zip can say (MS-DOS counts from 1980).
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
EXECUTABLE = 0o100755
# Lambda's own bound for an unpacked function is 250 MB; ours is a slip's.
MAX_UNPACKED_BYTES = 60 << 20


def output_of(*argv):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        sys.exit(f"pack_provider: {' '.join(map(str, argv))}: {done.stderr or done.stdout}".strip())
    return done.stdout


def interpreter_of(program):
    found = re.search(r"Requesting program interpreter: ([^\]]+)\]",
                      output_of("readelf", "--program-headers", "--wide", program))
    if found is None:
        sys.exit(f"pack_provider: {program} is not dynamically linked")
    return pathlib.Path(found[1])


def soname_of(library):
    found = re.search(r"\(SONAME\).*\[([^\]]+)\]", output_of("readelf", "--dynamic", library))
    return found[1] if found else pathlib.Path(library).name


def libraries_of(loader, file):
    """Name, as other files ask for it, to path. The kernel's vdso has no path."""
    listed = output_of(loader, "--list", file)
    missing = re.findall(r"^\s*(\S+) => not found", listed, re.MULTILINE)
    if missing:
        sys.exit(f"pack_provider: {file} needs {', '.join(missing)}, which is not installed")
    return {pathlib.Path(name).name: pathlib.Path(path)
            for name, path in re.findall(r"^\s*(\S+) => (/\S+) \(", listed, re.MULTILINE)}


def collect(arguments):
    loader = interpreter_of(arguments.program)
    files = {"lib/loader": loader}
    for file in [arguments.program, *arguments.load]:
        for name, path in libraries_of(loader, file).items():
            if name != loader.name:
                files[f"lib/{name}"] = path
    for library in arguments.load:
        files[f"lib/{soname_of(library)}"] = pathlib.Path(library)
    # The loader is also a library that libc.so.6 asks for by name; it knows itself by this one.
    return files


def stripped(strip, path, directory):
    target = pathlib.Path(directory) / path.name
    output_of(strip, "--strip-all", "-o", target, path)
    return target.read_bytes()


def write_zip(output, entries):
    partial = output.with_name(f"{output.name}.new")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.create_system = 3  # Unix, whose modes these are
            entry.external_attr = EXECUTABLE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    partial.replace(output)
    # After the zip: a digest that is older than its zip is not believed.
    output.with_name(f"{output.name}.sha256").write_text(f"{digest}  {output.name}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--launcher", required=True)
    parser.add_argument("--load", action="append", default=[])
    parser.add_argument("--strip", default="strip")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        entries = {name: path.read_bytes() for name, path in collect(arguments).items()}
        entries["bin/aphex-provider"] = stripped(arguments.strip,
                                                 pathlib.Path(arguments.program), directory)
        entries["bootstrap"] = stripped(arguments.strip, pathlib.Path(arguments.launcher),
                                        directory)
    size = sum(map(len, entries.values()))
    if size > MAX_UNPACKED_BYTES:
        sys.exit(f"pack_provider: {size} bytes unpacked; {MAX_UNPACKED_BYTES} are the bound")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_zip(arguments.output, entries)


if __name__ == "__main__":
    main()
