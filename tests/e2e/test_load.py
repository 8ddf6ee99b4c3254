"""Recordings under load: nothing lost at 150,000 events a second, every park matched on real services."""

import json
import os
import re
import subprocess

import pytest

import harness


def storm(trace, seconds):
    """One recording at the rate; what the program says of it."""
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "165000", "-duration", f"{seconds}s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--force"):
            target.send()
            return target.json("done", timeout=seconds + 30)


def test_storm(trace):
    """150,000 goroutine events a second for five seconds (a minute with --all)."""
    done = None
    for _ in range(3):  # the machine may be busy with something else: what counts is that the rate can be borne
        done = storm(trace, 60 if harness.ALL else 5)
        if done["events_per_second"] >= 150000:
            break
    assert done["events_per_second"] >= 150000, "the program did not reach the rate while it was recorded"
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    for event in ("park", "ready", "exec"):
        count = harness.value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event WHERE name = ?"
                                  " AND time_ns BETWEEN ? AND ?", event, done["begin_ns"], done["end_ns"])
        assert count >= 2 * done["round_trips"], event


def test_storm_as_fast_as_it_goes(trace):
    """Whatever is lost is in the file, with its interval, and durations are never invented over it."""
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "0", "-duration", "3s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "-m", "64k") as recorder:
            target.send()
            target.json("done")
            result = recorder.stop()
    assert result.status == 0, result
    lost = 0 if "no records lost" in result.err else int(re.search(r"lost ([\d,]+) records", result.err)[1].replace(",", ""))
    db = harness.database(trace, status=3 if lost else 0)
    assert harness.value(db, "SELECT lost_count FROM recording") == lost
    assert (harness.value(db, "SELECT coalesce(sum(count), 0) FROM lost")) == lost
    assert harness.rows(db, "SELECT * FROM transition WHERE flags & 1 AND NOT flags & 4 LIMIT 5") == []
    # A wait with figures has none of its ends inside a gap that hides its goroutine's events.
    assert harness.rows(db, "SELECT * FROM wait WHERE wait_ns < 0 OR runnable_ns < 0 LIMIT 5") == []


@pytest.mark.parametrize("version", harness.VERSIONS)
def test_churn(version, trace):
    """Goroutines, threads, timers, system calls, collections: every goroutine that the program counted is there."""
    program = harness.goprog("churn", version)
    result = harness.launched(trace, program, "-duration", "2s")
    assert result.status == 0, result
    done = json.loads(result.out.splitlines()[-1])
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    for event in ("create", "end"):
        count = harness.value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event WHERE name = ?"
                                  " AND time_ns BETWEEN ? AND ?", event, done["begin_ns"], done["end_ns"])
        # The last end may come a moment after the program has counted it.
        assert count >= done["created"] - (2 if event == "end" else 0)
    assert harness.value(db, "SELECT count(*) FROM thread WHERE exit_ns IS NOT NULL") >= done["locked_threads"] - 1
    assert harness.value(db, "SELECT count(*) FROM goroutine WHERE creator_goid IS NULL AND NOT is_system"
                             " AND created_ns IS NOT NULL") >= done["timers"]


def test_churn_attached(trace):
    """Attaching while threads and goroutines come and go."""
    with harness.Background(harness.goprog("churn"), "-wait", "-duration", "5s") as target:
        target.json("ready")
        target.send()
        harness.time.sleep(0.5)
        with harness.attached(target.pid, trace):
            harness.time.sleep(2)
        target.json("done")
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)


# -- the example service


def customers(url, seconds, rate=0):
    result = harness.run(harness.goprog("ordersload"), "-url", url, "-duration", f"{seconds}s", "-rate", str(rate), "-json",
                         timeout=seconds + 60)
    assert result.status == 0, result
    return json.loads(result.out)


def test_orders_service(tmp_path):
    """At 70 % of the highest load that it bears while it is recorded."""
    seconds = 20 if harness.ALL else 5
    with harness.Background(harness.goprog("orders"), "-listen", "127.0.0.1:0", "-ledger", "0", "-queue", "8") as service:
        url = service.line().split()[-1]
        with harness.attached(service.pid, tmp_path / "highest.gotape"):
            highest = customers(url, 3)["requests_per_second"]
        with harness.attached(service.pid, tmp_path / "t.gotape"):
            steady = customers(url, seconds, 0.7 * highest)
        service.process.terminate()
        assert service.process.wait(20) == 0
    assert steady["requests_per_second"] >= 0.6 * highest
    trace = str(tmp_path / "t.gotape")
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    found = harness.replay_json(trace, "who-blocked", "--chan", "main.Order", "--limit", "0")
    assert found and all(any(o["type"] == "main.Order" and o["cap"] == 8 for o in row["objects"]) for row in found)
    listed = harness.replay_json(trace, "chans", "--limit", "0")
    assert [c for c in listed if c["type"] == "main.Order"]


