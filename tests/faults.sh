#!/usr/bin/env bash
# Shows that the tests bite: plants each fault of tests/faults/*.patch in a scratch copy of this
# tree, builds the histories there and lives them until the first that breaks a promise. What no
# history can show names the test that does, in a line "Caught by: cargo test ARGUMENTS" of the
# patch: that test must pass without the fault and fail with it.
#
#   tests/faults.sh              all faults, and the tree without any
#   tests/faults.sh NAME...      only these (the file names without .patch)
#
# Set HISTORIES to live another number at most than 2,000 of each; HISTORIES_BASE to begin at
# another seed; CARGO_TARGET_DIR to build elsewhere than in target/faults (two gigabytes; a fault
# costs the build of one crate, the kit of the tests, and the test).
#
# A fault counts as caught only if the history that caught it keeps all promises without the fault.
# Tests that start OpenLDAP, Samba or another program need what tests/run.sh installs.
#
# Ends with 0: each was caught, and the tree without faults keeps all promises. 1: one was not
# caught, a patch does not apply or build, or the tree without faults fails too. 2: no such fault.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MOST=${HISTORIES:-2000}
readonly BASE=$((${HISTORIES_BASE:-0}))
# A fault that makes something wait for ever must not make this wait as well.
readonly LIMIT=3600
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/faults}
# What makes a build short and small.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0} CARGO_PROFILE_DEV_DEBUG=0
unset HISTORY HISTORIES HISTORIES_BASE HISTORIES_ALL
mkdir -p "$CARGO_TARGET_DIR"
CARGO_TARGET_DIR=$(cd "$CARGO_TARGET_DIR" && pwd)
# Always at the same place: the crates' paths are part of what cargo calls unchanged.
readonly TREE=$CARGO_TARGET_DIR/tree
readonly LOG=$CARGO_TARGET_DIR/log
readonly SOUND=$CARGO_TARGET_DIR/histories-sound
readonly FAULTY=$CARGO_TARGET_DIR/histories-faulty

failures=()
table=()

die() {
    printf '%s\n' "$*" >&2
    exit "${2:-1}"
}

# Makes the scratch copy equal to this tree. Only what differs is written, so that cargo builds
# only what depends on it; and it is written anew, so that cargo sees that it changed.
# mirror [PROGRAM]: with src/main.rs only if the program is wanted.
mirror() {
    local file program=${1:-}
    mkdir -p "$TREE"
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        # The histories need no program, and a program takes long to link.
        if [ ! -f "$file" ] || { [ -z "$program" ] && [ "$file" = src/main.rs ]; }; then
            continue
        fi
        cmp -s "$file" "$TREE/$file" || install -D -m "$(stat -c %a "$file")" "$file" "$TREE/$file"
    done
    (cd "$TREE" && find . -type f -print0) | while IFS= read -r -d '' file; do
        if [ ! -f "$file" ] || { [ -z "$program" ] && [ "$file" = ./src/main.rs ]; }; then
            rm -f -- "$TREE/$file"
        fi
    done
}

# build EXECUTABLE: builds the histories of the scratch copy.
build() {
    local built
    (cd "$TREE" && cargo test --locked --test histories --no-run --message-format=json) \
        >"$LOG.json" 2>"$LOG" || return
    built=$(sed -n 's/.*"executable":"\([^"]*\/histories-[^"]*\)".*/\1/p' "$LOG.json" | tail -n 1)
    cp -- "$built" "$1"
}

# live EXECUTABLE FROM MOST: lives so many histories. Prints the seed of the first that breaks a
# promise, the promise, and how; nothing if all keep them. Fails if they end in another way.
live() {
    local line
    if (cd "$TREE" && HISTORIES=$3 HISTORIES_BASE=$2 HISTORIES_SHRINK=0 \
        timeout --kill-after=20 "$LIMIT" "$1" --nocapture histories_keep_the_promises) \
        >"$LOG" 2>&1 </dev/null; then
        return 0
    fi
    line=$(sed -n 's/^seed \([0-9]*\): promise \([0-9]*\): \(.*\)$/\1 \2 \3/p' "$LOG" | head -n 1)
    [ -n "$line" ] || return 1
    printf '%s\n' "$line"
}

# keeps SEED: whether that history keeps all promises without a fault.
keeps() {
    (cd "$TREE" && HISTORY=$1 HISTORIES_SHRINK=0 timeout --kill-after=20 "$LIMIT" "$SOUND" \
        --nocapture histories_keep_the_promises) >"$LOG" 2>&1 </dev/null
}

# test_of NAME: the arguments of cargo test that name the test which catches it; empty if the
# histories do.
test_of() {
    sed -n 's/^Caught by: cargo test //p' "tests/faults/$1.patch"
}

