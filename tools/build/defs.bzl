"""Build macros of this workspace: Python libraries, binaries and tests, C++ kernels.

Most BUILD files are written by //tools:update_build_files and use these:

max_py_library    an importable folder (its .py files, and its other files as data)
max_py_binary     a program: a module run as `python3 -m` would run it
max_py_test       one pytest file
max_cc_kernel     C++17 shared libraries with a plain C ABI, loaded by ctypes, one per instruction set
"""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("@rules_cc//cc:defs.bzl", "cc_binary")
load("@rules_python//python:defs.bzl", "py_binary", "py_library", "py_test")

# Folders from which absolute imports start.
_IMPORT_ROOTS = ["max/python", "max/tests", "tools"]

# Tests are selected by pytest markers; each marker's tests are a target of their own.
_MARKERS = ["gpu", "bench", "slow", "clients", "browser"]

_NOT_DATA = [
    "**/*.bazel",
    "**/*.bzl",
    "**/*.cpp",
    "**/*.h",
    "**/*.py",
    "**/*.pyc",
    "**/.*",
]

def _imports():
    """Returns `imports` that make the package's import root importable."""
    package = native.package_name()
    for root in _IMPORT_ROOTS:
        if package == root or package.startswith(root + "/"):
            depth = len(package.split("/")) - len(root.split("/"))
            return ["/".join([".."] * depth) or "."]
    return []

def _data_folders():
    """Returns the files that lie beside a package's sources in folders for data."""
    return native.glob(
        [
            "templates/**",
            "testdata/**",
        ],
        allow_empty = True,
    )

def max_py_library(name, srcs = None, data = [], deps = [], **kwargs):
    """An importable folder.

    Args:
      name: target name.
      srcs: Python files; by default all in this folder and below it.
      data: files needed at run time, besides those that lie in the folder (when srcs is left out) or
        in its templates/ and testdata/.
      deps: libraries and @pip// distributions that are imported.
      **kwargs: passed on to py_library.
    """
    if srcs == None:
        srcs = native.glob(["**/*.py"])
        data = data + native.glob(["**"], exclude = _NOT_DATA, allow_empty = True)
    else:
        data = data + _data_folders()
    py_library(
        name = name,
        srcs = srcs,
        data = data,
        imports = _imports(),
        deps = deps,
        **kwargs
    )

def max_py_binary(name, module, deps, **kwargs):
    """A program that runs a module as `python3 -m MODULE` does, in the caller's folder.

    Args:
      name: target name.
      module: dotted name of the module.
      deps: the library that holds the module, and what it loads by name at run time.
      **kwargs: passed on to py_binary.
    """
    main = name + "_main.py"
    write_file(
        name = name + ".main",
        out = main,
        content = [
            "from run_module import run",
            "",
            "if __name__ == \"__main__\":",
            "    run(\"%s\")" % module,
            "",
        ],
        visibility = ["//visibility:private"],
    )
    py_binary(
        name = name,
        srcs = [main],
        main = main,
        deps = deps + ["//tools/python:run_module"],
        **kwargs
    )

def max_py_test(name, srcs, deps = [], data = [], marker = None, tags = [], **kwargs):
    """A pytest file, or the part of it that carries a marker.

    Args:
      name: target name.
      srcs: the test file.
      deps: what it imports; conftest libraries of the folders above.
      data: files read by the tests, besides those in templates/ and testdata/ beside them.
      marker: run only the tests marked so (slow, gpu, bench, clients, browser), in a target tagged so that the
        default run leaves it out (.bazelrc); without, all tests that have none of these markers.
      tags: passed on, with the marker.
      **kwargs: passed on to py_test.
    """
    if marker:
        others = _MARKERS[:_MARKERS.index(marker)]
        selected = " and ".join([marker] + ["not " + other for other in others])
        tags = tags + [marker]
    else:
        selected = " and ".join(["not " + other for other in _MARKERS])
    main = "//tools/python:pytest_main.py"
    py_test(
        name = name,
        srcs = srcs + [main],
        main = main,
        args = ["$(rootpath %s)" % src for src in srcs] + ["-m", "'%s'" % selected],
        data = data + _data_folders(),
        deps = deps + ["//tools/python:pytest_main"],
        tags = tags,
        **kwargs
    )

# A kernel is compiled once per instruction set, the plainest first; max/python/max/kernels/isa.py says
# the same and chooses.
_WIDE = [
    "-march=x86-64-v4",
    "-mprefer-vector-width=512",
]
_ISA_COPTS = {
    "generic": [],
    "avx2": ["-march=x86-64-v3"],
    "avx512": _WIDE,
    "avx512_vnni": _WIDE + ["-mavx512vnni"],
    "avx512_bf16": _WIDE + [
        "-mavx512vnni",
        "-mavx512bf16",
    ],
    "neon_dotprod": ["-march=armv8.2-a+dotprod"],
}

# Those of aarch64; the others with options are of x86-64.
_AARCH64 = ["neon_dotprod"]

def _cpus_of(isa):
    if not _ISA_COPTS[isa]:
        return []
    return ["@platforms//cpu:aarch64" if isa in _AARCH64 else "@platforms//cpu:x86_64"]

def max_cc_kernel(name, srcs, hdrs = [], copts = [], **kwargs):
    """C++17 kernel libraries lib<name>.<instruction set>.so with a plain C ABI.

    Args:
      name: target name; it stands for all the libraries, as data of a max_py_library.
      srcs: .cpp files.
      hdrs: headers that they include.
      copts: compiler options besides the usual ones.
      **kwargs: passed on to the filegroup that stands for the libraries.
    """
    for isa, isa_copts in _ISA_COPTS.items():
        cc_binary(
            name = "lib%s.%s.so" % (name, isa),
            srcs = srcs + hdrs,
            copts = [
                "-std=c++17",
                "-O3",
                # A product and a sum are one rounding only where the source says so.
                "-ffp-contract=off",
                "-fvisibility=hidden",
                "-Wall",
                "-Wextra",
                "-Werror",
                # gcc 12 says it of its own AVX-512 intrinsics.
                "-Wno-maybe-uninitialized",
                "-Wno-uninitialized",
                "-pthread",
            ] + isa_copts + copts,
            linkopts = ["-pthread"],
            linkshared = True,
            target_compatible_with = _cpus_of(isa),
            visibility = ["//visibility:private"],
        )
    native.filegroup(
        name = name,
        srcs = select({
            "@platforms//cpu:aarch64": [":lib%s.%s.so" % (name, isa) for isa in ["generic"] + _AARCH64],
            "@platforms//cpu:x86_64": [
                ":lib%s.%s.so" % (name, isa)
                for isa in _ISA_COPTS
                if isa not in _AARCH64
            ],
            "//conditions:default": [":lib%s.generic.so" % name],
        }),
        **kwargs
    )
