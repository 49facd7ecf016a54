#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Under the shim a call makes the same system calls as without it, in the same
# order, with the same results, and no others: for the first call of a process
# and for later calls, for tracked and untracked memory, for calls that fail.
# The test needs mlock2 and no limit. "--table MODE" asserts nothing, but prints
# a table: call, when, bare, shim. MODE is capability, limit, budget, nomlock2,
# full, disabled.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
tab=$(printf '\t')

may_lock_all() {
	grep -q '^Max locked memory *unlimited' /proc/self/limits && return 0
	caps=$(sed -n 's/^CapEff:[^0-9a-f]*//p' /proc/self/status)
	[ "$((0x$caps >> 14 & 1))" = 1 ]	# CAP_IPC_LOCK
}

# count MODE [SHIM]: run count_syscalls in a mode.
count() {
	mode=$1
	shift
	case $mode in
	capability) ./count_syscalls "$@" ;;
	limit)
		prlimit --memlock=8388608 setpriv --reuid 65534 \
			--regid 65534 --clear-groups ./count_syscalls "$@" ;;
	budget) LOCKONFAULT_MAX=67108864 ./count_syscalls "$@" ;;
	nomlock2) ./nomlock2 EINVAL ./count_syscalls "$@" ;;
	full) LOCKONFAULT_CONVERT=0 ./count_syscalls "$@" ;;
	disabled) LOCKONFAULT_DISABLE=1 ./count_syscalls "$@" ;;
	*) fail "no such mode: $mode" && finish ;;
	esac
}

# table MODE: lines of call, when, bare, shim
table() {
	count "$1" >"$work/bare" || return
	count "$1" "$shim" >"$work/shim" || return
	cut -f 3 "$work/shim" | paste "$work/bare" -
}

# Print the lines of a table whose calls differ, except for known differences.
over() {
	awk -F '\t' -v mode="$1" '
	# libc calls mlock for mlock2 without flags.
	$1 ~ /^mlock2 full/ {
		sub(/mlock2/, "mlock", $3)
		sub(/mlock2/, "mlock", $4)
	}
	# The library refuses arguments that no kernel accepts.
	$3 ~ /:EINVAL$/ && $4 == "nothing" { next }
	# Linux 6.18 gets the lock and the charge of moved memory wrong.
	$1 ~ /^mremap dontunmap/ { sub(/^msync /, "", $4) }
	$1 ~ /^mremap dontunmap/ && $4 ~ /^msync:EBUSY / {
		gsub(/msync:EBUSY |mlock2? ?|munlock /, "", $4)
		sub(/ $/, "", $4)
	}
	# LOCKONFAULT_DISCARD: if the kernel refuses to discard locked pages,
	# discard them by the advice for locked memory.
	mode == "capability" && $1 ~ /^madvise dontneed/ &&
		$3 == "madvise:EINVAL" {
		sub(/ msync:EBUSY madvise(:ENOMEM)?$/, "", $4)
	}
	# To guard or remove locked pages, unlock them for a moment. The limit
	# must allow to lock them again.
	mode == "capability" && $1 ~ /^madvise (guard|remove)/ &&
		$3 == "madvise:EINVAL" {
		sub(/ msync$/, "", $4)
		sub(/ msync:EBUSY openat (read )+close /, " ", $4)
		sub(/ msync:EBUSY madvise mlock2 munlock madvise(:EINVAL)? mlock2$/,
		    "", $4)
	}
	# LOCKONFAULT_CONVERT: mlock becomes mlock2, to lock on fault.
	mode == "capability" && $1 ~ /^mlock( |$)/ {
		sub(/mlock/, "mlock2", $3)
	}
	# The library removes MAP_LOCKED, and locks the mapping by mlock2. Not
	# if MCL_FUTURE locks all new mappings on fault.
	mode == "capability" && /^mmap LOCKED/ && $3 == "mmap" {
		if ($2 != "future" || $4 != "mmap")
			$3 = "mmap mlock2"
	}
	# Over the limit no page may be populated: so the lock comes first.
	$1 ~ /^mmap LOCKED populate/ { sub(/ madvise$/, "", $4) }
	# If the limit refuses the lock, the old mapping must not be lost.
	$1 ~ /^mmap LOCKED fixed/ {
		sub(/^(mmap:EEXIST )?mmap:EINVAL /, "", $4)
	}
	# If the limit applies, the library locks future mappings itself.
	mode == "capability" && $1 ~ /^mlockall/ {
		sub(/^prlimit64 mmap munlock mlock:ENOMEM msync:EBUSY munmap /,
		    "", $4)
	}
	$3 != $4 { printf "%-24s %-10s %s | %s\n", $1, $2, $3, $4 }'
}

# as_bare MODE: fail if any call differs.
as_bare() {
	table "$1" >"$work/table"
	lines=$(wc -l <"$work/table")
	if [ "$lines" -lt 400 ] || grep -q 'not seen to end' "$work/table"; then
		fail "$1: $lines lines of 400, or not all to the end"
		grep 'not seen to end' "$work/table"
		return
	fi
	over "$1" <"$work/table" >"$work/over"
	if [ -s "$work/over" ]; then
		fail "$1: $(wc -l <"$work/over") of $lines are not as bare:"
		cat "$work/over"
	else
		ok "$1: $lines calls make the system calls that they make bare"
	fi
}

[ -e "$shim" ] || skip 'no shim is built'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*) skip 'sanitizers make system calls, too' ;;
esac
if [ "${1-}" = --table ]; then
	table "${2-capability}" | column -t -s "$tab"
	finish
fi
may_lock_all || skip 'a limit binds: no CAP_IPC_LOCK'
[ -z "${LOF_TEST_NO_MLOCK2-}" ] || skip 'no mlock2'
./count_syscalls >/dev/null
[ $? != 77 ] || skip 'no program can be traced here'

as_bare capability
as_bare full
as_bare disabled
finish
