"""The recorder on other kernels: the same answers as on this one, complete stacks, nothing left behind."""

import json
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import guest  # noqa: E402
import harness  # noqa: E402
import test_truth as truth  # noqa: E402

SERIES = ["5.10", "6.1", "6.12", "6.18", guest.NEWEST]
# A recorded wait lies between the program's own readings of the clock; how near to them is not judged: on emulated processors
# that take turns a goroutine spins for a Mutex, or is not run, for a tenth of a second and more.
EMULATION_SLACK_NS = 1_000_000_000


class Guest:
    def __init__(self, folder):
        self.folder = folder

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")

    def trace(self, name):
        return str(self.folder / f"{name}.gotape")

    def status(self, name):
        return int(self.text(f"{name}.status"))

    def database(self, name):
        return harness.database(self.trace(name))


@pytest.fixture(scope="module", params=SERIES)
def kernel(request, tmp_path_factory):
    """One boot; the tests look at what it brought."""
    reason = guest.missing_tools()
    if reason:
        pytest.skip(reason)
    try:
        image = guest.image(request.param)
    except guest.Missing as missing:
        pytest.skip(str(missing))
    programs = [harness.RECORD, harness.goprog("truth"), harness.goprog("storm")]
    folder = tmp_path_factory.mktemp("guest") / "out"
    guest.boot(image, programs, folder)
    return Guest(folder)


def has_parked(db, wait):
    return harness.value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event WHERE name = 'park'"
                             " AND goid = ? AND time_ns >= ? AND (time_ns <= ? OR ? = 0)",
                         wait["goid"], wait["before_ns"], wait["after_ns"], wait["after_ns"]) > 0


def check_waits(kernel, name, monkeypatch):
    monkeypatch.setattr(truth, "SLACK_NS", EMULATION_SLACK_NS)
    lines = kernel.text(f"{name}.out").splitlines()
    waits, _ = truth.truths([line for line in lines if '"ready"' not in line])
    assert len(waits) == 2 * 13 + 2
    db = kernel.database(name)
    harness.assert_balanced(db)
    # On these slow processors what somebody wants may be there before they come to wait for it. A park that was lost instead
    # would have made the balance fail.
    blocked = [wait for wait in waits if has_parked(db, wait)]
    assert len(blocked) >= len(waits) - 6
    truth.check_waits(kernel.trace(name), blocked)
    harness.assert_checked(kernel.trace(name))
    return db


def check_stacks(db):
    """Complete: user goroutines begin where all goroutines do, and each park has a caller that is no part of the runtime."""
    shallow = harness.rows(db, "SELECT wait.id, stack.depth FROM wait JOIN stack ON stack.id = wait.stack_id"
                               " JOIN goroutine USING (goid) WHERE NOT goroutine.is_system AND NOT stack.is_cut"
                               " AND NOT EXISTS (SELECT 1 FROM frame JOIN function ON function.id = frame.function_id"
                               "                 WHERE frame.stack_id = stack.id AND function.name = 'runtime.goexit')")
    assert shallow == []


def test_check(kernel):
    """--check names the kernel's abilities, and sees nothing against recording."""
    assert kernel.status("check") == 0, kernel.text("check.err")
    found = kernel.text("check.out")
    assert "ready to record" in found
    version = tuple(int(n) for n in kernel.text("release").split("-")[0].split("+")[0].split("."))
    assert ("no inherit_thread" in found) == (version < (5, 13))
    assert "no PERF_FORMAT_LOST" not in found or version < (6, 0)


def test_launched(kernel, monkeypatch):
    assert kernel.status("launch") == 0, kernel.text("launch.err")
    db = check_waits(kernel, "launch", monkeypatch)
    check_stacks(db)
    assert harness.value(db, "SELECT value FROM meta WHERE key = 'host.kernel'") == kernel.text("release").strip()


def has_programs(kernel):
    return "BPF programs read the values" in kernel.text("check.out")


