#!/usr/bin/env bash
# Checks everything: formatting, lints, documentation, the systemd files, every test, the demo, and
# the service in a booted systemd. Installs what is missing and says what. Stops at the first failure.
#
# Needs Debian 12 or something like it, Rust and a C compiler. As root everything runs; as another
# user what needs root is left out, named, and not counted as passed.
#
# Ends with 0: everything ran and passed. 1: something failed. 3: what ran passed, but something
# was left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly NOT_ALL_RAN=3
# A C compiler, for what the crates bring in C; OpenLDAP and Samba AD, which the tests start
# themselves; a small disk that is full, in a mount namespace; systemd, to check the unit, and what
# it takes to boot it in a container.
readonly PACKAGES=(
    gcc libc6-dev
    slapd ldap-utils
    samba samba-ad-provision samba-dsdb-modules samba-vfs-modules ldb-tools
    openssl ca-certificates
    util-linux mount
    systemd systemd-container debootstrap procps
)
readonly POLICY=/usr/sbin/policy-rc.d

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
# A build that nobody changes and builds again needs neither; together they are a quarter of its time.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
work=$(mktemp -d)
child=
beside=
policy_is_ours=
summary=()
left_out=()
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)

cleanup() {
    [ -z "$child" ] || kill -s TERM "$child" 2>/dev/null || true
    [ -z "$beside" ] || kill -s TERM "$beside" 2>/dev/null || true
    [ -z "$policy_is_ours" ] || "${as_root[@]}" rm -f -- "$POLICY"
    rm -rf -- "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# part NAME SECONDS COMMAND...: runs the command without input, for at most so long. Its output is
# shown, and kept in $work/log.
part() {
    local name=$1 limit=$2 status=0 begun=$SECONDS
    shift 2
    printf '\n=== %s\n' "$name"
    : >"$work/log"
    timeout --kill-after=20 "$limit" "$@" </dev/null >"$work/log" 2>&1 &
    child=$!
    # In the background too: only while it waits can this shell be told to end.
    tail -n +1 -f -s 0.2 --pid="$child" "$work/log" &
    wait "$child" || status=$?
    child=
    wait $! || true
    judge "$name" "$limit" "$status" "$begun" "$@"
}

# judge NAME SECONDS STATUS BEGUN COMMAND...: notes that the command passed, or ends everything.
judge() {
    local name=$1 limit=$2 status=$3 begun=$4
    shift 4
    case $status in
        0) summary+=("$(printf 'passed %5d s  %s' $((SECONDS - begun)) "$name")") ;;
        124 | 137) die "FAILED: $name: not done within $limit s ($*)" ;;
        *) die "FAILED: $name: ended with $status ($*)" ;;
    esac
}

# begin SECONDS COMMAND...: starts the command beside what comes next, which goes before it.
begin() {
    beside_limit=$1 beside_begun=$SECONDS
    shift
    beside_command=("$@")
    nice -n 19 timeout --kill-after=20 "$beside_limit" "$@" </dev/null >"$work/beside" 2>&1 &
    beside=$!
}

# finish NAME: waits for what was begun, and shows what it printed.
finish() {
    local status=0
    printf '\n=== %s\n' "$1"
    wait "$beside" || status=$?
    beside=
    mv "$work/beside" "$work/log"
    cat "$work/log"
    judge "$1" "$beside_limit" "$status" "$beside_begun" "${beside_command[@]}"
}

leave_out() {
    left_out+=("$1")
    printf '\n=== NOT RUN: %s\n' "$1"
}

install_packages() {
    local missing=() package
    for package in "${PACKAGES[@]}"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! "${as_root[@]}" true 2>/dev/null; then
        die "Packages are missing, and only root can install them:
    sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
    printf 'Installing what the tests need: %s\n' "${missing[*]}"
    # The tests start servers of their own; Debian's would sit on their ports.
    if [ ! -e "$POLICY" ]; then
        policy_is_ours=yes
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$POLICY" >/dev/null
        "${as_root[@]}" chmod 755 "$POLICY"
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
    part 'package lists' 300 "${apt[@]}" update
    part 'packages' 900 "${apt[@]}" install --no-install-recommends "${missing[@]}"
    if [ -n "$policy_is_ours" ]; then
        "${as_root[@]}" rm -f -- "$POLICY"
        policy_is_ours=
    fi
    if [ -d /run/systemd/system ]; then
        printf 'Note: the services of slapd and samba were not started now; disable them if they should not start at the next boot.\n'
    fi
}

install_components() {
    command -v cargo >/dev/null || die 'cargo is missing: install Rust, see https://rustup.rs'
    local component
    for component in rustfmt clippy; do
        ! cargo "${component#rust}" --version >/dev/null 2>&1 || continue
        printf 'Installing the Rust component %s\n' "$component"
        command -v rustup >/dev/null ||
            die "cargo ${component#rust} is missing: install the component $component of your Rust"
        part "component $component" 300 rustup component add "$component"
    done
}

# The tests' own numbers, summed up. One that was ignored has not passed.
count_tests() {
    local passed=0 ignored=0 p i
    while read -r p i; do
        passed=$((passed + p)) ignored=$((ignored + i))
    done < <(sed -n 's/^test result: .* \([0-9]*\) passed; .* \([0-9]*\) ignored;.*/\1 \2/p' "$work/log")
    [ "$passed" -gt 0 ] || die "FAILED: no test ran"
    [ "$ignored" -eq 0 ] || die "FAILED: $ignored test(s) are ignored, which is not passing"
    summary[-1]+=" ($passed passed)"
}

install_packages
install_components

part 'formatting' 60 cargo fmt --all --check
part 'systemd files' 60 bash tests/systemd.sh
part 'lints' 900 cargo clippy --locked --workspace --all-targets -- -D warnings
# With its rooms closed the compiler finds what only tests use, or nobody.
part 'dead code' 300 cargo clippy --locked --lib --bins -- -D warnings
part 'documentation' 600 env RUSTDOCFLAGS='-D warnings' \
    cargo doc --locked --workspace --no-deps --document-private-items

part 'the demo' 300 cargo run --locked --example demo
part 'the tests are built' 900 cargo test --locked --workspace --no-run

# The histories have a part of their own: they only compute, while the others mostly wait.
tests=(cargo test --locked --workspace -- --skip histories_keep_the_promises)
if ! unshare -rm mount -t tmpfs none /mnt 2>/dev/null; then
    tests+=(--skip edge_90_a_full_disk)
    leave_out 'the test with a full disk: this machine lets nobody mount one in a namespace (unshare -rm)'
fi
begin 1500 env HISTORIES=1150 cargo test --locked --test histories -- --nocapture
if [ "$(id -u)" -eq 0 ]; then
    part 'tests' 1500 "${tests[@]}"
    count_tests
    part 'the service in a booted systemd' 600 bash tests/booted.sh
else
    part 'tests without Samba' 1500 "${tests[@]}" --skip samba --skip first_evening
    count_tests
    leave_out 'the tests with a Samba domain controller, whose ports only root may open'
    leave_out 'the page of the first evening, whose commands root types'
    leave_out 'the service in a booted systemd: a container needs root'
fi
finish 'histories'
count_tests

printf '\n'
printf '%s\n' "${summary[@]}"
if [ ${#left_out[@]} -gt 0 ]; then
    printf 'NOT RUN         %s\n' "${left_out[@]}"
    exit "$NOT_ALL_RAN"
fi
printf 'Everything ran and passed, in %d s.\n' "$SECONDS"
