#!/usr/bin/env bash
# Checks the systemd files: that systemd understands all of them, and that the sandbox of the unit,
# alone and with each example drop-in, is rated at most 1.5 (0 is locked up, 10 is open).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../systemd"

threshold=15 # systemd-analyze counts in tenths
notify_reload_since=253

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0
# "systemd 252 (252.39-1~deb12u2)" -> 252
version=$(systemd-analyze --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')

fail() {
    printf 'FAILED: %s\n' "$1" >&2
    failed=1
}

# What systemd says against the unit with this drop-in (or "none"): nothing, if all is well.
# The program need not be installed, so something that is stands in for it.
complaints() {
    rm -rf -- "$work"/*
    sed 's#^ExecStart=/usr/bin/mattersync #ExecStart=/bin/true #' mattersync.service >"$work/mattersync.service"
    mkdir "$work/mattersync.service.d"
    [ "$1" = none ] || cp -- "$1" "$work/mattersync.service.d/"
    systemd-analyze verify --man=no "$work/mattersync.service" 2>&1 || echo "systemd-analyze ended with $?"
}

check() {
    local said
    said=$(complaints "$1")
    if [ "${1##*/}" = 10-notify-reload.conf ] && [ "$version" -lt "$notify_reload_since" ]; then
        # Here the one thing to be said against it is that the type is not known yet.
        if [ "$(grep -vc 'ignoring: notify-reload$' <<<"$said")" -ne 0 ]; then
            fail "$1: $said"
        fi
        printf 'note: %s needs systemd %s; this is %s, so only its form was checked\n' \
            "$1" "$notify_reload_since" "$version"
    elif [ -n "$said" ]; then
        fail "$1: $said"
    fi
    if said=$(systemd-analyze security --no-pager --offline=yes --threshold="$threshold" "$work/mattersync.service" 2>&1); then
        printf '%-36s %s\n' "${1/none/mattersync.service}" "$(grep -o 'exposure level.*' <<<"$said")"
    else
        fail "$1: the sandbox is weaker than $threshold/10: $(grep '✗' <<<"$said")"
    fi
}

check none
for drop_in in examples/*.conf; do
    check "$drop_in"
done

# The account, in a root of its own.
mkdir -p "$work/root/etc" "$work/root/usr/lib/sysusers.d"
cp mattersync.sysusers "$work/root/usr/lib/sysusers.d/mattersync.conf"
if ! said=$(systemd-sysusers --root="$work/root" 2>&1); then
    fail "mattersync.sysusers: $said"
elif ! grep -q '^mattersync:.*:/var/lib/mattersync:/usr/sbin/nologin$' "$work/root/etc/passwd"; then
    fail "mattersync.sysusers makes no account without a shell: $(cat "$work/root/etc/passwd")"
fi

exit "$failed"