# passes ARGUMENTS...: whether this test ran in the scratch copy and passed.
passes() {
    (cd "$TREE" && timeout --kill-after=20 "$LIMIT" cargo test --locked "$@") \
        >"$LOG" 2>&1 </dev/null && grep -q '^test result: ok\. [1-9]' "$LOG"
}

# row NAME ROOM AFTER PROMISE SECONDS
row() {
    local line
    printf -v line '%-46s %-9s %9s %8s %6s' "$@"
    table+=("$line")
    printf '%s\n' "$line"
}

# fault NAME: plants it and looks after how many histories, or by which test, it is caught.
fault() {
    local name=$1 patch=$PWD/tests/faults/$1.patch room begun from=$BASE seed promise what found
    local test=()
    read -ra test <<<"$(test_of "$name")"
    room=$(sed -n 's,^+++ b/src/\([a-z]*\)[/.].*,\1,p' "$patch" | head -n 1)
    begun=$SECONDS
    mirror "${test[*]}"
    if ! (cd "$TREE" && patch --quiet --force --fuzz=0 --strip=1 --no-backup-if-mismatch \
        <"$patch") >"$LOG" 2>&1; then
        cat "$LOG"
        failures+=("$name: the patch does not apply")
        row "$name" "$room" - - -
        return
    fi
    if [ ${#test[@]} -gt 0 ]; then
        if passes "${test[@]}"; then
            failures+=("$name: not caught by cargo test ${test[*]}")
            row "$name" "$room" never - $((SECONDS - begun))
        elif ! grep -q '^test result: FAILED' "$LOG"; then
            tail -n 40 "$LOG"
            failures+=("$name: the tree with it does not build, or the test did not end")
            row "$name" "$room" - - $((SECONDS - begun))
        else
            row "$name" "$room" test - $((SECONDS - begun))
            printf '    %s\n' "$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$LOG" | head -n 1)"
        fi
        return
    fi
    if ! build "$FAULTY"; then
        tail -n 40 "$LOG"
        failures+=("$name: the tree with it does not build")
        row "$name" "$room" - - -
        return
    fi
    begun=$SECONDS
    while [ $((from - BASE)) -lt "$MOST" ]; do
        if ! found=$(live "$FAULTY" "$from" $((MOST - from + BASE))); then
            tail -n 5 "$LOG"
            failures+=("$name: the histories ended without a word about a promise")
            row "$name" "$room" - - $((SECONDS - begun))
            return
        fi
        [ -n "$found" ] || break
        read -r seed promise what <<<"$found"
        if keeps "$seed"; then
            row "$name" "$room" $((seed - BASE + 1)) "$promise" $((SECONDS - begun))
            printf '    %s\n' "$what"
            return
        fi
        failures+=("seed $seed: fails without a fault too")
        from=$((seed + 1))
    done
    failures+=("$name: not caught by $MOST histories")
    row "$name" "$room" never - $((SECONDS - begun))
}

faults=("$@")
if [ ${#faults[@]} -eq 0 ]; then
    for patch in tests/faults/*.patch; do
        faults+=("$(basename "$patch" .patch)")
    done
fi
for name in "${faults[@]}"; do
    [ -f "tests/faults/$name.patch" ] || die "There is no tests/faults/$name.patch" 2
done
exec 9>"$CARGO_TARGET_DIR/lock"
flock --nonblock 9 || die "Another $0 is at work in $CARGO_TARGET_DIR"

# First what must hold without any fault.
mirror program
histories=
for name in "${faults[@]}"; do
    read -ra arguments <<<"$(test_of "$name")"
    if [ ${#arguments[@]} -eq 0 ]; then
        histories=yes
    elif ! passes "${arguments[@]}"; then
        tail -n 40 "$LOG"
        die "Without a fault, cargo test ${arguments[*]} does not pass."
    fi
done
mirror
if [ -n "$histories" ] && ! build "$SOUND"; then
    tail -n 40 "$LOG"
    die 'The tree without faults does not build.'
fi
row fault room caught-by promise seconds
for name in "${faults[@]}"; do
    fault "$name"
done
if [ $# -eq 0 ]; then
    begun=$SECONDS
    if ! found=$(live "$SOUND" "$BASE" "$MOST"); then
        tail -n 5 "$LOG"
        failures+=('without a fault: the histories ended without a word about a promise')
    elif [ -n "$found" ]; then
        failures+=("without a fault: seed $found")
    fi
    row 'none' - "${found:+seed }${found%% *}" - $((SECONDS - begun))
fi

printf '\n%s histories at most, from seed %s:\n' "$MOST" "$BASE"
printf '%s\n' "${table[@]}"
if [ ${#failures[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failures[@]}"
    exit 1
fi
printf 'All %d faults were caught.\n' ${#faults[@]}
