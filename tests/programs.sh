# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the tests of other people's programs share; to be sourced after check.sh.
# A program runs without the shim and in each way of the shim, and must not
# differ: in what it prints, in the files that it leaves, in how it exits.

shim=$builddir/.libs/liblockonfault-preload.so
lockall=$builddir/.libs/preload_lockall.so
[ -e "$shim" ] || skip 'the shim was not built'
has prlimit || skip 'there is no prlimit'
# What is in the environment of make check is not to be seen here.
for name in $(env | sed -n 's/^\(LOCKONFAULT_[A-Z]*\)=.*/\1/p'); do
	unset "$name"
done
unset LD_PRELOAD MALLOC_CONF
LC_ALL=C
export LC_ALL

# LOF_TEST_PROGRAMS: no: not now; full: more of the same.
[ "${LOF_TEST_PROGRAMS:-}" != no ] || skip 'LOF_TEST_PROGRAMS is no'
in_full=
# shellcheck disable=SC2034	# the scripts read it
[ "${LOF_TEST_PROGRAMS:-}" != full ] || in_full=1

before=		# what is preloaded before the shim, also without it,
behind=		# and what behind it
with=		# how it differs from the plain run, for the messages
seconds=120	# that one run may take

not_run() { echo "not run: $*"; }

# preload LIBRARY...: as LD_PRELOAD has it, leaving out what is empty
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

# record WAY COMMAND...: what it does, into the directory of that name. All run
# in one place, one after the other, as programs print where they are.
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

# succeeded WAY: it did; if not, show what it said last
succeeded() {
	grep -qx 0 "$work/$1/status" && return
	echo "status: $(cat "$work/$1/status")"
	tail -n 30 "$work/$1/out" "$work/$1/err"
	return 1
}

# logged WHAT LINE: it is in the log, behind the number of a process
logged() { check "$1" grep -q "^[0-9]* $2\$" "$work/log"; }

# alike WHAT PROGRAM COMMAND...: COMMAND succeeds, and in all ways alike. PROGRAM
# is the one that matters among those that it runs. The run without the shim is
# left in the directory $work/without.
alike() {
	what=$1$with program=$2
	shift 2
	record without "$@"
	check "$what, without: succeeds" succeeded without
	for way in inert unconverted converted; do
		record $way "$@"
		check "$what, $way: as without" diff -r "$work/without" \
			"$work/$way"
		case $way in
		inert) check "$what, inert: no log" \
			test ! -e "$work/log" ;;
		unconverted) logged "$what, $way: the shim was there" \
			"$program: start 0x0 0 0" ;;
		converted) logged "$what, $way: the shim was there" \
			"$program: start 0x0 1 0" ;;
		esac
		[ -z "$with" ] || [ $way = inert ] ||
			logged "$what, $way: the shim locked it" \
				"$program: mlockall 0x0 3 0"
	done
}

# With all memory locked nothing larger than the limit is to be had, if there is
# one; then programs fail of themselves, with and without the shim.
may_lock_all() {
	limit=$(prlimit --memlock --output SOFT --noheadings --raw)
	[ "$limit" != unlimited ] || limit=1
	LD_PRELOAD=$lockall dd if=/dev/null of=/dev/null bs="$limit" 2>/dev/null
}

# locked_too COMMAND...: run a function of ours as it is, and once more with all
# memory locked in every program from its first moment, where that is allowed.
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
