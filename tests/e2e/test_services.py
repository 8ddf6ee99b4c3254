"""Well-known Go services under load, attached to while they run: every story is legal, nobody's state stays unknown after the
snapshot, loss would be said, and the service goes on as if nothing had been."""

import functools
import os
import pathlib
import socket
import time

import pytest

import harness

JUDGE = harness.ROOT / "tests/judge"
SERVICES = JUDGE / "services"
SECONDS = 4 if harness.ALL else 2
WORKERS = 24

pytestmark = pytest.mark.skipif(not harness.ALL, reason="builds whole services: tests/run --all")


@functools.lru_cache(maxsize=None)
def built(package, name, folder=SERVICES, flags=()):
    """Builds a program of the two modules under tests/judge with the installed Go, or the one that they want."""
    target = harness.ROOT / "build/judge/services" / name
    result = harness.go_command("auto", "build", *flags, "-o", target, package, cwd=folder)
    if result.status != 0 and any(word in result.err for word in ("dial tcp", "lookup ", "toolchain not available")):
        pytest.skip(f"{package} is not to be had: {result.err.strip().splitlines()[-1]}")
    assert result.status == 0, result
    return target


@functools.lru_cache(maxsize=None)
def debian(package, path):
    """A service as the distribution packages it (Debian: stripped, with an older Go), unpacked but not installed."""
    if os.access(f"/{path}", os.X_OK):
        return f"/{path}"
    folder = harness.ROOT / "build/judge/debian" / package
    target = folder / path
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        result = harness.run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=folder, timeout=120)
        if result.status != 0:
            pytest.skip(f"package {package} is not to be had: {result.err.strip()[-200:]}")
        (file,) = folder.glob("*.deb")
        assert harness.run("dpkg-deb", "-x", file, folder).status == 0
        file.unlink()
    return target


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


# What to start, what to load it with, and when it is ready.


def nats(program, folder):
    (port,) = free_ports(1)
    return [program, "-a", "127.0.0.1", "-p", port, "-js", "-sd", folder], ["nats", f"127.0.0.1:{port}"], port


def etcd(program, folder):
    client, peer = free_ports(2)
    url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [program, "--data-dir", folder, "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer_url,
            "--initial-advertise-peer-urls", peer_url, "--initial-cluster", f"default={peer_url}", "--log-level", "error",
            "--unsafe-no-fsync"], ["etcd", f"127.0.0.1:{client}"], client


def prometheus(program, folder):
    (port,) = free_ports(1)
    settings = pathlib.Path(folder) / "prometheus.yml"
    settings.write_text("global: {scrape_interval: 1s}\n"
                        f"scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n")
    return [program, f"--config.file={settings}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error"], ["http", f"http://127.0.0.1:{port}/metrics"], port


def caddy(program, folder):
    (port,) = free_ports(1)
    (pathlib.Path(folder) / "page").write_text("text\n" * 1000)
    return [program, "file-server", "--listen", f"127.0.0.1:{port}", "--root", folder], ["http", f"http://127.0.0.1:{port}/page"], port


SERVICE = {
    "nats": (nats, lambda: built("github.com/nats-io/nats-server/v2", "nats-server")),
    "nats-stripped": (nats, lambda: built("github.com/nats-io/nats-server/v2", "nats-server-stripped", flags=("-ldflags=-s -w",))),
    "etcd": (etcd, lambda: built("go.etcd.io/etcd/server/v3", "etcd")),
    "debian-etcd": (etcd, lambda: debian("etcd-server", "usr/bin/etcd")),
    "debian-prometheus": (prometheus, lambda: debian("prometheus", "usr/bin/prometheus")),
    "debian-caddy": (caddy, lambda: debian("caddy", "usr/bin/caddy")),
}


def await_port(process, port):
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.process.poll() is None and time.monotonic() < deadline, "the service does not answer"
            time.sleep(0.1)


def progress(load, seconds):
    """Operations done in so many seconds. None may fail."""
    first = load.json()
    deadline = time.monotonic() + seconds
    while True:
        last = load.json()
        assert last["errors"] == 0, last
        if time.monotonic() > deadline and last["operations"] > first["operations"]:
            return last["operations"] - first["operations"]
        assert time.monotonic() < deadline + 20, "the service does not get on"


@pytest.mark.parametrize("name", SERVICE)
def test_attached_under_load(name, open_folder, trace, record_property):
    describe, program = SERVICE[name]
    generator = built("./load", "load", folder=JUDGE)
    folder = os.path.join(open_folder, "data")
    os.mkdir(folder)
    argv, what, port = describe(program(), folder)
    environment = dict(os.environ, HOME=folder, XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder)
    with open(os.path.join(open_folder, "messages"), "wb") as messages, \
            harness.Background(*argv, stderr=messages, env=environment, cwd=folder) as service:
        await_port(service, port)
        with harness.Background(generator, *what, WORKERS) as load:
            before = progress(load, 1)
            with harness.attached(service.pid, trace, "-m", "64M") as recorder:
                during = progress(load, SECONDS)
                recorder.stop()
            after = progress(load, 1)
            assert recorder.result.status == 0, recorder.result
        assert service.process.poll() is None
        assert harness.breakpoints(service.pid) == []
    db = harness.database(trace)
    record_property("operations", str((before, during, after)))
    judge(db, record_property)
    harness.assert_checked(trace)


def judge(db, record_property):
    lost = harness.value(db, "SELECT lost_count FROM recording")
    counts = dict(harness.rows(db, "SELECT event, count(*) FROM transition_named GROUP BY 1"))
    record_property("transitions", str(sum(counts.values())))
    record_property("goroutines", str(harness.value(db, "SELECT count(*) FROM goroutine")))
    record_property("lost", str(lost))
    assert min(counts.get(e, 0) for e in ("park", "ready", "exec", "net")) > 100, counts
    assert harness.value(db, "SELECT damage_count FROM recording") == 0
    if lost:
        # Said, and every answer that rests on it is marked; the rest of the checks is for whole recordings.
        assert harness.value(db, "SELECT coalesce(sum(count), 0) FROM lost") == lost
        pytest.skip(f"{lost} records lost on this busy machine")
    assert harness.rows(db, "SELECT * FROM transition_named WHERE flags & 1 LIMIT 5") == []
    assert harness.rows(db, "SELECT anomaly.* FROM anomaly JOIN anomaly_kind ON name = kind WHERE severity = 'error' LIMIT 5") == []
    # After the first snapshot nobody's state is unknown.
    (seen,) = harness.rows(db, "SELECT end_ns, goroutine_count, unstable_count FROM snapshot WHERE kind = 'start'")
    record_property("snapshot", str(seen))
    assert seen[1] >= WORKERS
    unknown = harness.rows(db, "SELECT goid, start_ns - ?, end_ns - ? FROM interval_named WHERE state = 'unknown'"
                               " AND (end_ns IS NULL OR end_ns > ?) LIMIT 5", seen[0], seen[0], seen[0])
    record_property("unknown", str(len(unknown)))
    assert unknown == [], unknown
