"""gotape-record as a command: what the target does is unchanged, the recording ends when and how it should, the file has the
right name, mode and owner."""

import json
import os
import re
import signal
import stat
import time

import pytest

import harness


# -- the target is unchanged


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_status(code, trace):
    result = harness.launched(trace, harness.goprog("exitcode"), "-code", str(code))
    assert result.status == code, result


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGHUP])
def test_death_by_signal(number, trace):
    alone = harness.run(harness.goprog("exitcode"), "-signal", str(int(number)))
    result = harness.launched(trace, harness.goprog("exitcode"), "-signal", str(int(number)))
    assert result.status in (alone.status, 128 - alone.status if alone.status < 0 else alone.status), result
    assert harness.run(harness.REPLAY, "verify", trace).status == 0


def test_panic(trace):
    alone = harness.run(harness.goprog("exitcode"), "-panic")
    result = harness.launched(trace, harness.goprog("exitcode"), "-panic", options=["-q"])
    assert result.status == alone.status == 2
    assert "panic: as told" in result.err


def test_output_input_arguments_and_environment(trace):
    program = harness.goprog("output")
    environment = {"PATH": os.environ["PATH"], "MARK": "a b"}
    arguments = ["one", "two words", ""]
    alone = harness.run(program, *arguments, input=b"\x00input\xff" * 1000, env=environment, raw=True)
    recorded = harness.launched(trace, program, *arguments, options=["-q"], input=b"\x00input\xff" * 1000, env=environment,
                                raw=True)
    assert alone.status == recorded.status == 7
    assert recorded.out == alone.out
    assert recorded.err == alone.err
    db = harness.database(trace)
    harness.assert_balanced(db)
    kept = " ".join(v for v, in harness.rows(db, "SELECT value FROM meta"))
    assert "two words" not in kept and "a b" not in kept


def test_arguments_are_kept_on_request(trace):
    harness.launched(trace, harness.goprog("exitcode"), "-code", "3", options=["--with-args"])
    args = harness.value(harness.database(trace), "SELECT value FROM meta WHERE key = 'process.args'")
    assert "-code" in args and "3" in args


# -- wrapper scripts


def script(folder, *lines):
    path = folder / "wrapper"
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(0o755)
    return path


def test_wrapper_that_execs_is_followed(tmp_path, trace):
    wrapper = script(tmp_path, "X=1; export X", f"exec {harness.goprog('truth')} \"$@\"")
    result = harness.launched(trace, wrapper, "-rounds", "1")
    assert result.status == 0, result
    assert '"done"' in result.out
    sites = {row["site"] for row in harness.replay_json(trace, "who-blocked")}
    assert "main.recvWait" in sites


def test_wrapper_that_forks_is_refused(tmp_path, trace):
    wrapper = script(tmp_path, f"{harness.goprog('truth')} -rounds 1", "echo after")
    result = harness.launched(trace, wrapper)
    assert result.status in (125, 126), result
    assert "-p" in result.err
    assert not os.path.exists(trace)


def test_command_without_go_is_refused(trace):
    result = harness.launched(trace, "/bin/true")
    assert result.status in (125, 126), result
    assert "Go" in result.err
    assert not os.path.exists(trace)


def test_command_not_found(trace):
    result = harness.launched(trace, "/nonexistent/program")
    assert result.status == 127, result
    assert "/nonexistent/program" in result.err


def test_command_is_searched_in_path(tmp_path, trace):
    program = harness.goprog("exitcode")
    environment = dict(os.environ, PATH=f"{os.path.dirname(program)}:{os.environ['PATH']}")
    assert harness.launched(trace, "exitcode", "-code", "5", env=environment).status == 5


# -- how a recording ends


