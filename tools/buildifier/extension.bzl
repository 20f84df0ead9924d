"""Module extension: buildifier, the formatter of BUILD files, from its npm package.

Makes `@buildifier//:buildifier`, an executable file. Where the package cannot be had it is an
empty file instead: lint and format then skip BUILD files and say so.
"""

_VERSION = "8.2.1"
_SHA256 = "b96ea9b13003036c801f52bee6f9b0314738f8432e5cb9d814c89f59292604ee"
_URL = "https://registry.npmjs.org/@bazel/buildifier/-/buildifier-%s.tgz" % _VERSION

# For machines whose certificates Python knows and Bazel's own Java does not.
_DOWNLOAD = """\
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as response, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(response, file)
"""

def _buildifier_impl(rctx):
    host = json.decode(rctx.read(rctx.attr.host_json))
    os = {"linux": "linux", "mac os x": "darwin"}.get(rctx.os.name)
    arch = {"aarch64": "arm64", "amd64": "amd64", "x86_64": "amd64"}.get(rctx.os.arch)
    program = "unpacked/package/buildifier-%s_%s" % (os, arch)
    result = rctx.execute([host["base"], "-I", "-c", _DOWNLOAD, _URL, "buildifier.tgz"], timeout = 300)
    if result.return_code == 0:
        # Checks the sum and unpacks.
        rctx.download_and_extract("file://%s" % rctx.path("buildifier.tgz"), "unpacked", sha256 = _SHA256)
    if result.return_code == 0 and rctx.path(program).exists:
        rctx.symlink(program, "buildifier")
    else:
        rctx.file("buildifier", "", executable = False)
    rctx.file("BUILD.bazel", 'exports_files(["buildifier"], visibility = ["//visibility:public"])\n')

_buildifier = repository_rule(
    implementation = _buildifier_impl,
    attrs = {"host_json": attr.label(mandatory = True)},
)

def _extension_impl(_):
    _buildifier(name = "buildifier", host_json = "@python_host//:python.json")

buildifier = module_extension(implementation = _extension_impl)
