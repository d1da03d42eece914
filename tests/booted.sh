#!/usr/bin/env bash
# Boots a small Debian with systemd in a container, installs the service in it as a package would,
# and watches it: start, status, journal, reload, crash, hang, stop. The other side is the simulated
# Mattermost, the directory an LDIF file; the container has no network but its own loopback.
#
# Needs root. The system that is booted is made once, in $XDG_CACHE_HOME or /var/tmp.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."

[ "$(id -u)" -eq 0 ] || {
    echo 'tests/booted.sh starts a container, which only root can do.' >&2
    exit 1
}

readonly PEOPLE=12
readonly WATCHDOG_S=6
# What systemd allows between SIGTERM and SIGKILL does not matter: the service needs no more than this.
readonly STOP_S=5
readonly INITIAL_PASSWORD='Rain-over-Cadenabbia-1948'
# Kinds of events, see src/observe/events.rs.
readonly STARTED=0c3a2f6f1f0e4b0d9a41c8d6b7e25f10
readonly STEP_DONE=71f5d3a80b2c4696b7e490d3ac15f284
readonly RELOADED=a94d07c2e86b4f3fb15a2c7de0938f41
readonly RELOAD_FAILED=e2706b1c94d84e57a8c36f05d1b92a73

# The same release as here, so that what was built here runs there.
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
cache="${XDG_CACHE_HOME:-/var/tmp}/mattersync-tests"
work=$(mktemp -d /var/tmp/mattersync-booted.XXXXXX)
box="$work/root"
container=
leader=

# shellcheck source=booted/box.sh
. "$here/booted/box.sh"
trap close_box EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- words ---

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    if [ -n "$leader" ]; then
        inside systemctl status --no-pager --lines=0 mattersync.service >&2 || true
        inside journalctl --no-pager --lines=60 -o short-monotonic >&2 || true
    fi
    exit 1
}

ok() {
    printf 'ok  %s\n' "$*"
}

# expect WHAT ACTUAL EXPECTED
expect() {
    [ "$2" = "$3" ] || fail "$1: \"$2\" instead of \"$3\""
    ok "$1"
}

# await SECONDS WHAT COMMAND...: until the command succeeds.
await() {
    local limit=$1 what=$2 until=$((SECONDS + $1))
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || fail "not within $limit s: $what"
        sleep 0.2
    done
    ok "$what"
}

# When the journal got its first entry with these fields, in microseconds since the boot.
moment() {
    inside journalctl --quiet -o json "$@" |
        sed -n '1s/.*"__MONOTONIC_TIMESTAMP" *: *"\([0-9]*\)".*/\1/p'
}

property() {
    inside systemctl show --value -p "$1" mattersync.service
}

says() {
    [[ "$(property StatusText)" == *"$1"* ]]
}

# as USER COMMAND...: runs the command in the container as somebody.
as() {
    inside setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"
}

# How many entries the service has written with these fields (in JSON each is one line).
entries() {
    inside journalctl --quiet -o json -u mattersync.service "$@" | wc -l
}

has_entries() {
    [ "$(entries "${@:2}")" -eq "$1" ]
}

# What the program itself says, to root, of a finished cycle after the start of this process.
has_cycled() {
    says "last " && says "$PEOPLE accounts"
}

is_another_process() {
    local now
    now=$(property MainPID)
    [ "$now" != 0 ] && [ "$now" != "$1" ] && [ "$(property ActiveState)" = active ]
}

simulator_has() {
    # shellcheck disable=SC2016 # the inner shell's
    inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/8065 &&
        printf "GET /api/v4/users/username/%s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n" "$1" "$2" >&3 &&
        head -n 1 <&3' - "$1" "$token" | grep -q ' 200 '
}

of_process() {
    inside sed -n "s/^$1:\?[[:space:]]\+//p" "/proc/$pid/$2"
}

# --- the test ---

made_system "$suite" "$cache"
# With the tests, for which the program is built anyway: alone it would be another build.
cargo build --locked --workspace --bins --tests
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
install_box "$target/debug"
boot
ok "booted $(inside systemctl --version | head -n 1)"

