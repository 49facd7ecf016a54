# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Functions for the tests of programs of other projects, which source this file
# after check.sh. A program runs without the shim, and with it in several ways.
# Its output, its files and its exit status must be the same each time.

shim=$builddir/.libs/liblockonfault-preload.so
lockall=$builddir/.libs/preload_lockall.so
[ -e "$shim" ] || skip 'the shim was not built'
has prlimit || skip 'there is no prlimit'
# Hide the environment of make check.
for name in $(env | sed -n 's/^\(LOCKONFAULT_[A-Z]*\)=.*/\1/p'); do
	unset "$name"
done
unset LD_PRELOAD MALLOC_CONF
LC_ALL=C
export LC_ALL

# LOF_TEST_PROGRAMS: no: skip these tests; full: test more.
[ "${LOF_TEST_PROGRAMS:-}" != no ] || skip 'LOF_TEST_PROGRAMS is no'
in_full=
# shellcheck disable=SC2034	# the scripts read it
[ "${LOF_TEST_PROGRAMS:-}" != full ] || in_full=1

before=		# libraries preloaded before the shim, also without it
behind=		# libraries preloaded behind the shim, also without it
with=		# a suffix for titles: with all memory locked
seconds=120	# the time limit of one run

not_run() { echo "not run: $*"; }

# preload LIBRARY...: a value of LD_PRELOAD, without the empty arguments
preload() {
	list=
	for library; do
		list=$list${library:+${list:+:}$library}
	done
	echo "$list"
}

# run_in WAY COMMAND...
run_in() {
	way=$1
	shift
	list=$(preload "$before" "$shim" "$behind")
	case $way in
	without) set -- LD_PRELOAD="$(preload "$before" "$behind")" "$@" ;;
	inert) set -- LD_PRELOAD="$list" LOCKONFAULT_DISABLE=1 "$@" ;;
	unconverted) set -- LD_PRELOAD="$list" LOCKONFAULT_CONVERT=0 "$@" ;;
	converted) set -- LD_PRELOAD="$list" "$@" ;;
	esac
	timeout "$seconds" env LOCKONFAULT_LOG="$work/log" "$@"
}

# record WAY COMMAND...: write output, status and files to the directory
# $work/WAY. All ways run in the same directory, since programs print its name.
record() {
	to=$work/$1
	rm -rf "$to" "$work/here" "$work/log"
	mkdir -p "$to" "$work/here/tmp"
	(
		cd "$work/here" || exit 1
		export HOME="$work/here" TMPDIR="$work/here/tmp"
		run_in "$@" </dev/null >"$to/out" 2>"$to/err"
		echo $? >"$to/status"
		find . -printf '%y %m %p\n' | sort >"$to/list"
	)
	mv "$work/here" "$to/files"
}

# succeeded WAY: did COMMAND succeed? If not, show the end of its output.
succeeded() {
	grep -qx 0 "$work/$1/status" && return
	echo "status: $(cat "$work/$1/status")"
	tail -n 30 "$work/$1/out" "$work/$1/err"
	return 1
}

# logged TITLE LINE: the log has LINE, behind the number of a process.
logged() { check "$1" grep -q "^[0-9]* $2\$" "$work/log"; }

# alike TITLE PROGRAM COMMAND...: COMMAND succeeds, in all ways with the same
# result. The log must name PROGRAM, which COMMAND runs. Leaves the run without
# the shim in the directory $work/without.
alike() {
	title=$1$with program=$2
	shift 2
	record without "$@"
	check "$title, without: succeeds" succeeded without
	for way in inert unconverted converted; do
		record $way "$@"
		check "$title, $way: as without" diff -r "$work/without" \
			"$work/$way"
		case $way in
		inert) check "$title, inert: no log" \
			test ! -e "$work/log" ;;
		unconverted) logged "$title, $way: the shim was there" \
			"$program: start 0x0 0 0" ;;
		converted) logged "$title, $way: the shim was there" \
			"$program: start 0x0 1 0" ;;
		esac
		[ -z "$with" ] || [ $way = inert ] ||
			logged "$title, $way: the shim locked it" \
				"$program: mlockall 0x0 3 0"
	done
}

# May a process lock all its memory? Under a limit it cannot map more than the
# limit then, and programs fail, with and without the shim.
may_lock_all() {
	limit=$(prlimit --memlock --output SOFT --noheadings --raw)
	[ "$limit" != unlimited ] || limit=1
	LD_PRELOAD=$lockall dd if=/dev/null of=/dev/null bs="$limit" 2>/dev/null
}

# locked_too COMMAND...: run a function of this file. Run it again with all
# memory of every program locked from its start, if that is allowed.
locked_too() {
	"$@"
	if ! may_lock_all; then
		not_run "$* with mlockall: RLIMIT_MEMLOCK is in the way"
		return
	fi
	with=', with mlockall'
	behind_alone=$behind
	behind=$(preload "$behind" "$lockall")
	"$@"
	behind=$behind_alone with=
}
