"""Module extension: the host's CPython as a toolchain, and pinned wheels.

python.host(name, versions)    -> repository with an empty venv of the host's CPython
                                  and a py toolchain that uses it
python.pip(name, host, locks)  -> repository that installs one of the hash-pinned
                                  requirement locks, once; a py_library each. With `base`, the
                                  lock holds only what the repository of that name has not

--repo_env=BAZEL_PYTHON=/path/to/python3 names the interpreter, --repo_env=MAX_TORCH=cpu|cuda
the lock (see .bazelrc's --config=cuda).
"""

_PROBE = """\
import platform, sys
print(platform.python_implementation())
print('%d.%d' % sys.version_info[:2])
print(getattr(sys, '_base_executable', None) or sys.executable)
"""

def _probe(rctx, exe, versions):
    """Returns struct(executable, version) when exe is a wanted CPython, else None."""
    result = rctx.execute([exe, "-I", "-c", _PROBE], timeout = 60)
    if result.return_code != 0:
        return None
    lines = result.stdout.strip().split("\n")
    if len(lines) != 3 or lines[0] != "CPython" or lines[1] not in versions:
        return None
    return struct(executable = lines[2], version = lines[1])

def _find_python(rctx, versions):
    asked = rctx.os.environ.get("BAZEL_PYTHON")
    if asked:
        found = _probe(rctx, asked, versions)
        if not found:
            fail("BAZEL_PYTHON=%s is not a CPython %s" % (asked, " or ".join(versions)))
        return found
    candidates = [rctx.which("python" + v) for v in versions]
    candidates += [rctx.which("python3"), rctx.which("python")]

    # pyenv's shims on PATH only answer for the versions that are switched on.
    pyenv = rctx.os.environ.get("PYENV_ROOT") or (rctx.os.environ.get("HOME", "") + "/.pyenv")
    root = rctx.path(pyenv + "/versions") if pyenv.startswith("/") else None
    if root and root.exists:
        for version in versions:
            candidates += sorted([
                str(d) + "/bin/python3"
                for d in root.readdir()
                if d.basename.startswith(version + ".") and d.get_child("bin").get_child("python3").exists
            ], reverse = True)
    for exe in candidates:
        found = _probe(rctx, exe, versions) if exe else None
        if found:
            return found
    fail(("no CPython %s on PATH: install one (Debian, Ubuntu: apt-get install python3 python3-venv), " +
          "or name it with --repo_env=BAZEL_PYTHON=/path/to/python3") % " or ".join(versions))

_HOST_BUILD = """\
load("@rules_python//python:defs.bzl", "py_runtime", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

exports_files(["python.json"])

py_runtime(
    name = "runtime",
    interpreter_path = "{python}",
    python_version = "PY3",
    stub_shebang = "#!{python}",
)

py_runtime_pair(
    name = "runtime_pair",
    py3_runtime = ":runtime",
)

toolchain(
    name = "toolchain",
    toolchain = ":runtime_pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)
"""

def _host_impl(rctx):
    found = _find_python(rctx, rctx.attr.versions)

    # An empty venv: the same interpreter without the host's site-packages.
    result = rctx.execute([found.executable, "-I", "-m", "venv", "--without-pip", "--symlinks", "venv"])
    if result.return_code != 0:
        fail("cannot make a venv with %s:\n%s%s" % (found.executable, result.stdout, result.stderr))
    python = str(rctx.path("venv/bin/python3"))
    rctx.file("python.json", json.encode({"base": found.executable, "version": found.version, "python": python}))
    rctx.file("BUILD.bazel", _HOST_BUILD.format(python = python))

_host = repository_rule(
    implementation = _host_impl,
    attrs = {"versions": attr.string_list(mandatory = True)},
    environ = ["BAZEL_PYTHON"],
    configure = True,
    local = False,
)

def _pip_impl(rctx):
    host = json.decode(rctx.read(rctx.attr.host_json))
    variant = rctx.os.environ.get("MAX_TORCH", "cpu")
    locks = {name: label for label, name in rctx.attr.locks.items()}
    if "any" in locks:
        variant = "any"
    if variant not in locks:
        fail("MAX_TORCH=%s: there are locks for %s" % (variant, ", ".join(sorted(locks))))
    lock = rctx.path(locks[variant])
    installer = rctx.path(rctx.attr._installer)
    generator = rctx.path(rctx.attr._generator)
    base = rctx.path(rctx.attr.base) if rctx.attr.base else None
    for path in [lock, installer, generator] + ([base] if base else []):
        rctx.watch(path)

    def run(arguments, timeout = 7200):
        result = rctx.execute(
            arguments,
            timeout = timeout,
            quiet = False,
            environment = {
                "PYTHONDONTWRITEBYTECODE": "",
                "PYTHONNOUSERSITE": "1",
                "PYTHONPATH": "",
                "PYTHONUNBUFFERED": "1",
            },
        )
        if result.return_code != 0:
            fail("%s failed, see above" % arguments[2].basename)

    rctx.report_progress("installing %s" % lock.basename)
    arguments = [host["base"], "-I", installer, "venv", lock]
    if variant in rctx.attr.extra_indexes:
        arguments += ["--index", rctx.attr.extra_indexes[variant]]
    if base:
        arguments += ["--base", base]
    run(arguments)
    rctx.report_progress("writing BUILD files")
    arguments = [rctx.path("venv/bin/python3"), "-I", generator, lock]
    run(arguments + ([base, rctx.attr.base_name] if base else []))

_pip = repository_rule(
    implementation = _pip_impl,
    attrs = {
        "base": attr.label(doc = "python.json of the repository that this one stands on"),
        "base_name": attr.string(),
        "extra_indexes": attr.string_dict(),
        "host_json": attr.label(mandatory = True),
        "locks": attr.label_keyed_string_dict(mandatory = True, allow_files = True),
        "_generator": attr.label(default = "//tools/python:generate_build.py", allow_single_file = True),
        "_installer": attr.label(default = "//tools/python:install_wheels.py", allow_single_file = True),
    },
    environ = ["MAX_TORCH"],
)

def _python_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.host:
            _host(name = tag.name, versions = tag.versions)
        for tag in module.tags.pip:
            _pip(
                name = tag.name,
                base = "@%s//:python.json" % tag.base if tag.base else None,
                base_name = tag.base,
                extra_indexes = tag.extra_indexes,
                host_json = "@%s//:python.json" % tag.host,
                locks = tag.locks,
            )

python = module_extension(
    implementation = _python_impl,
    tag_classes = {
        "host": tag_class(attrs = {
            "name": attr.string(mandatory = True),
            "versions": attr.string_list(mandatory = True),
        }),
        "pip": tag_class(attrs = {
            "base": attr.string(doc = "the repository that has what this one's lock leaves out"),
            "extra_indexes": attr.string_dict(doc = "lock's name -> package index to ask besides pip's own"),
            "host": attr.string(mandatory = True),
            "locks": attr.label_keyed_string_dict(mandatory = True, doc = "lock -> its name for MAX_TORCH, or any"),
            "name": attr.string(mandatory = True),
        }),
    },
)