# The simulator has the same token each time, so it can say it and go again.
inside systemctl start mattermost-sim.service
await 20 'the simulator runs' inside grep -q '^token ' /run/mattermost-sim.out
token=$(inside sed -n 's/^token *//p' /run/mattermost-sim.out)
[ ${#token} -eq 26 ] || fail "the simulator's token is \"$token\""
inside systemctl stop mattermost-sim.service
printf '%s\n' "$token" >"$work/token"
install -m 600 "$work/token" "$box/etc/mattersync/mattermost.secret"

# Ready is the service when it stands, whether or not Mattermost does.
inside systemctl enable --quiet --now mattersync.service || fail 'the service does not start'
expect 'it is active without a Mattermost' "$(property ActiveState)/$(property SubState)" active/running
[ "$(moment "MESSAGE_ID=$STARTED")" -lt "$(moment _PID=1 UNIT=mattersync.service JOB_RESULT=done)" ] ||
    fail 'systemd took it for started before it said so'
ok 'systemd waited until it was up'
await 30 'the status says what is wrong' says degraded
expect 'and nothing about the unit' "$(inside journalctl --quiet -o cat _PID=1 PRIORITY=4 UNIT=mattersync.service)" ''
expect 'it was not restarted' "$(property NRestarts)" 0
pid=$(property MainPID)

# The sandbox is there, and nothing in it is missed.
expect 'it runs as its own user' "$(of_process Uid status | cut -f1)" "$(inside id -u mattersync)"
expect 'it has no capabilities' "$(of_process CapEff status)" 0000000000000000
expect 'it cannot get privileges' "$(of_process NoNewPrivs status)" 1
expect 'its system calls are filtered' "$(of_process Seccomp status)" 2
expect 'it dumps no core' "$(of_process 'Max core file size' limits | tr -s ' ')" '0 0 bytes '
expect 'only it sees its state' "$(inside stat -c '%a %U' /var/lib/mattersync)" '700 mattersync'
expect 'its group may use the control socket' \
    "$(inside stat -c '%a %U %G' /run/mattersync/control.sock)" '660 mattersync mattersync'

# The first fill, and its record.
inside systemctl start mattermost-sim.service
await 20 'the simulator runs again' inside bash -c ': </dev/tcp/127.0.0.1/8065' 2>/dev/null
inside systemctl kill --kill-who=main --signal=USR1 mattersync.service
created=(SYNC_ACTION=create SYNC_RESULT=done "MESSAGE_ID=$STEP_DONE" PRIORITY=6 SYSLOG_IDENTIFIER=mattersync)
await 60 'SIGUSR1 starts a cycle that creates everybody, and the journal says whom' \
    has_entries "$PEOPLE" "${created[@]}"
expect 'each can be found by name' "$(entries "${created[@]}" MM_USERNAME=person17)" 1
expect 'and by DN' "$(entries "${created[@]}" 'LDAP_DN=uid=person17,ou=People,dc=directory,dc=nh')" 1
await 30 'the status tells of the cycle' has_cycled
await 5 'the users are on Mattermost' simulator_has person17
! simulator_has person99 || fail 'the simulator says yes to everything'

# The control socket: for root and the group, and the kernel says who calls.
inside useradd --groups mattersync auditor
inside useradd stranger
as auditor mattersync status >"$work/said" 2>&1 || fail "a member of the group is refused: $(cat "$work/said")"
ok 'a member of the group may ask for the status'
! as stranger mattersync status >"$work/said" 2>&1 || fail "a stranger may ask for the status: $(cat "$work/said")"
ok "a stranger may not: $(tail -n 1 "$work/said")"
inside mattersync plan >"$work/said" 2>&1 || fail "root gets no plan: $(cat "$work/said")"
ok 'root gets a plan'
as auditor mattersync deactivate person10 >"$work/said" 2>&1 || fail "no deactivation: $(cat "$work/said")"
expect 'who deactivated somebody is in the journal' "$(inside journalctl --quiet -o cat \
    -u mattersync.service SYNC_ACTION=deactivate SYNC_RESULT=done MM_USERNAME=person10 | grep -c auditor)" 1

# Reload.
cp "$box/etc/mattersync/config.toml" "$work/config.toml"
printf '[scheduel]\ninterval = "1m"\n' >>"$box/etc/mattersync/config.toml"
inside systemctl reload mattersync.service
await 10 'a bad configuration is refused' has_entries 1 "MESSAGE_ID=$RELOAD_FAILED" PRIORITY=3
cp "$work/config.toml" "$box/etc/mattersync/config.toml"
expect 'and the service goes on' "$(property ActiveState) $(property MainPID)" "active $pid"
inside systemctl reload mattersync.service
await 10 'a good one is taken' has_entries 1 "MESSAGE_ID=$RELOADED"
expect 'by the same process' "$(property ActiveState) $(property MainPID)" "active $pid"

# A crash and a hang.
inside systemctl kill --kill-who=main --signal=KILL mattersync.service
await 20 'after a crash it is started again' is_another_process "$pid"
pid=$(property MainPID)
await 30 'and finishes a cycle' has_cycled
begun=$SECONDS
inside systemctl kill --kill-who=main --signal=STOP mattersync.service
await 40 'when it hangs it is started again' is_another_process "$pid"
[ $((SECONDS - begun)) -ge $((WATCHDOG_S / 2)) ] || fail 'but too early: that was no watchdog'
expect 'because of the watchdog' \
    "$(inside journalctl --quiet -o cat _PID=1 | grep -c 'mattersync.service: Watchdog timeout')" 1
expect 'and each was counted' "$(property NRestarts)" 2
pid=$(property MainPID)
await 30 'it finishes a cycle again' has_cycled
expect 'nobody was created twice' "$(entries SYNC_ACTION=create)" "$PEOPLE"
sleep $((WATCHDOG_S * 2))
expect 'an idle service is not taken for a hanging one' "$(property MainPID)" "$pid"

# The end.
begun=$(date +%s%N)
inside systemctl stop mattersync.service
took=$((($(date +%s%N) - begun) / 1000000))
[ "$took" -le $((STOP_S * 1000)) ] || fail "stopping took $took ms"
ok "it stops in $took ms"
expect 'and ends well' "$(property ActiveState) $(property Result) $(property ExecMainStatus)" 'inactive success 0'

# Root, for a NethServer 7: the drop-in alone makes the state root's, and commands work as root.
install -m 644 systemd/examples/40-nethserver7-root.conf "$box/etc/systemd/system/mattersync.service.d/"
inside systemctl daemon-reload
inside systemctl start mattersync.service || fail 'with the drop-in for root it does not start'
pid=$(property MainPID)
expect 'with the drop-in it runs as root' "$(of_process Uid status | cut -f1) $(of_process Gid status | cut -f1)" '0 0'
expect 'still without capabilities' "$(of_process CapEff status)" 0000000000000000
expect 'the state is root'\''s' "$(inside find /var/lib/mattersync ! -user root -o ! -group root)" ''
await 30 'it finishes a cycle as root' has_cycled
inside mattersync status >"$work/said" 2>&1 || fail "root gets no status: $(cat "$work/said")"
inside systemctl stop mattersync.service
inside mattersync history >"$work/said" 2>&1 || fail "root cannot ask alone: $(cat "$work/said")"
! grep -q 'as the user' "$work/said" || fail "root does not work as root: $(cat "$work/said")"
ok 'and so do commands'

# Nothing secret was said.
inside journalctl --quiet -o export >"$work/journal"
grep -q person17 "$work/journal" || fail 'the journal cannot be searched'
for secret in "$token" "$INITIAL_PASSWORD"; do
    ! grep -aq -- "$secret" "$work/journal" || fail 'the journal has a secret in it'
done
ok 'the journal has no secret in it'