# -- somebody else's program


NATS = "github.com/nats-io/nats-server/v2@v2.10.22"
NATS_BENCH = """package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	var group sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			conn, err := nats.Connect(os.Args[1])
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			subject := fmt.Sprintf("s%d", i)
			if _, err := conn.Subscribe(subject, func(m *nats.Msg) { m.Respond(m.Data) }); err != nil {
				panic(err)
			}
			n := 0
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); n++ {
				if _, err := conn.Request(subject, []byte("hello"), 5*time.Second); err != nil {
					panic(err)
				}
			}
			mu.Lock()
			total += n
			mu.Unlock()
		}(i)
	}
	group.Wait()
	fmt.Println(total)
}
"""


@pytest.fixture(scope="module")
def nats(tmp_path_factory):
    """A NATS server and a small client for it, built from the module proxy (or the module cache, without a network)."""
    reason = harness.toolchain("local")
    if reason:
        pytest.skip(reason)
    source = tmp_path_factory.mktemp("nats")
    (source / "go.mod").write_text("module example.org/nats\n\ngo 1.21\n")
    (source / "bench").mkdir()
    (source / "bench/main.go").write_text(NATS_BENCH)
    (source / "tools.go").write_text('//go:build tools\n\npackage tools\n\nimport _ "github.com/nats-io/nats-server/v2"\n')
    environment = dict(os.environ, GOFLAGS="-buildvcs=false -mod=mod", GOTOOLCHAIN="local")
    for command in (["get", NATS, "github.com/nats-io/nats.go@v1.37.0"],
                    ["build", "-o", "nats-server", "github.com/nats-io/nats-server/v2"], ["build", "-o", "bench-client", "./bench"]):
        result = harness.run(harness.GO, *command, cwd=source, env=environment, timeout=400)
        if result.status != 0 and command[0] == "get":
            pytest.skip(f"no module proxy: {result.err.strip().splitlines()[-1] if result.err.strip() else ''}")
        assert result.status == 0, result
    return source


def test_nats_server(nats, trace):
    ports = nats / "ports"
    ports.mkdir(exist_ok=True)
    server = subprocess.Popen([nats / "nats-server", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", str(ports)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = harness.time.monotonic() + 30
        while not os.listdir(ports):
            assert harness.time.monotonic() < deadline and server.poll() is None
            harness.time.sleep(0.1)
        harness.time.sleep(0.2)
        url = json.loads((ports / os.listdir(ports)[0]).read_text())["nats"][0]
        with harness.attached(server.pid, trace):
            client = harness.run(nats / "bench-client", url, timeout=60)
            assert client.status == 0, client
    finally:
        harness.terminate(server)
    assert int(client.out) > 500
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    meta = dict(harness.rows(db, "SELECT key, value FROM meta"))
    assert meta["go.path"] == "github.com/nats-io/nats-server/v2"
    assert harness.value(db, "SELECT count(*) FROM wait_named WHERE reason_class = 'net' AND site LIKE 'net.%'") > 500


@pytest.mark.skipif(not harness.ALL, reason="takes a minute: runs with --all")
def test_go_command(trace, tmp_path):
    """Go's own tool, with many goroutines, and with children that are not recorded. (The one that is delivered has no DWARF.)"""
    reason = harness.toolchain("local")
    if reason:
        pytest.skip(reason)
    root = harness.go_command("local", "env", "GOROOT", cwd="/").out.strip()
    tool = str(harness.ROOT / "build/goprogs/go")
    built = harness.go_command("local", "build", "-o", tool, "cmd/go", cwd=root)
    assert built.status == 0, built
    environment = dict(os.environ, GOROOT=root, GOTOOLCHAIN="local", GOCACHE=str(tmp_path / "cache"), HOME=str(tmp_path),
                       GOFLAGS="-buildvcs=false")
    result = harness.run(harness.RECORD, "--budget", "off", "-o", trace, "--", tool, "vet", "errors", cwd=harness.GOPROGS, env=environment, timeout=300)
    assert result.status == 0, result
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    assert harness.value(db, "SELECT count(*) FROM goroutine") > 100
