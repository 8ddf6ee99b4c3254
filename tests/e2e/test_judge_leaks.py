"""Go's leak detection as judge: the programs of src/runtime/testdata/testgoroutineleakprofile leak goroutines and print which the
garbage collector has found unreachable. Each of these must be among those that never resumed in the recording of the same run,
with the same reason and the same blocking function."""

import os
import re

import pytest

import harness
import judge

FOLDERS = ["testgoroutineleakprofile", "testgoroutineleakprofile/goker"]
EXPERIMENT = (("GOEXPERIMENT", "goroutineleakprofile"),)
# Five tries on the newest, one on the other. Since Go 1.27 the profile is there without an experiment.
CASES = [("go1.27.1", (), f) for f in FOLDERS] + [("go1.26.8", EXPERIMENT, f) for f in FOLDERS]
SAMPLE = {"testgoroutineleakprofile": ["Mixed", "Select", "Cond"],
          "testgoroutineleakprofile/goker": ["Moby30408", "Syncthing4829", "Moby17176"]}

HEADER = re.compile(r"^goroutine (\d+) \[([^\]]*?) \(leaked\)")
INTERNAL = re.compile(r"^(runtime|sync|internal)[./]")


def function_name(line):
    """main.(*T).f(0x1, {0x2, 0x3}) → main.(*T).f"""
    return re.sub(r"\([^()]*\)$", "", line).replace("[...]", "")


def leaked(output):
    """goid → (wait reason, innermost function of the program's own), from a goroutine dump."""
    found = {}
    for block in output.split("\n\n"):
        lines = block.split("\n")
        head = HEADER.match(lines[0])
        if not head:
            continue
        functions = [function_name(line) for line in lines[1:] if not line.startswith(("\t", "created by"))]
        found[int(head[1])] = (head[2], next((f for f in functions if f and not INTERNAL.match(f)), None))
    return found


def never_resumed(trace):
    rows = harness.rows(harness.database(trace), "SELECT goid, reason, site FROM wait_named WHERE is_open")
    return {goid: (reason, re.sub(r"\[.*\]", "", site) if site else None) for goid, reason, site in rows}


def programs(version, folder):
    names = []
    for path in sorted((judge.go_root(version) / "src/runtime/testdata" / folder).glob("*.go")):
        names += re.findall(r'register\("(\w+)"', path.read_text(encoding="utf-8"))
    assert len(names) > 15
    return names


@pytest.mark.parametrize("version,env,folder", CASES if harness.ALL else CASES[:2])
def test_every_leak_is_found(version, env, folder, tmp_path, record_property):
    target = judge.test_program(version, folder, env)
    names = programs(version, folder) if harness.ALL else SAMPLE[folder]
    tries = 5 if harness.ALL and not env else 1
    leaks, misses, with_leaks = 0, [], set()
    for name in names:
        for attempt in range(tries):
            # As Go's own test does; one P lets the simple ones leak surely.
            environment = dict(os.environ, GODEBUG="asyncpreemptoff=1", **({"GOMAXPROCS": "1"} if attempt % 2 == 0 else {}))
            trace = tmp_path / f"{name}-{attempt}.gotape"
            run = harness.launched(trace, target, name, env=environment, timeout=120)
            assert run.status == 0, (name, run)
            ours = never_resumed(trace)
            for goid, story in leaked(run.out).items():
                leaks += 1
                with_leaks.add(name)
                if ours.get(goid) != story:
                    misses.append((name, attempt, goid, story, ours.get(goid)))
            for left in tmp_path.glob(f"{name}-{attempt}.*"):
                left.unlink()
    record_property("programs", str(len(names)))
    record_property("programs_with_leaks", str(len(with_leaks)))
    record_property("leaks", str(leaks))
    record_property("missed", str(len(misses)))
    assert misses == [], (len(misses), leaks, misses[:5])
    assert len(with_leaks) >= len(names) * 3 // 4 or harness.ALL
    assert leaks > 0
