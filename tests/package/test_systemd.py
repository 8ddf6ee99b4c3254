"""The unit gotape-record@.service under a real systemd: Debian with its systemd, booted in qemu's software emulation, where the
package is installed and a flight recorder runs on a Go program that is a service itself."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kernels"))

import guest  # noqa: E402
import harness  # noqa: E402
from test_package import package  # noqa: E402

SUITE, SERIES = "trixie", "6.12"
FILES = pathlib.Path(__file__).with_name("systemd")


def root_archive(folder):
    """A Debian with systemd, our package to install, a Go program as a service, and who tries it all when the system is up."""
    root, archive = folder / "root", folder / "root.tar"
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        pytest.skip("no debootstrap" if os.geteuid() == 0 else "debootstrap needs root")
    made = subprocess.run(["debootstrap", "--variant=minbase", "--include=systemd-sysv,dbus", SUITE, root], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=600, check=False)
    if made.returncode != 0:
        pytest.skip(f"{SUITE} cannot be had: {(made.stderr or made.stdout).strip()[-200:]}")
    (root / "judge").mkdir()
    shutil.copy(FILES / "run", root / "judge/run")
    shutil.copy(package("gotape-record"), root / "judge/gotape-record.deb")
    shutil.copy(harness.goprog("storm", env=(("CGO_ENABLED", "0"),)), root / "usr/local/bin/storm")
    for unit in ("judge.service", "storm.service"):
        shutil.copy(FILES / unit, root / "etc/systemd/system" / unit)
    for unit in ("serial-getty@ttyS0.service", "systemd-modules-load.service"):  # there are no devices and no modules to wait for
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "judge.service").symlink_to("../judge.service")
    subprocess.run(["tar", "-c", "-f", archive, "-C", root, "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*",
                    "--exclude=./usr/share/doc/*", "--exclude=./usr/share/locale/*", "."], timeout=120, check=True)
    shutil.rmtree(root)
    return archive


class Guest:
    def __init__(self, folder):
        self.folder = folder

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")

    def status(self, name):
        return int(self.text(f"{name}.status"))

    def database(self, number):
        return harness.database(str(self.folder / f"traces/storm.000{number}.gotape"))


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """One boot; the tests look at what it brought."""
    reason = guest.missing_tools()
    if reason:
        pytest.skip(reason)
    try:
        kernel = guest.image(SERIES)
    except guest.Missing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("systemd")
    archive = root_archive(folder)
    guest.boot(kernel, [], folder / "out", sign="debian", init=FILES / "init", files=[archive])
    archive.unlink()
    return Guest(folder / "out")


def test_unit_is_sound(system):
    assert system.status("install") == 0, system.text("install.out")
    complaints = [line for line in system.text("verify.out").splitlines() if "man gotape" not in line]  # the guest has no man
    assert complaints == []
    assert system.status("enable") == 0, system.text("enable.out")


def test_runs_within_its_bounds(system):
    """Programs at the probes in spite of the sandbox; whoever reads what they write has no right any more."""
    assert "Active: active (running)" in system.text("status.out"), system.text("status.out")
    assert "rror" not in system.text("status.out"), system.text("status.out")
    assert harness.value(system.database(1), "SELECT value FROM meta WHERE key = 'record.engine'") == "bpf"
    processes = [line for line in system.text("processes.out").splitlines() if line.startswith("gotape-record ")]
    assert all("NoNewPrivs: 1" in line and "Seccomp: 2" in line for line in processes), processes
    assert [line for line in processes if re.search(r"Uid: 65534 .*CapEff: 0{16}", line)], processes


def test_files_as_asked_for(system):
    """By reload, by the signal, at the end of the program, and of the program that came after it."""
    assert system.status("reload") == 0, system.text("reload.out")
    assert system.status("kill") == 0, system.text("kill.out")
    listed = [line.split() for line in system.text("files.out").splitlines()]
    assert listed[0][:3] == ["/var/log/gotape", "root:root", "750"], listed
    files = {pathlib.Path(fields[0]).name: fields for fields in listed[1:]}
    assert set(files) == {f"storm.000{n}.gotape" for n in range(1, 5)} | (set(files) - {f"storm.000{n}.gotape" for n in range(1, 5)})
    assert all(fields[2] == "600" for fields in files.values()), files
    reasons, pids = [], []
    for number in range(1, 5):
        harness.assert_checked(str(system.folder / f"traces/storm.000{number}.gotape"))
        db = system.database(number)
        facts = dict(harness.rows(db, "SELECT key, value FROM meta"))
        reasons.append(facts["trigger.reason"])
        pids.append(facts["process.pid"])
        assert harness.value(db, "SELECT count(*) FROM wait") > 10
    assert reasons[0] == reasons[1] == reasons[3] != reasons[2], reasons
    assert pids[0] == pids[1] == pids[2] != pids[3], pids


def test_begins_anew_when_killed(system):
    assert "Active: active (running)" in system.text("killed.out"), system.text("killed.out")
    assert system.text("left.stopped").strip() == "0"


def test_stops_cleanly(system):
    for name in ("stop", "stop2"):
        assert system.status(name) == 0, system.text(f"{name}.out")
    for name in ("stopped", "stopped2"):
        facts = dict(line.split("=", 1) for line in system.text(f"{name}.out").splitlines())
        assert (facts["ActiveState"], facts["Result"], facts["ExecMainStatus"]) == ("inactive", "success", "0"), facts
    assert "waiting: " in system.text("waiting.out"), system.text("waiting.out")
    assert system.text("failed.out").strip() == "", system.text("failed.out")
    assert system.status("purge") == 0, system.text("purge.out")
    complaints = re.findall(r".*(?:BUG:|WARNING:|Oops|Call Trace|rcu: INFO|uprobe.*fail).*", system.text("dmesg"))
    assert complaints == []