def test_engines(kernel, monkeypatch):
    """BPF programs where they do not miss a hit without telling, else perf; perf on request. Both tell the same."""
    version = tuple(int(n) for n in kernel.text("release").split("-")[0].split("+")[0].split("."))
    assert has_programs(kernel) == (version >= (6, 0))
    engine = "SELECT value FROM meta WHERE key = 'record.engine'"
    assert harness.value(kernel.database("launch"), engine) == ("bpf" if has_programs(kernel) else "perf")
    assert kernel.status("perf") == 0, kernel.text("perf.err")
    db = check_waits(kernel, "perf", monkeypatch)
    check_stacks(db)
    assert harness.value(db, engine) == "perf"


def test_attached(kernel, monkeypatch):
    assert kernel.status("attach") == 0, kernel.text("attach.record")
    check_stacks(check_waits(kernel, "attach", monkeypatch))


def check_away(db):
    """Seen on the second processor before it went, and after it had come back."""
    times = [time for time, in harness.rows(db, "SELECT time_ns FROM transition WHERE cpu = 1 ORDER BY time_ns")]
    away = max(range(1, len(times)), key=lambda i: times[i] - times[i - 1])
    assert times[away] - times[away - 1] > 1e9
    assert away > 20 and len(times) - away > 20


@pytest.mark.parametrize("recording", ["hotplug", "programs"])
def test_processor_leaves_and_comes_back(kernel, recording):
    """It is covered as before when it is back; nothing is missing. With perf, and with programs where there are any."""
    assert kernel.text(f"{recording}.during").strip() == "0"
    assert kernel.text(f"{recording}.after").strip() == "0-1"
    assert kernel.status(recording) == 0, kernel.text(f"{recording}.record")
    done = json.loads(kernel.text(f"{recording}.out").splitlines()[-1])
    db = kernel.database(recording)
    assert harness.value(db, "SELECT end_ns FROM recording") >= done["end_ns"]
    harness.assert_balanced(db)
    parks = harness.value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event WHERE name = 'park'")
    assert parks >= 2 * done["round_trips"]
    check_away(db)


def test_processor_comes_during_the_recording(kernel):
    """What runs there is not recorded: the recorder says so, and the file has it as lost from about then on."""
    assert kernel.status("late") == 0, kernel.text("late.record")
    assert "CPU 1 came online" in kernel.text("late.record")
    db = harness.database(kernel.trace("late"), status=3)
    assert harness.value(db, "SELECT lost_count FROM recording") > 0
    assert harness.value(db, "SELECT count(*) FROM transition WHERE cpu = 1") == 0
    illegal = harness.rows(db, "SELECT * FROM transition_named WHERE flags & 1 LIMIT 10")
    assert illegal == [], illegal


def test_container(kernel):
    """The cgroup of a pod, its limits, and that they took effect."""
    assert kernel.status("cgroup") == 0, kernel.text("cgroup.record")
    facts = dict(harness.rows(kernel.database("cgroup"), "SELECT key, value FROM meta"))
    assert facts["container.id"] == "0123456789abcdef" * 4
    assert facts["container.runtime"] == "containerd"
    assert facts["cgroup.path"].startswith("/kubepods.slice/kubepods-pod")
    assert facts["cgroup.cpu_max"] == "20000 100000"
    assert facts["cgroup.memory_max"] == "268435456"
    for key in ("nr_periods", "nr_throttled", "throttled_us"):
        assert int(facts[f"end.cgroup.{key}"]) > int(facts[f"cgroup.{key}"]), key


def test_nothing_is_left(kernel):
    assert kernel.text("left").strip() == "0"
    # A recorder must not be seen in the kernel's own messages.
    complaints = re.findall(r".*(?:BUG:|WARNING:|Oops|Call Trace|rcu: INFO|uprobe.*fail).*", kernel.text("dmesg"))
    assert complaints == []
