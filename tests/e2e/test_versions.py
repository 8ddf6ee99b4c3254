"""The matrix: every supported Go, in every way to build a program, launched and attached. The program knows its own waits
(test_truth). The whole runs with `tests/run --all` and leaves its result as a table in build/versions.md; the normal run
takes a few corners."""

import pathlib
import re
import shutil

import pytest

import harness
import test_truth

PGO = harness.GOPROGS / "hotchan/default.pgo"

# name: build mode, flags, environment
KINDS = {
    "plain": ("exe", (), (("CGO_ENABLED", "0"),)),
    "stripped": ("exe", ("-ldflags=-s -w",), (("CGO_ENABLED", "0"),)),
    "pie": ("pie", (), (("CGO_ENABLED", "0"),)),
    "stripped pie": ("pie", ("-ldflags=-s -w",), (("CGO_ENABLED", "0"),)),
    "strip(1)": ("exe", ("strip(1)",), (("CGO_ENABLED", "0"),)),
    "cgo": ("exe", (), (("CGO_ENABLED", "1"),)),
    "external": ("exe", ("-ldflags=-linkmode=external",), (("CGO_ENABLED", "1"),)),
    "external stripped pie": ("pie", ("-ldflags=-linkmode=external -s -w",), (("CGO_ENABLED", "1"),)),
    "-race": ("exe", ("-race",), (("CGO_ENABLED", "1"),)),
    "-pgo": ("exe", (f"-pgo={PGO}", "-ldflags=-s -w"), (("CGO_ENABLED", "0"),)),
    "-N -l": ("exe", ("-gcflags=all=-N -l",), (("CGO_ENABLED", "0"),)),
}
EVERYWHERE = ("plain", "stripped", "pie")
SOMEWHERE = ("go1.18.10", "go1.22.12", "go1.27.1")  # these versions are built in all ways
FIRST_WITH = {"-pgo": "go1.20.14"}  # instead of the oldest

NORMAL = [("go1.18.10", "plain", "launched"), ("go1.20.14", "stripped", "attached"), (harness.VERSIONS_ALL[-1], "stripped pie", "attached")]


def cases():
    if not harness.ALL:
        return NORMAL
    found = []
    for version in harness.VERSIONS_ALL:
        for kind in KINDS:
            here = FIRST_WITH[kind] if kind in FIRST_WITH else SOMEWHERE[0]
            if kind in EVERYWHERE or version == here or version in SOMEWHERE[1:]:
                found += [(version, kind, "launched"), (version, kind, "attached")]
    return found


def build(version, kind):
    mode, flags, env = KINDS[kind]
    strip = "strip(1)" in flags
    program = harness.goprog("truth", version, mode, tuple(f for f in flags if f != "strip(1)"), env)
    if strip:
        if not shutil.which("strip"):
            pytest.skip("no strip here")
        stripped = pathlib.Path(program).parent / "truth-stripped"
        result = harness.run("strip", "-o", stripped, program)
        assert result.status == 0, result
        program = str(stripped)
    return program


def write_table(results):
    """What passed in which version, for the README."""
    kinds = [kind for kind in KINDS if any(k == kind for _, k in results)]
    lines = ["| Go | " + " | ".join(kinds) + " |", "|-|" + "-|" * len(kinds)]
    for version in harness.VERSIONS_ALL:
        cells = []
        for kind in kinds:
            outcomes = results.get((version, kind), [])
            cells.append("" if not outcomes else "ok" if all(outcomes) and len(outcomes) == 2 else "FAILED")
        lines.append(f"| {version.removeprefix('go')} | " + " | ".join(cells) + " |")
    path = harness.ROOT / "build/versions.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(["", *lines]))


@pytest.fixture(scope="module")
def results():
    found = {}
    yield found
    if harness.ALL and found:
        write_table(found)


# Before Go 1.22 unoptimised functions do not keep their arguments where the probe looks: no object, rather than a wrong one.
UNKEPT = ("mutex", "rwmutex", "waitgroup", "net")


def check(trace, lines, how, keeps_arguments=True):
    waits, done = test_truth.truths(lines)
    assert len(waits) == 2 * 13 + 2
    unkept = [] if keeps_arguments else [wait for wait in waits if wait["class"] in UNKEPT]
    test_truth.check_waits(trace, [wait for wait in waits if wait not in unkept])
    found = harness.replay_json(trace, "who-blocked", "--all", "--limit", "0")
    for wait in unkept:
        (row,) = [row for row in found if test_truth.matches(wait, row)]
        assert row["objects"] == [], (wait, row)
        test_truth.check_times(wait, row)
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    assert harness.value(db, "SELECT is_attach FROM recording") == (how == "attached")
    return done


@pytest.mark.parametrize("version,kind,how", [pytest.param(*case, id="-".join(case)) for case in cases()])
def test_matrix(version, kind, how, trace, results):
    program = build(version, kind)
    outcomes = results.setdefault((version, kind), [])
    outcomes.append(False)
    if how == "launched":
        result = harness.launched(trace, program, "-rounds", "2", "-seed", "3", options=("-v",))
        assert result.status == 0, result
        lines, said = result.out.splitlines(), result.err
    else:
        with harness.Background(program, "-wait", "-hold", "-rounds", "2", "-seed", "5") as target:
            target.json("ready")
            with harness.attached(target.pid, trace, "-v") as recorder:
                target.send()
                lines = [target.line()]
                while '"done"' not in lines[-1]:
                    lines.append(target.line())
            assert harness.breakpoints(target.pid) == []
            assert target.end() == 0
        said = recorder.err
        # the offsets were compared with the process before anything was armed
        assert harness.run(harness.REPLAY, "info", trace).status == 0
    done = check(trace, lines, how, not (kind == "-N -l" and version == SOMEWHERE[0]))
    assert done["go"].startswith(version)
    without_dwarf = kind == "strip(1)" or "-s -w" in " ".join(KINDS[kind][1])
    assert f"struct offsets: {'table' if without_dwarf else 'DWARF'}" in said
    if how == "launched":
        assert "struct offsets agree with the process" in said
    outcomes[-1] = True


def newer(program, folder):
    """The same program, said to be built with a Go that nobody knows yet."""
    data = pathlib.Path(program).read_bytes()
    at = data.index(b"\xff Go buildinf:") + 33
    assert re.match(rb"go1\.27\.\d", data[at:at + 8])
    path = pathlib.Path(folder) / "newer"
    path.write_bytes(data[:at] + b"go1.99.9" + data[at + 8:])
    path.chmod(0o755)
    return str(path)


def test_newer_go(trace, open_folder):
    """A Go that is newer than the table, with DWARF: its offsets are compared with the process, and it is recorded."""
    program = newer(build("go1.27.1", "plain"), open_folder)
    result = harness.launched(trace, program, "-rounds", "2", options=("-v",))
    assert result.status == 0, result
    assert "struct offsets: DWARF" in result.err and "struct offsets agree with the process" in result.err
    check(trace, result.out.splitlines(), "launched")


def test_newer_stripped_go(trace, open_folder):
    """Without DWARF its offsets are measured on the running process; nothing can be measured at its start."""
    program = newer(build("go1.27.1", "stripped"), open_folder)
    result = harness.launched(trace, program)
    assert result.status == 126 and "attach" in result.err, result
    with harness.Background(program, "-wait", "-hold", "-rounds", "2", "-seed", "5") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "-v") as recorder:
            target.send()
            lines = [target.line()]
            while '"done"' not in lines[-1]:
                lines.append(target.line())
        assert target.end() == 0
    assert "struct offsets: calibrated" in recorder.err
    check(trace, lines, "attached")
