#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# memcached -k under the command: it becomes ready, answers, and has at most a
# tenth of the memory resident that it has without the command.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/servers.sh
. "${srcdir:-.}/tests/servers.sh"

has memcached || skip 'memcached is not installed'
has python3 || skip 'python3, which speaks to its socket, is not installed'

cat >"$work/client.py" <<'PY'
import socket, sys

s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
f = s.makefile("rwb")

def say(text, *wanted):
    f.write(text)
    f.flush()
    for line in wanted:
        got = f.readline()
        if got != line:
            sys.exit("%r: wanted %r, got %r" % (text[:40], line, got))

big = b"x" * 500000
say(b"set a 0 0 5\r\nhello\r\n", b"STORED\r\n")
say(b"get a\r\n", b"VALUE a 0 5\r\n", b"hello\r\n", b"END\r\n")
say(b"set big 0 0 %d\r\n%s\r\n" % (len(big), big), b"STORED\r\n")
say(b"get big\r\n", b"VALUE big 0 %d\r\n" % len(big), big + b"\r\n", b"END\r\n")
say(b"delete a\r\n", b"DELETED\r\n")
say(b"get a\r\n", b"END\r\n")
PY

# serve LABEL PREFIX OPTION...: run memcached until it is ready. Sets resident,
# in kB.
serve() {
	label=$1 prefix=$2
	shift 2
	rm -f "$dir/socket"
	# shellcheck disable=SC2086
	start $prefix memcached -s "$dir/socket" "$@"
	if ! wait_until test -S "$dir/socket"; then
		fail "$label: memcached comes up"
		sed 's/^/    /' "$dir/output"
		finish
	fi
	wait_until is_asleep
	resident=$(status_kb VmRSS)
	charged=$(status_kb VmLck)
	check "$label: set, get and delete" python3 "$work/client.py" \
		"$dir/socket"
	stop
}

# All threads of the server wait.
is_asleep() { ! grep -q '^State:.*R' /proc/"$server"/task/*/status; }

# compare LIMIT OPTION...: memcached -k, eager and on fault. LIMIT is in kB.
compare() {
	limit=$1
	shift
	serve "eager: memcached -k $*" '' -k "$@"
	eager=$resident
	[ "$charged" -gt 0 ] || skip 'memcached could not lock its memory here'
	serve "on fault: memcached -k $*" "$lockonfault run --" -k "$@"
	at_most "memcached -k $*: kB resident (eager: $eager)" "$limit" \
		"$resident"
	at_most "memcached -k $*: a tenth of eager" $((eager / 10)) "$resident"
	check "memcached -k $*: its memory is locked" test "$charged" -gt 50000
}

compare 8000 -m 64
compare 8000 -m 1024 -t 16

# If the kernel has huge pages, memcached -L writes to 40 MB by itself. Then the
# limit is its resident memory without a lock.
serve 'unlocked: memcached -L -m 1024 -t 16' '' -L -m 1024 -t 16
unlocked=$((resident + resident / 50))
[ $unlocked -gt 8000 ] || unlocked=8000
compare $unlocked -L -m 1024 -t 16
finish
