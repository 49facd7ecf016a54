# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Functions for the tests of the command, which source this file after check.sh.
# The tests work in $work; the files out and err there are a command's output.

command=$builddir/lockonfault
shim=$builddir/.libs/liblockonfault-preload.so
locker=$builddir/locker

[ -x "$command" ] || skip 'the command was not built'
[ -x "$locker" ] || skip 'tests/locker was not built'
# Hide the environment of make check.
unset LD_PRELOAD LOCKONFAULT_ALL LOCKONFAULT_CHILDREN LOCKONFAULT_CONVERT
unset LOCKONFAULT_DISABLE LOCKONFAULT_DISCARD LOCKONFAULT_FORK LOCKONFAULT_LOG
unset LOCKONFAULT_MAX LOCKONFAULT_PREFAULT LOCKONFAULT_SUMMARY LOCKONFAULT_SYNC_MS NO_COLOR
LC_ALL=C
export LC_ALL
chmod 755 "$work"
srcdir=$(cd "$srcdir" && pwd)
shim=$(realpath "$shim" 2>/dev/null)

# Where the environment limits what can be locked, run says so in a line; exits
# removes it from err.
limit_line='^lockonfault run: .* can be locked: RLIMIT_MEMLOCK.* CAP_IPC_LOCK$'
if "$command" run true 2>&1 | grep -q "$limit_line" &&
	! grep -q '^Max locked memory .* unlimited  *bytes' /proc/self/limits
then
	is_limited() { return 0; }
else
	is_limited() { return 1; }
fi

# An unprivileged run of a traced program tells that no_new_privs is set.
no_gain='^lockonfault run: .* cannot gain privileges (no_new_privs)$'

# exits TITLE STATUS COMMAND...: leaves the output of COMMAND in out and err.
exits() {
	exits_title=$1 exits_wanted=$2
	shift 2
	"$@" >"$work/out" 2>"$work/err"
	same "$exits_title: exit status" "$exits_wanted" $?
	! is_limited || sed -i "/$limit_line/d" "$work/err"
	is_root || sed -i "/$no_gain/d" "$work/err"
}

# says TITLE FILE PATTERN: PATTERN matches a whole line of FILE.
says() {
	if grep -qx -- "$3" "$work/$2"; then
		ok "$1"
	else
		fail "$1: no line '$3' in:"
		sed 's/^/    /' "$work/$2"
	fi
}

silent() { same "$1" '' "$(cat "$work/err")"; }

is_root() { [ "$(id -u)" = 0 ]; }

# as_nobody COMMAND...: as the user nobody, without privileges
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		-- "$@"
}

# nobody_can COMMAND...: can the user nobody run COMMAND?
nobody_can() { is_root && has setpriv && as_nobody "$@" >/dev/null 2>&1; }

# start COMMAND...: start a program that prints a line and waits for the end of
# its input; its ID is $pid, its line is in ready. stop: end it.
start() {
	rm -f stop ready
	mkfifo stop
	"$@" >ready 2>err <stop &
	pid=$!
	exec 3>stop
	wait_for test -s ready || fail "$*: it did not start: $(cat err)"
}
stop() {
	exec 3>&-
	wait $pid
}

cd "$work" || exit 1
