# The end of a rollback script: `undo` above undoes the steps of this run.
#
#   sh rollback.sh          undoes the run; it may be killed and run again
#   sh rollback.sh watch    waits until the run ends, and undoes it unless it
#                           is confirmed
#   sh rollback.sh tidy     removes what stands beside the files
#
# Descriptor 8 is what commands print to, with a lock on it: it is free when
# none of them runs any more. Descriptor 9 is the lock of the host.

trap '' HUP
umask 077
journal=$dir/journal

say() {
    printf 'memsec: %s\n' "$*" >&2
}

# Something is left to do by hand.
left() {
    printf '%s\n' "$*" >>"$dir/left"
    say "NOT UNDONE: $*"
    failed=$((failed + 1))
}

flush() {
    sync "$@" 2>/dev/null || sync
}

# The first byte ends a line that a crash has cut.
note() {
    printf '\n%s\n' "$*" >>"$journal" && flush "$journal"
}

has() {
    grep -q -x "$1" "$journal"
}

# same PATH COPY: whether the file has the content of the copy; where there
# is no copy, whether there is no file
same() {
    if [ -e "$2" ]; then
        [ -f "$1" ] && [ "$(cat "$1" && echo x)" = "$(cat "$2" && echo x)" ]
    else
        [ ! -e "$1" ] && [ ! -L "$1" ]
    fi
}

# any PATH COPY...: whether the file is as one of the copies
any() {
    path=$1
    shift
    for copy in "$@"; do
        if same "$path" "$copy"; then
            return 0
        fi
    done
    return 1
}

# kept OLD COPY: makes sure that OLD, beside the file, is the old file. It is
# the file itself under a second name, or else a copy of it.
kept() {
    if [ -f "$1" ] && same "$1" "$2"; then
        return 0
    fi
    rm -f "$1" "$1.part"
    cp -a "$2" "$1.part" && flush "$1.part" && mv -f "$1.part" "$1"
}

# theirs N PATH: gives back somebody else's file, which we took away and were
# killed before we saw it. It stands where the new file stood.
theirs() {
    taken=${old%.old}.new
    if [ -f "$taken" ] && ! same "$taken" "$dir/before/$1" &&
        ! same "$taken" "$dir/after/$1"; then
        mv -f "$taken" "$2"
    fi
}

# file N PATH OLD COPY...: undoes what step N wrote
file() {
    n=$1 path=$2 old=$3
    shift 3
    if same "$path" "$dir/after/$n"; then
        theirs "$n" "$path"
    fi
    if same "$path" "$dir/before/$n"; then
        return
    fi
    if ! same "$path" "$dir/after/$n"; then
        any "$path" "$@" ||
            left "$path was changed since, so it stays; $dir/before/$n is" \
                "what it was"
        return
    fi
    if [ ! -e "$dir/before/$n" ]; then
        rm -f "$path" || left "remove $path"
    else
        { kept "$old" "$dir/before/$n" && mv -f "$old" "$path"; } ||
            left "copy $dir/before/$n to $path"
    fi
    flush "$(dirname "$path")"
}

# quiet COMMAND...: runs a command apart from this script
quiet() {
    limited=
    if command -v timeout >/dev/null; then
        limited="timeout -k 5 $limit"
    fi
    # shellcheck disable=SC2086
    env -i PATH="$PATH" LC_ALL=C HOME=/ $limited "$@" \
        </dev/null >&8 2>&8 8>&- 9>&-
}

run() {
    quiet "$@" || left "run: $*"
}

# held CHECK...: whether a step took hold. A check that is killed, hangs or
# cannot ask says nothing: then the step is undone as if it did.
held() {
    status=0
    quiet "$@" || status=$?
    if [ "$status" -ge 124 ]; then
        status=0
        quiet "$@" || status=$?
    fi
    [ "$status" = 0 ] || [ "$status" -ge 124 ]
}

# begun N: whether step N is to be undone
begun() {
    failures=$failed
    [ "$highest" -ge "$1" ] && ! has "skip $1"
}

# Whether the step is undone so far.
well() {
    [ "$failed" = "$failures" ]
}

# Ends what still prints to descriptor 8, as a command that hangs does.
end_commands() {
    say 'a command of the run has not ended: ending it'
    for link in /proc/[0-9]*/fd/[12]; do
        if [ "$(readlink "$link" 2>/dev/null)" = "$dir/output" ]; then
            pid=${link#/proc/}
            kill -9 "${pid%%/*}" 2>/dev/null
        fi
    done
    free_within 5 8 || say 'it goes on'
}

read_journal() {
    highest=0
    while read -r word number rest || [ -n "$word" ]; do
        case $word:$number in
        begin: | *:*[!0-9]*) ;;
        begin:*) [ "$number" -le "$highest" ] || highest=$number ;;
        esac
        word=
    done <"$journal"
}

# free_within SECONDS DESCRIPTOR: takes a lock. The flock of busybox has no -w.
free_within() {
    tenths=$(($1 * 10))
    until flock -n "$2"; do
        [ "$tenths" -gt 0 ] || return 1
        sleep 0.1 2>/dev/null || sleep 1
        tenths=$((tenths - 1))
    done
}

# take_locks [SECONDS]
take_locks() {
    exec 9>>"${dir%/*}/lock" || exit 2
    if [ $# = 0 ]; then
        flock 9 || exit 2
    elif ! free_within "$1" 9; then
        say 'another run has the lock'
        exit 3
    fi
    exec 8>>"$dir/output" || exit 2
    free_within "$limit" 8 || end_commands
}

roll_back() {
    if has rolled-back; then
        exit 0
    fi
    failed=0
    rm -f "$dir/left"
    note rolling-back || failed=1
    read_journal
    undo
    if [ "$failed" = 0 ]; then
        tidy
        note rolled-back && exit 0
    fi
    note rollback-failed
    say "the roll-back is not complete: see $dir/left and $dir/output"
    exit 1
}

# Waits for the confirmation; the host is free meanwhile. Who confirms can be
# killed before it has tidied up.
await() {
    exec 8>&- 9>&-
    seconds=$confirm
    while [ "$seconds" -gt 0 ]; do
        if has confirmed || has rolled-back; then
            break
        fi
        sleep 1
        seconds=$((seconds - 1))
    done
    take_locks
}

watch() {
    echo $$ >"$dir/armed"
    take_locks
    if has applied && ! has rolling-back && [ -n "$confirm" ]; then
        await
    fi
    if has confirmed; then
        tidy
        exit 0
    fi
    roll_back
}

[ -f "$journal" ] || exit 2
case ${1:-} in
watch) watch ;;
tidy) tidy ;;
*)
    take_locks 60
    roll_back
    ;;
esac
