# What tests/run, tools/demo and tools/bench share: packages, a Go toolchain, tracefs, builds. Sourced by bash, not run.
#
# Everything that needs no rights runs as the owner of the source tree, so that nothing in it comes to belong to root; only
# the package manager and the recorder run as root. apt is asked only for what is missing.

setup_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1
setup_apt_updated=no

say() { printf '== %s\n' "$*"; }
warn() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { warn "$*"; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }

# The owner of the tree, by number and, where the account is known, by name and home.
setup_owner() {
    owner_uid=$(stat -c %u "$setup_root")
    owner_gid=$(stat -c %g "$setup_root")
    local entry
    entry=$(getent passwd "$owner_uid" || true)
    owner_name=$(printf %s "$entry" | cut -d: -f1)
    owner_home=$(printf %s "$entry" | cut -d: -f6)
    # sudo leaves root's or the user's home, as configured: only the account's own is right for caches.
    if is_root && [ "$owner_uid" != 0 ] && { [ -z "$owner_home" ] || [ ! -d "$owner_home" ]; }; then
        owner_home=$setup_root/build/home
    fi
}

# Runs a command as the tree's owner: directly, or with root's rights given up.
as_owner() {
    if ! is_root || [ "$owner_uid" = 0 ]; then
        "$@"
        return
    fi
    local groups=(--clear-groups)
    [ -n "$owner_name" ] && groups=(--init-groups)
    setpriv --reuid="$owner_uid" --regid="$owner_gid" "${groups[@]}" -- \
        env HOME="$owner_home" USER="${owner_name:-$owner_uid}" LOGNAME="${owner_name:-$owner_uid}" "$@"
}

# Gives files of the tree that root made after all back to its owner.
give_back() {
    if is_root && [ "$owner_uid" != 0 ]; then
        find "$setup_root" -xdev -uid 0 -exec chown -h "$owner_uid:$owner_gid" {} +
    fi
}

# need_packages PACKAGE…: installs those that are missing; without root says which and fails.
need_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || { warn "not a Debian or Ubuntu system: expecting to find $*"; return 0; }
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    if ! is_root; then
        warn "missing packages: ${missing[*]}"
        warn "install them by: apt-get install ${missing[*]}   (or run this as root, which does)"
        return 1
    fi
    say "installing ${missing[*]}"
    apt_update && apt_install "${missing[@]}"
}

apt_update() {
    [ $setup_apt_updated = yes ] && return 0
    apt-get -qq -o DPkg::Lock::Timeout=120 update || warn "apt-get update failed: trying with what is known"
    setup_apt_updated=yes
}

apt_install() {
    apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null
}

need_build_packages() {
    need_packages gcc libc6-dev cmake ninja-build pkg-config libtraceevent-dev libelf-dev libdw-dev libsqlite3-dev \
        libzstd-dev ca-certificates util-linux "$@"
}

# Is $1 a Go of at least 1.21?
go_is_recent() {
    local version
    version=$(cd / && GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 21 ]
}

# Sets $go to a Go command; sudo's PATH does not know the usual places.
find_go() {
    local candidate
    for candidate in "$(command -v go || true)" /usr/local/go/bin/go "${owner_home:-$HOME}"/sdk/go*/bin/go /usr/lib/go-1.*/bin/go \
        /snap/bin/go; do
        if [ -x "$candidate" ] && go_is_recent "$candidate"; then
            go=$candidate
            return 0
        fi
    done
    return 1
}

# Finds or installs Go; sets $go, or leaves it empty and says why. Never fails: what needs Go is skipped.
need_go() {
    go=
    find_go && return 0
    is_root || { warn "no Go 1.21 or newer found (root can install one)"; return 0; }
    command -v apt-get >/dev/null || { warn "no Go 1.21 or newer found"; return 0; }
    apt_update
    local candidate
    candidate=$(apt-cache policy golang-go | sed -n 's/^ *Candidate: \(.*:\)\?//p')
    if dpkg --compare-versions "${candidate:-0}" ge 1.21; then
        say "installing golang-go $candidate"
        apt_install golang-go
    else
        install_go_from_backports
    fi
    find_go || warn "no Go 1.21 or newer could be installed"
    return 0
}

install_go_from_backports() {
    local id codename list=/etc/apt/sources.list.d/gotape-backports.list
    id=$(. /etc/os-release && echo "$ID")
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ "$id" = debian ] && [ -n "$codename" ] || { warn "this distribution's Go is older than 1.21"; return 0; }
    if [ -z "$(apt-cache policy | grep "n=$codename-backports,")" ]; then
        say "enabling $codename-backports in $list, for Go"
        echo "deb http://deb.debian.org/debian $codename-backports main" >$list
        setup_apt_updated=no
        apt_update
    fi
    say "installing golang-go from $codename-backports"
    apt_install -t "$codename-backports" golang-go || true
}

# Mounts tracefs where it belongs, if nobody has.
need_tracefs() {
    is_root || return 0
    if [ ! -e /sys/kernel/tracing/uprobe_events ] && [ ! -e /sys/kernel/debug/tracing/uprobe_events ]; then
        mount -t tracefs nodev /sys/kernel/tracing 2>/dev/null || warn "tracefs cannot be mounted at /sys/kernel/tracing"
    fi
    return 0
}

# build PRESET [TARGET…]: configures and builds build/PRESET.
build() {
    local preset=$1
    shift
    say "building $preset"
    (
        cd "$setup_root" || exit 1
        # A build folder of somebody else's checkout, or of root's, cannot be reused.
        if [ -d build ] && is_root && [ "$owner_uid" != 0 ]; then chown -R "$owner_uid:$owner_gid" build; fi
        configured=$(as_owner cmake --preset "$preset" 2>&1) || { printf '%s\n' "$configured" >&2; exit 1; }
        as_owner ninja -C "build/$preset" --quiet "$@"
    )
}

# build_goprogs PROGRAM…: builds programs of tests/goprogs with the machine's Go into build/goprogs/default.
build_goprogs() {
    local packages=("${@/#/./}")
    as_owner mkdir -p "$setup_root/build/goprogs/default"
    (cd "$setup_root/tests/goprogs" && as_owner "$go" build -buildvcs=false -o "$setup_root/build/goprogs/default/" "${packages[@]}")
}

setup_owner
