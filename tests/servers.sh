# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the tests with real servers share; to be sourced after check.sh. Servers
# run as an unprivileged user with CAP_IPC_LOCK as an ambient capability, in a
# directory of their own, and are ended with the script.

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

# Words, so that what is started in the background is the server itself.
as_user="setpriv --reuid $uid --regid $uid --clear-groups"
as_user="$as_user --inh-caps +ipc_lock --ambient-caps +ipc_lock"

# The server's directory must be his, and its path short enough for a socket.
# He may not be able to read where we were built.
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

# start COMMAND...: as the unprivileged user, in the background.
start() {
	$as_user "$@" >"$dir/output" 2>&1 &
	server=$!
}

# wait_until COMMAND...: for at most a minute.
wait_until() {
	tries=600
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && kill -0 "$server" 2>/dev/null || return 1
		sleep 0.1
	done
}

# A line of /proc/PID/status of the server, in kB.
status_kb() {
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$server/status"
}
