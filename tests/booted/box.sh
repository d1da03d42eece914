# The container of tests/booted.sh: made, filled, booted, asked, closed. Sourced.
# Uses $work, $box, $container, $leader and the constants of its caller.

readonly BOOT_PATIENCE=90

# The directory that is read: $PEOPLE people.
people() {
    local i
    printf 'dn: ou=People,dc=directory,dc=nh\nobjectClass: organizationalUnit\nou: People\n\n'
    for i in $(seq 10 $((9 + PEOPLE))); do
        printf 'dn: uid=person%s,ou=People,dc=directory,dc=nh\n' "$i"
        printf 'objectClass: inetOrgPerson\nobjectClass: posixAccount\n'
        printf 'uid: person%s\ncn: Person %s\nsn: Number%s\ngivenName: Person\n' "$i" "$i" "$i"
        printf 'entryUUID: 00000000-0000-4000-8000-0000000000%s\n' "$i"
        printf 'mail: person%s@example.org\n\n' "$i"
    done
}

# made_system SUITE CACHE: a small Debian in CACHE/SUITE, made if it is not there. Another user could
# put anything into a directory in /var/tmp, and root would run it.
made_system() {
    local suite=$1 cache=$2
    mkdir -p -m 700 -- "$cache"
    [ -O "$cache" ] && [ ! -L "$cache" ] || die_box "$cache belongs to somebody else; remove it"
    system="$cache/$suite"
    exec 8>"$cache/lock"
    flock -w 300 8 || die_box "$cache/lock is held by another run"
    if [ ! -e "$system/etc/complete" ]; then
        echo "Making a small Debian $suite with systemd in $system (about a minute, once)"
        rm -rf -- "$system"
        debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus "$suite" "$system" >"$work/debootstrap.log" 2>&1 ||
            die_box "debootstrap failed: $(tail -n 20 "$work/debootstrap.log")"
        rm -rf -- "$system"/var/cache/apt/* "$system"/var/lib/apt/lists/* "$system"/usr/share/{doc,man,locale}/*
        touch "$system/etc/complete"
    fi
}

# install_box BINARIES: what a package would install, and what an administrator would write.
install_box() {
    local root=$box group
    cp -a -- "$system" "$root"
    flock -u 8
    install -m 755 "$1/mattersync" "$1/mattermost-sim" "$root/usr/bin/"
    install -m 644 systemd/mattersync.service "$root/usr/lib/systemd/system/mattersync.service"
    install -m 644 systemd/mattersync.sysusers "$root/usr/lib/sysusers.d/mattersync.conf"
    systemd-sysusers --root="$root"
    group=$(sed -n 's/^mattersync:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group")
    install -d -m 750 -g "$group" "$root/etc/mattersync"
    install -d -m 755 "$root/etc/systemd/system/mattersync.service.d"
    cat >"$root/etc/systemd/system/mattermost-sim.service" <<UNIT
[Service]
ExecStart=/usr/bin/mattermost-sim --version 11 --port 8065 --socket /run/mattermost-sim.socket
StandardOutput=file:/run/mattermost-sim.out
UNIT
    # The times of the unit, shorter; and a secret as a credential, as the unit's comments tell.
    cat >"$root/etc/systemd/system/mattersync.service.d/test.conf" <<UNIT
[Service]
RestartSec=1s
WatchdogSec=${WATCHDOG_S}s
LoadCredential=mattermost-token:/etc/mattersync/mattermost.secret
UNIT
    # By name, so that the resolver runs in the sandbox too.
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
    cat >"$root/etc/mattersync/config.toml" <<TOML
[[provider]]
kind = "ldif"
path = "/etc/mattersync/people.ldif"
schema = "rfc2307"
base = "ou=People,dc=directory,dc=nh"

[mattermost]
url = "http://localhost:8065"
token = { credential = "mattermost-token" }
initial-password = { file = "/etc/mattersync/initial-password.secret" }

[[team]]
display-name = "Example Org"

[schedule]
interval = "10s"
max-backoff = "10s"
TOML
    people >"$root/etc/mattersync/people.ldif"
    printf '%s\n' "$INITIAL_PASSWORD" >"$root/etc/mattersync/initial-password.secret"
    chmod 640 "$root"/etc/mattersync/*
    chgrp "$group" "$root"/etc/mattersync/*
}

# Boots the container and waits until it has.
boot() {
    local until=$((SECONDS + BOOT_PATIENCE)) state
    local options=(--register=no)
    # Without a systemd here there is nobody to ask for a scope.
    [ -d /run/systemd/system ] || options+=(--keep-unit)
    systemd-nspawn --quiet -D "$box" --machine="mattersync-$$" --private-network \
        "${options[@]}" --boot </dev/null >"$work/console" 2>&1 &
    container=$!
    while [ "$SECONDS" -lt "$until" ]; do
        kill -0 "$container" 2>/dev/null || break
        leader=$(pgrep -P "$container" | head -n 1 || true)
        if [ -n "$leader" ]; then
            state=$(inside systemctl is-system-running 2>/dev/null || true)
            case $state in running | degraded) return 0 ;; esac
        fi
        sleep 0.2
    done
    die_box "the container does not boot: $(tail -n 20 "$work/console")"
}

# Runs a command in the container, as root.
inside() {
    timeout --kill-after=5 60 nsenter --target "$leader" --all -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"
}

die_box() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# Ends the container, whatever state it is in, and removes what was made for this run.
close_box() {
    local status=$?
    if [ -n "$container" ] && kill -0 "$container" 2>/dev/null; then
        [ -z "$leader" ] || inside systemctl poweroff >/dev/null 2>&1 || true
        for _ in $(seq 100); do
            kill -0 "$container" 2>/dev/null || break
            sleep 0.1
        done
        kill -s KILL "$container" 2>/dev/null || true
        wait "$container" 2>/dev/null || true
    fi
    rm -rf -- "$work"
    exit "$status"
}
