"""Loading: gotape-replay beside Go's trace viewer and perf script, each with a recording of the same service under the same load,
and beside SQLite's own speed with the same rows. Events differ in kind from tool to tool; each is given its own."""

import json
import os

import probes
from figure import Failed, Skipped, each, interleave, pick, ratio
from programs import REPLAY, TOOLS, Program, Service, await_perf, go_events, go_tool, need, perf_samples, recorder, run
from worst import WARM_UP, learn, perf_command

NAME, TITLE = "load", "loading a recording"

LARGE = 100_000_000
OURS, SYNTHETIC = "gotape-replay load", "gotape-replay load, synthetic trace"
GO_VIEWER, SCRIPT, INSERT = "go tool trace, until it serves", "perf script", "bare INSERT of the same rows"


def record_ours(folder, seconds, rate):
    with Service() as service:
        service.load(WARM_UP)
        with Program(recorder("-v", "--detail", "sched", "-o", folder / "load.gotape", "-p", service.pid)) as tool:
            tool.await_words("armed")
            service.load(seconds, rate)
            tool.interrupt()


def record_peers(folder, seconds, rate):
    with Service("-gotrace", folder / "load.trace") as service:
        service.load(seconds, rate)
        service.stop()
    probe_set = learn(folder, "--detail", "sched")
    with probes.defined(probe_set) as group, Service() as service:
        service.load(WARM_UP)
        with Program(perf_command(folder / "load.data", group, list(probe_set.probes), service.pid)) as tool:
            await_perf(tool)
            service.load(seconds, rate)
            tool.interrupt()


def load_ours(folder, name):
    trace, database = folder / f"{name}.gotape", folder / f"{name}.db"
    # 3: loaded, but something in the recording is doubtful. That does not change how fast it loads.
    usage = run(REPLAY, "load", "--force", trace, "-o", database, timeout=1800, accepted=(0, 3))
    events = int(run(REPLAY, "sql", database, "SELECT event_count FROM recording", "--format", "csv", accepted=(0, 3)).out.split()[-1])
    return {"seconds": usage.seconds, "rss": usage.rss_mib, "events": events, "rate": events / usage.seconds,
            "core_rate": events / usage.cpu, "bytes": database.stat().st_size / events}


def load_go(folder, events):
    environment = dict(os.environ, BROWSER="true")
    with Program([go_tool(), "-http=127.0.0.1:0", folder / "load.trace"], env=environment) as viewer:
        viewer.await_words("listening on", 300)
        seconds = viewer.age()
        rss = viewer.interrupt().rss_mib
    return {"seconds": seconds, "rss": rss, "events": events, "rate": events / seconds}


def load_perf(folder, events):
    usage = run(need("perf"), "script", "-i", folder / "load.data", discard=True, timeout=600)
    return {"seconds": usage.seconds, "rss": usage.rss_mib, "events": events, "rate": events / usage.seconds}


def load_bare(folder, events):
    program = TOOLS / "bare_insert"
    if not os.access(program, os.X_OK):
        raise Skipped("tools/bare_insert is not built")
    if not (folder / "load.db").exists():
        load_ours(folder, "load")
    usage = run(program, folder / "load.db", folder / "bare.db", timeout=600)
    seconds = json.loads(usage.out)["seconds"]  # of inserting; it reads the rows in between
    return {"seconds": seconds, "rss": usage.rss_mib, "events": events, "rate": events / seconds}


def synthesize(folder, name, events):
    run(TOOLS / "trace_synth", "--events", str(events), "-o", folder / f"{name}.gotape", timeout=1200)


def recordings(plan):
    """Records the service with all tools; the events of each."""
    folder, seconds = plan.folder, 2 * plan.service_seconds
    record_ours(folder, 1, 0)
    with Service() as service:
        service.load(WARM_UP)
        rate = service.load(1)["requests_per_second"] / 3
    record_ours(folder, seconds, rate)
    record_peers(folder, seconds, rate)
    return {"ours": load_ours(folder, "load")["events"], "go": go_events(folder / "load.trace"),
            "perf": perf_samples(folder / "load.data")["events"]}


def measure(figure, plan):
    folder = plan.folder
    events = recordings(plan)
    synthesize(folder, "synthetic", 400_000 if plan.quick else 4_000_000)
    modes = {OURS: lambda: load_ours(folder, "load"), SYNTHETIC: lambda: load_ours(folder, "synthetic"),
             GO_VIEWER: lambda: load_go(folder, events["go"]), SCRIPT: lambda: load_perf(folder, events["perf"]),
             INSERT: lambda: load_bare(folder, events["ours"])}
    samples = interleave(figure, modes, min(3, plan.rounds))
    if plan.large:
        samples["large"] = [load_large(figure, folder)]
    report(figure, samples)


def load_large(figure, folder):
    try:
        synthesize(folder, "large", LARGE)
        result = load_ours(folder, "large")
    except Failed as reason:
        figure.fail("a trace of 100 million events", reason)
        return None
    finally:
        for suffix in ("gotape", "db"):
            (folder / f"large.{suffix}").unlink(missing_ok=True)
    figure.row("100 million events: load", [result["seconds"]], "s")
    return result


def report(figure, samples):
    for mode, values in samples.items():
        figure.row(mode, pick(values, "rate"), "events/s")
        figure.row(f"{mode}: peak memory", pick(values, "rss"), "MiB")
        figure.row(f"{mode}: events", pick(values, "events"), "")
    for mode in (OURS, SYNTHETIC):
        figure.row(f"{mode}: database", pick(samples[mode], "bytes"), "bytes/event")
    rates = {mode: pick(values, "rate") for mode, values in samples.items()}
    figure.goal("events/s: ours / go tool trace", ratio(rates[OURS], rates[GO_VIEWER]), ">=", 3)
    figure.goal("events/s: ours / bare INSERT of the same rows", ratio(rates[OURS], rates[INSERT]), ">=", 0.5)
    for mode, what in ((OURS, "recording of the service"), (SYNTHETIC, "synthetic trace")):
        figure.goal(f"events a second of CPU time, {what}", each(lambda r: r / 1e6, pick(samples[mode], "core_rate")), ">=", 1, "million/s")
    for mode in (OURS, SYNTHETIC, *(["large"] if "large" in samples else [])):
        figure.goal(f"peak memory: {mode}", pick(samples[mode], "rss"), "<=", 300, "MiB")
        figure.goal(f"database: {mode}", pick(samples[mode], "bytes"), "<=", 40, "bytes/event")
