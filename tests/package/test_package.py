"""What is delivered: statically linked programs that run without any library of the host, and packages that can be installed
and removed on every Debian of the kernel matrix. tools/package has built them."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import harness

BUILD = harness.ROOT / "build/static"
PROGRAMS = {"gotape-record": BUILD / "record/gotape-record", "gotape-replay": BUILD / "replay/gotape-replay"}
SUITES = ["bullseye", "bookworm", "trixie"]  # of kernels 5.10, 6.1 and 6.12


def package(name):
    found = sorted(BUILD.glob(f"{name}_*.deb"))
    assert len(found) == 1, f"tools/package has built {found}"
    return found[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_needs_no_library(name):
    headers = harness.run("readelf", "--wide", "--program-headers", "--dynamic", PROGRAMS[name])
    assert headers.status == 0, headers
    assert "INTERP" not in headers.out and "NEEDED" not in headers.out


@pytest.mark.parametrize("name, pages", [("gotape-record", ["man1/gotape-record.1"]), ("gotape-replay", ["man1/gotape-replay.1", "man5/gotape.5"])])
def test_contents(name, pages):
    listed = harness.run("dpkg-deb", "--contents", package(name)).out
    files = {line.split()[-1]: line.split() for line in listed.splitlines()}
    wanted = [f"./usr/bin/{name}", f"./usr/share/doc/{name}/copyright", f"./usr/share/doc/{name}/changelog.gz"]
    wanted += [f"./usr/share/man/{page}.gz" for page in pages]
    if name == "gotape-record":
        wanted.append("./usr/lib/systemd/system/gotape-record@.service")
    assert set(wanted) <= set(files), files
    assert all(fields[1] == "root/root" for fields in files.values()), "files belong to root"
    assert files[f"./usr/bin/{name}"][0] == "-rwxr-xr-x", "no set-user-id bit"
    other = "gotape-replay" if name == "gotape-record" else "gotape-record"
    assert not [path for path in files if other in path], "neither package needs the other"
    fields = harness.run("dpkg-deb", "--field", package(name)).out
    assert f"Package: {name}\n" in fields and re.search(r"^Version: \d", fields, re.M) and "Depends:" not in fields
    assert os.path.getsize(package(name)) < 4 << 20


def test_lintian():
    if not shutil.which("lintian"):
        pytest.skip("no lintian")
    result = harness.run("lintian", "--fail-on", "error,warning", *map(package, PROGRAMS), timeout=120)
    assert result.status == 0, result


def static_truth():
    """A Go program that needs no library either."""
    return harness.goprog("truth", env=(("CGO_ENABLED", "0"),))


def in_root(root, command, timeout=120):
    """Runs a shell command in a root folder with this host's /proc and /sys, in a mount namespace of its own."""
    script = ("set -e; mount --make-rprivate /; mkdir -p $0/proc $0/sys; mount -t proc proc $0/proc; mount --rbind /sys $0/sys;"
              " exec chroot $0 \"$@\"")
    return harness.run("unshare", "--mount", "sh", "-c", script, root, *command, timeout=timeout)


needs_rights = pytest.mark.skipif(harness.missing_rights() not in (None, f"{harness.RECORD} has not been built"),
                                  reason=str(harness.missing_rights()))


@needs_rights
def test_one_file_is_enough(tmp_path):
    """In a root folder that holds nothing but the recorder and a program."""
    for source in (*PROGRAMS.values(), static_truth()):
        shutil.copy(source, tmp_path)
    result = in_root(tmp_path, ["/gotape-record", "-v", "-o", "/t.gotape", "--", "/truth", "-rounds", "2"])
    assert result.status == 0, result
    assert "goes on as user nobody (65534:65534)" in result.err, result
    assert '"done"' in result.out
    verified = in_root(tmp_path, ["/gotape-replay", "verify", "/t.gotape"])
    assert verified.status == 0, verified
    answer = in_root(tmp_path, ["/gotape-replay", "who-blocked", "/t.gotape", "--limit", "0", "--format", "csv"])
    assert answer.status == 0 and "main.recvWait" in answer.out, answer
    assert harness.orphans() == []


@needs_rights
@pytest.mark.parametrize("suite", SUITES)
def test_install_record_remove(suite, tmp_path_factory):
    if not shutil.which("debootstrap"):
        pytest.skip("no debootstrap")
    root = tmp_path_factory.mktemp("root") / suite
    made = subprocess.run(["debootstrap", "--variant=minbase", suite, root], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=600, check=False)
    if made.returncode != 0:
        pytest.skip(f"{suite} cannot be had: {(made.stderr or made.stdout).strip()[-200:]}")
    try:
        for source in (*map(package, PROGRAMS), static_truth()):
            shutil.copy(source, root / "tmp")
        installed = in_root(root, ["sh", "-c", "dpkg -i /tmp/*.deb"])
        assert installed.status == 0, installed
        result = in_root(root, ["gotape-record", "-o", "/tmp/t.gotape", "--user", "games", "--", "/tmp/truth", "-rounds", "2"])
        assert result.status == 0 and '"done"' in result.out, result
        assert in_root(root, ["gotape-replay", "verify", "/tmp/t.gotape"]).status == 0
        removed = in_root(root, ["dpkg", "--purge", "gotape-record", "gotape-replay"])
        assert removed.status == 0, removed
        assert not [path for path in pathlib.Path(root, "usr").rglob("*gotape*")]
    finally:
        shutil.rmtree(root, ignore_errors=True)
