"""Kernels as Debian packages them, booted in qemu's software emulation with the programs under test in an initramfs.

Everything is kept below build/kernels: package lists, packages, kernel images, what the last run of each kernel brought. Nothing
is installed, and no right is needed: apt works on folders of its own.
"""

import base64
import contextlib
import fcntl
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build/kernels"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = {"debian": ["bullseye", "bookworm", "bookworm-backports", "trixie", "trixie-backports"],
           "debian-security": ["bullseye-security", "bookworm-security", "trixie-security"]}
NEWEST = "newest"
LISTS_AGE_S = 7 * 86400
BOOT_SECONDS = 600
BOOT_TRIES = 2  # of a kernel that does not come up at all
TOOLS = ["qemu-system-x86_64", "busybox", "cpio", "gzip", "apt-get", "dpkg-deb"]


class Missing(Exception):
    """What cannot be had here, and why."""


def missing_tools():
    """The reason why no guest can be started, or None."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"not installed: {' '.join(missing)} (qemu-system-x86 busybox-static cpio)"
    if not os.path.exists(KEYS):
        return f"no {KEYS} (debian-archive-keyring)"
    return None


# -- packages


def apt(command, *arguments, cwd=None):
    """apt on our own folders: the lists of several Debian releases, with nothing installed."""
    folder = HOME / "apt"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    lines = [f"deb [target=Packages arch=amd64 signed-by={KEYS}] http://deb.debian.org/{archive} {suite} main\n"
             for archive, suites in SOURCES.items() for suite in suites]
    (folder / "sources.list").write_text("".join(lines), encoding="utf-8")
    settings = {"Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "-", "Dir::State": folder / "state",
                "Dir::State::status": folder / "status", "Dir::Cache": folder / "cache", "APT::Architecture": "amd64",
                "APT::Architectures": "amd64", "APT::Sandbox::User": "root", "Acquire::Languages": "none",
                "Acquire::Check-Valid-Until": "false", "Acquire::Retries": "2"}
    (folder / "apt.conf").write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()), encoding="utf-8")
    return subprocess.run([command, *arguments], cwd=cwd, env=dict(os.environ, APT_CONFIG=str(folder / "apt.conf"), LC_ALL="C"),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)


def update_lists():
    stamp = HOME / "apt/updated"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_AGE_S:
        return
    # Of a release that is no longer served only its own kernels are missing.
    result = apt("apt-get", "-q", "update")
    if result.returncode == 0:
        stamp.touch()


def numbers(name):
    return [int(n) for n in re.findall(r"\d+", name.split("-cloud-")[0])]


def choose(names, series):
    """The newest package of a series ("6.1") or of all; None without any. From 6.19 the image is in linux-binary-*."""
    pattern = re.compile(r"linux-(image|binary)-(\d[^ ]*)-cloud-amd64")
    found = {}
    for name in names:
        match = pattern.fullmatch(name)
        if match and (series == NEWEST or re.match(re.escape(series) + r"\D", match[2])):
            found.setdefault(match[2], {})[match[1]] = name
    if not found:
        return None
    newest = found[max(found, key=numbers)]
    return newest.get("binary") or newest["image"]


def package_file(series):
    """The path of the newest package of a series, fetched unless it is there."""
    update_lists()
    packages = HOME / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    have = {path.name.split("_")[0]: path for path in packages.glob("*.deb")}
    listed = apt("apt-cache", "search", "--names-only", "^linux-(image|binary)-[0-9].*-cloud-amd64$")
    name = choose([line.split(" ")[0] for line in listed.stdout.splitlines()], series) or choose(have, series)
    if not name:
        raise Missing(f"no packaged kernel of series {series} is known (apt: {(listed.stderr.strip() or 'nothing listed')[-200:]})")
    if name not in have:
        fetched = apt("apt-get", "-q", "download", name, cwd=packages)
        have = {path.name.split("_")[0]: path for path in packages.glob("*.deb")}
        if name not in have:
            raise Missing(f"{name} cannot be fetched: {fetched.stderr.strip()[-200:]}")
    return have[name]


def image(series):
    """The path of a kernel image."""
    package = package_file(series)
    unpacked = HOME / "images" / package.name.split("_")[0]
    if not unpacked.exists():
        partial = unpacked.with_name(unpacked.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        contents = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, timeout=120, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(contents)) as archive:
            for member in archive:
                if re.search(r"/vmlinuz[^/]*$", member.name) and member.isfile():
                    (partial / "vmlinuz").write_bytes(archive.extractfile(member).read())
        partial.rename(unpacked)
    if not (unpacked / "vmlinuz").exists():
        raise Missing(f"{package.name} has no kernel image")
    return unpacked / "vmlinuz"


# -- the guest


def libraries(program):
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=30, check=False)
    return re.findall(r"(/\S+)", listed.stdout) if listed.returncode == 0 else []


def initramfs(programs, init=pathlib.Path(__file__).with_name("guest_init"), files=()):
    """Packs busybox, the programs with their libraries, the init script, and files that lie in / then."""
    root = HOME / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "bin").mkdir(parents=True)
    for program in [shutil.which("busybox"), *programs]:
        shutil.copy(program, root / "bin")
        for library in libraries(program):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    for file in files:
        shutil.copy(file, root)
    shutil.copy(init, root / "init")
    (root / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in [root, *sorted(root.rglob("*"))])
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "--owner=0:0"], cwd=root, input=names.encode(),
                            stdout=subprocess.PIPE, timeout=60, check=True).stdout
    path = HOME / "initramfs.gz"
    path.write_bytes(subprocess.run(["gzip", "-1"], input=packed, stdout=subprocess.PIPE, timeout=60, check=True).stdout)
    return path


@contextlib.contextmanager
def alone():
    """One guest at a time on this machine."""
    with open(HOME / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command):
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL)
    try:
        process.wait(BOOT_SECONDS)
    except subprocess.TimeoutExpired:
        pass  # what has come by now tells how far it got
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def boot(kernel, programs, folder, sign="launch", **contents):
    """Runs a guest to its end and unpacks what it sent into the folder. The console's text is kept in folder/console; a guest
    that did not say the sign there had not come up. More contents: see initramfs().

    Its processors take turns (thread=single). Emulated at the same time, Linux 6.18 now and then panics while it patches its
    own code ("Oops: int3" in __schedule): switching a tracepoint on and off by hand is enough for that. The kernel's check of
    its timer (no_timer_check) fails when this machine is busy.
    """
    folder.mkdir(parents=True)
    with alone():
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "2G", "-no-reboot",
                   "-display", "none", "-nic", "none", "-serial", f"file:{folder}/console", "-serial", f"file:{folder}/sent",
                   "-kernel", kernel, "-initrd", initramfs(programs, **contents), "-append", "console=ttyS0 panic=-1 quiet no_timer_check"]
        for _ in range(BOOT_TRIES):
            run(command)
            console = (folder / "console").read_text(encoding="utf-8", errors="replace")
            if sign in console:
                break
    text = (folder / "sent").read_text(encoding="ascii", errors="replace").replace("\r", "")
    if not text.endswith("END\n"):
        raise AssertionError(f"the guest did not come to its end:\n{console[-3000:]}")
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text[:-len("END\n")]))) as archive:
        archive.extractall(folder)
