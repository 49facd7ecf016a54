# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Functions for the test scripts, which source this file. Each check prints a
# line and can fail. A script ends with "finish".

srcdir=${srcdir:-.}
builddir=$(pwd)	# automake runs tests there
export builddir
CC=${CC:-cc}
CXX=${CXX:-c++}
failed=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { echo "ok: $*"; }

fail() {
	echo "FAIL: $*"
	failed=1
}

# check TITLE COMMAND...: COMMAND must succeed; its output is shown if not.
check() {
	check_title=$1
	shift
	if "$@" >"$work/check.out" 2>&1; then
		ok "$check_title"
	else
		fail "$check_title"
		sed 's/^/    /' "$work/check.out"
	fi
}

# same TITLE WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		fail "$1: wanted '$2', got '$3'"
	fi
}

# at_most TITLE LIMIT NUMBER
at_most() {
	if [ "$3" -le "$2" ]; then
		ok "$1: $3, at most $2"
	else
		fail "$1: $3, more than $2"
	fi
}

# skip REASON: the whole script cannot run here.
skip() {
	echo "skip: $*"
	exit 77
}

# left_out REASON: a part cannot run here. "./dev test" shows these lines.
left_out() { echo "left out: $*"; }

# wait_for COMMAND...: until COMMAND succeeds, for at most a minute.
wait_for() {
	wait_for_tries=600
	until "$@" >/dev/null 2>&1; do
		wait_for_tries=$((wait_for_tries - 1))
		[ $wait_for_tries -gt 0 ] || return 1
		sleep 0.1
	done
}

has() { command -v "$1" >/dev/null 2>&1; }

finish() { exit "$failed"; }
