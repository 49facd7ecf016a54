# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Functions for the tests with real servers, which source this file after
# check.sh. A server runs as an unprivileged user with the ambient capability
# CAP_IPC_LOCK, in its own directory. It ends with the script.

uid=65534
server=

has setpriv || skip 'setpriv (util-linux) is missing'
[ "$(id -u)" = 0 ] ||
	skip 'only root can hand CAP_IPC_LOCK to an unprivileged user'
grep -q '^CapBnd:.*[4567cdef]...$' /proc/self/status ||
	skip 'CAP_IPC_LOCK is not in the bounding set'
[ -e "$builddir/.libs/liblockonfault-preload.so" ] ||
	skip 'the shim was not built'
[ -e "$builddir/.libs/lockonfault" ] || skip 'the command was not built'

# Words, not a function: so $! is the process of the server.
as_user="setpriv --reuid $uid --regid $uid --clear-groups"
as_user="$as_user --inh-caps +ipc_lock --ambient-caps +ipc_lock"

# The user must own the directory of the server, and its path must be short
# enough for a socket. The user may not be able to read the build directory.
dir=$(mktemp -d /tmp/lof.XXXXXX)
mkdir "$dir/bin"
cp "$builddir/.libs/lockonfault" "$builddir/.libs/liblockonfault.so.0" \
	"$builddir/.libs/liblockonfault-preload.so" "$dir/bin"
chown -R $uid:$uid "$dir"
lockonfault="env LD_LIBRARY_PATH=$dir/bin $dir/bin/lockonfault"
stop() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	[ -z "$server" ] || wait "$server" 2>/dev/null || :
	server=
}
trap 'stop; rm -rf "$dir" "$work"' EXIT
trap 'exit 1' INT TERM

# start COMMAND...: start a server, as the user, in the background
start() {
	$as_user "$@" >"$dir/output" 2>&1 &
	server=$!
}

# wait_until COMMAND...: until COMMAND succeeds, for at most a minute
wait_until() {
	tries=600
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && kill -0 "$server" 2>/dev/null || return 1
		sleep 0.1
	done
}

# status_kb NAME: a line of /proc/PID/status of the server, in kB
status_kb() {
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$server/status"
}
