# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the test scripts share; to be sourced. Each check prints a line and can
# fail; the script ends with "finish".

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

# check WHAT COMMAND...: it must succeed; what it prints is shown if not.
check() {
	check_what=$1
	shift
	if "$@" >"$work/check.out" 2>&1; then
		ok "$check_what"
	else
		fail "$check_what"
		sed 's/^/    /' "$work/check.out"
	fi
}

# same WHAT WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		fail "$1: wanted '$2', got '$3'"
	fi
}

# at_most WHAT LIMIT NUMBER
at_most() {
	if [ "$3" -le "$2" ]; then
		ok "$1: $3, at most $2"
	else
		fail "$1: $3, more than $2"
	fi
}

# The whole script cannot run here, for a reason.
skip() {
	echo "skip: $*"
	exit 77
}

# A part of it cannot; "./dev test" shows these lines.
left_out() { echo "left out: $*"; }

# wait_for COMMAND...: until it succeeds; a minute is for what never will.
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
