#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Under the shim a call makes the system calls that it makes bare, in their
# order and with their results, and no others: the first call of a process and
# later ones, tracked and not, failing and not. Where mlock2 is there and no
# limit binds. "--table MODE" prints a table instead and asserts nothing: call,
# when, bare, shim; MODE is capability, limit, budget, nomlock2, full, disabled.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
tab=$(printf '\t')

may_lock_all() {
	grep -q '^Max locked memory *unlimited' /proc/self/limits && return 0
	caps=$(sed -n 's/^CapEff:[^0-9a-f]*//p' /proc/self/status)
	[ "$((0x$caps >> 14 & 1))" = 1 ]	# CAP_IPC_LOCK
}

# count MODE [SHIM]: what it comes to, by count_syscalls.
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

# table MODE: lines of call, when, bare, shim.
table() {
	count "$1" >"$work/bare" || return
	count "$1" "$shim" >"$work/shim" || return
	cut -f 3 "$work/shim" | paste "$work/bare" -
}

# What of a table is neither as bare nor an exception, which each has a reason.
over() {
	awk -F '\t' -v mode="$1" '
	# libc makes mlock of mlock2 without flags.
	$1 ~ /^mlock2 full/ {
		sub(/mlock2/, "mlock", $3)
		sub(/mlock2/, "mlock", $4)
	}
	# What no kernel takes is refused without asking this one.
	$3 ~ /:EINVAL$/ && $4 == "nothing" { next }
	# The kernel (6.18) unlocks and charges wrongly what this moves.
	$1 ~ /^mremap dontunmap/ { sub(/^msync /, "", $4) }
	$1 ~ /^mremap dontunmap/ && $4 ~ /^msync:EBUSY / {
		gsub(/msync:EBUSY |mlock2? ?|munlock /, "", $4)
		sub(/ $/, "", $4)
	}
	# LOCKONFAULT_CONVERT: mlock is mlock2, which alone can lock on fault.
	mode == "capability" && $1 ~ /^mlock( |$)/ {
		sub(/mlock/, "mlock2", $3)
	}
	# MAP_LOCKED is kept from the kernel, and then what was mapped is
	# locked by mlock2; but where all that is mapped is locked on fault.
	mode == "capability" && /^mmap LOCKED/ && $3 == "mmap" {
		if ($2 != "future" || $4 != "mmap")
			$3 = "mmap mlock2"
	}
	# Over the limit nothing is to be populated: so it is locked before.
	$1 ~ /^mmap LOCKED populate/ { sub(/ madvise$/, "", $4) }
	# What is replaced must not be lost to the limit.
	$1 ~ /^mmap LOCKED fixed/ {
		sub(/^(mmap:EEXIST )?mmap:EINVAL /, "", $4)
	}
	# Whether the limit binds says who locks what will be mapped.
	mode == "capability" && $1 ~ /^mlockall/ {
		sub(/^prlimit64 mmap munlock mlock:ENOMEM msync:EBUSY munmap /,
		    "", $4)
	}
	$3 != $4 { printf "%-24s %-10s %s | %s\n", $1, $2, $3, $4 }'
}

# as_bare MODE: fail for what is over.
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