def test_duration_leaves_the_command_running(trace):
    program = harness.goprog("forker")
    with harness.Background(harness.RECORD, "--budget", "off", "-d", "1s", "-o", trace, "--", program, "-children", "0",
                            stderr=harness.subprocess.PIPE) as recorder:
        pid = recorder.json("ready")["pid"]
        # The recorder waits for the command that it started, so that its status can be passed on.
        deadline = time.monotonic() + 20
        while harness.breakpoints(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert harness.breakpoints(pid) == []
        assert os.path.exists(f"/proc/{pid}/exe"), "the command was ended with the recording"
        recorder.end()
    span = harness.rows(harness.database(trace), "SELECT start_ns, end_ns FROM recording")[0]
    assert 0.9e9 <= span[1] - span[0] <= 2.5e9


def test_duration_with_kill(trace):
    began = time.monotonic()
    with harness.Background(harness.RECORD, "--budget", "off", "-d", "500ms", "--kill", "-o", trace, "--", harness.goprog("forker"), "-children", "0") as recorder:
        pid = recorder.json("ready")["pid"]
        recorder.process.wait(20)
    assert time.monotonic() - began < 15
    assert not os.path.exists(f"/proc/{pid}/exe")
    harness.assert_balanced(harness.database(trace))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_an_attached_recording(number, trace):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            time.sleep(0.5)
            assert recorder.stop(number).status == 0, recorder.result
        assert target.process.poll() is None
        assert target.end() == 0
    db = harness.database(trace)
    assert harness.value(db, "SELECT is_clean_end FROM recording") == 1
    harness.assert_balanced(db)


def test_target_exit_ends_an_attached_recording(trace):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            time.sleep(0.3)
            target.end()
            assert recorder.wait().status == 0, recorder.result
    db = harness.database(trace)
    assert harness.value(db, "SELECT is_clean_end FROM recording") == 1


def test_target_killed_ends_an_attached_recording(trace):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            time.sleep(0.3)
            target.process.kill()
            assert recorder.wait().status == 0, recorder.result
    harness.assert_balanced(harness.database(trace))


def test_closing_summary(trace):
    result = harness.launched(trace, harness.goprog("truth"), "-rounds", "1")
    for word in ("park", "ready", "bytes an event", "no records lost", "CPU", trace):
        assert word in result.err, result
    events = harness.value(harness.database(trace), "SELECT event_count FROM recording")
    told = int(re.search(r"([\d,]+) events", result.err)[1].replace(",", ""))
    assert told == events


# -- the file


def test_default_name(tmp_path):
    result = harness.run(harness.RECORD, "--", harness.goprog("exitcode"), cwd=tmp_path)
    assert result.status == 0, result
    names = os.listdir(tmp_path)
    assert len(names) == 1 and re.fullmatch(r"gotape-exitcode-\d+-\d{8}T\d{6}\.gotape", names[0]), names


def test_mode_is_private_whatever_the_umask(trace):
    harness.run(harness.RECORD, "--budget", "off", "-o", trace, "--", harness.goprog("exitcode"), umask=0)
    assert stat.S_IMODE(os.stat(trace).st_mode) == 0o600


def test_owner_is_the_user_behind_sudo(open_folder):
    path = f"{open_folder}/t.gotape"
    environment = dict(os.environ, SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
    assert harness.launched(path, harness.goprog("exitcode"), env=environment).status == 0
    status = os.stat(path)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65534, 0o600)


def test_existing_file_is_kept_without_force(trace):
    with open(trace, "w", encoding="utf-8") as file:
        file.write("precious")
    result = harness.launched(trace, harness.goprog("output"))
    assert result.status == 125, result
    assert "--force" in result.err
    assert "line 1" not in result.out, "the command may not run when its recording is refused"
    with open(trace, encoding="utf-8") as file:
        assert file.read() == "precious"


def test_force_replaces_the_file(tmp_path, trace):
    with open(trace, "w", encoding="utf-8") as file:
        file.write("old")
    keep = tmp_path / "hard-link"
    os.link(trace, keep)
    assert harness.launched(trace, harness.goprog("exitcode"), options=["--force"]).status == 0
    assert harness.run(harness.REPLAY, "verify", trace).status == 0
    assert keep.read_text() == "old", "replaced by renaming, not by writing into the old file"
    assert sorted(os.listdir(tmp_path)) == ["hard-link", "t.gotape"]


def test_stream_to_a_pipe(tmp_path):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        result = harness.run(harness.RECORD, "--budget", "off", "-o", "-", "-d", "1s", "-p", target.pid, raw=True)
    assert result.status == 0, result
    path = tmp_path / "piped.gotape"
    path.write_bytes(result.out)
    assert harness.run(harness.REPLAY, "verify", path).status == 0
    harness.assert_balanced(harness.database(path))


def test_reader_of_the_pipe_goes_away():
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        process = harness.subprocess.Popen([harness.RECORD, "--budget", "off", "-o", "-", "-p", str(target.pid)], stdout=harness.subprocess.PIPE,
                                           stderr=harness.subprocess.PIPE)
        process.stdout.read(100)
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(30) == 125, err
        assert target.process.poll() is None


def test_file_is_zstd(trace):
    harness.launched(trace, harness.goprog("truth"), "-rounds", "1")
    if harness.run("sh", "-c", "command -v zstd").status != 0:
        pytest.skip("no zstd program")
    with open(trace, "rb") as stream:
        checked = harness.run("zstd", "-t", "-c", input=stream.read())
    assert checked.status == 0, checked


@pytest.mark.parametrize("option", [["-z", "1"], ["-z", "19"], ["-m", "64k"], ["-m", "32M"]])
def test_level_and_ring_size(option, trace):
    assert harness.launched(trace, harness.goprog("truth"), "-rounds", "1", options=option).status == 0
    harness.assert_balanced(harness.database(trace))


# -- who runs the command


def test_user_option(open_folder):
    program = f"{open_folder}/forker"
    with open(harness.goprog("forker"), "rb") as source, open(program, "wb") as copy:
        copy.write(source.read())
    os.chmod(program, 0o755)
    with harness.Background(harness.RECORD, "--budget", "off", "-o", f"{open_folder}/t.gotape", "--user", "nobody", "--", program,
                            "-children", "0") as recorder:
        pid = recorder.json("ready")["pid"]
        with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
            ids = {line.split()[0]: set(line.split()[1:]) for line in lines if line.startswith(("Uid", "Gid", "Groups"))}
        assert ids["Uid:"] == {"65534"} and ids["Gid:"] == {"65534"}
        assert "0" not in ids.get("Groups:", set())
        assert recorder.end() == 0
    harness.assert_balanced(harness.database(f"{open_folder}/t.gotape"))


def test_unknown_user(trace):
    result = harness.launched(trace, harness.goprog("exitcode"), options=["--user", "no-such-user"])
    assert 125 <= result.status <= 127, result
    assert "no-such-user" in result.err


# -- what the file says about its origin


def test_build_info(tmp_path, trace):
    """Version, module, revision and settings, as `go version -m` prints them."""
    if harness.run("sh", "-c", "command -v git").status != 0:
        pytest.skip("no git")
    reason = harness.toolchain("local")
    if reason:
        pytest.skip(reason)
    source = tmp_path / "source"
    (source / "dep").mkdir(parents=True)
    (source / "go.mod").write_text("module example.org/tool\n\ngo 1.21\n\nrequire example.org/dep v1.2.3\n\n"
                                   "replace example.org/dep => ./dep\n")
    (source / "dep/go.mod").write_text("module example.org/dep\n\ngo 1.21\n")
    (source / "dep/dep.go").write_text("package dep\n\nfunc Sleep() chan int { return make(chan int) }\n")
    (source / "main.go").write_text('package main\n\nimport (\n\t"time"\n\n\t"example.org/dep"\n)\n\n'
                                    "func main() {\n\tc := dep.Sleep()\n\tgo func() { time.Sleep(50 * time.Millisecond); close(c) }()\n"
                                    "\t<-c\n}\n")
    environment = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="")
    if harness.owner():  # root's caches stay as they are when a user has started this by sudo
        environment |= {"HOME": str(tmp_path), "GOCACHE": str(tmp_path / "cache")}
    for command in (["git", "init", "-q"], ["git", "add", "."],
                    ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "one"],
                    [harness.GO, "build", "-buildvcs=true", "-o", str(tmp_path / "tool"), "."]):
        result = harness.run(*command, cwd=source, env=environment, timeout=300)
        assert result.status == 0, result
    revision = harness.run("git", "rev-parse", "HEAD", cwd=source, env=environment).out.strip()
    assert harness.launched(trace, tmp_path / "tool").status == 0
    meta = dict(harness.rows(harness.database(trace), "SELECT key, value FROM meta"))
    assert meta["go.version"].startswith("go1.")
    assert meta["go.path"] == "example.org/tool"
    assert meta["go.vcs.revision"] == revision
    assert meta["go.vcs.modified"] == "false"
    assert meta["go.setting.GOARCH"] == "amd64"
    dependencies = " ".join(v for k, v in meta.items() if k.startswith("go.dep."))
    assert "example.org/dep v1.2.3" in dependencies and "./dep" in dependencies
    assert re.fullmatch(r"[0-9a-f]{32}", meta["trace.id"])
    assert meta["process.name"] == "tool" and meta["host.kernel"]
    info = json.dumps(harness.replay_json(trace, "info"))
    assert revision in info and "example.org/tool" in info


# -- --check


def test_check_of_a_process(trace):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        result = harness.run(harness.RECORD, "--check", "-p", target.pid)
        exact = harness.run(harness.RECORD, "--check", "--detail", "sched", "-p", target.pid)
        assert harness.breakpoints(target.pid) == []
    assert result.status == 0, result
    for function in ("runtime.gopark", "runtime.ready", "runtime.newproc1", "runtime.goexit0"):
        assert function in result.out, result
    assert "runtime.execute" not in result.out and "runtime.execute" in exact.out, "starts of runs have a probe from sched on"
    assert "20 times dearer" not in result.out, "every site should be one that the kernel emulates"


def test_check_does_not_run_the_command(tmp_path):
    result = harness.run(harness.RECORD, "--check", "--", harness.goprog("output"), cwd=tmp_path)
    assert result.status == 0, result
    assert "line 1" not in result.out
    assert os.listdir(tmp_path) == []
