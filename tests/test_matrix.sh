#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each call that locks, in processes that are confined in different ways: under
# the shim it has the result and the errno that it has without, it locks as much,
# and the ledger is right or says that it may be wrong. "--table" prints all: the
# condition, the call, its results, the pages and the KiB that are locked, without
# and with the shim, and the pages that the ledger has wrong.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
[ -e "$shim" ] || skip 'the shim is not built'
[ -z "${LOF_TEST_NO_MLOCK2-}" ] || skip 'a filter without mlock2 is there already'

# Any user must be able to read the files.
chmod 755 "$work"
cp matrix "$shim" .libs/preload_refuse.so .libs/liblockonfault.so.0 "$work/"
chmod 755 "$work"/*
cd "$work" || exit 1
refuse=$work/preload_refuse.so
shim=$work/${shim##*/}
LD_LIBRARY_PATH=$work
export LD_LIBRARY_PATH

conditions='root noproc nofd chroot setuid filter chroot+setuid filter+setuid'
conditions="$conditions user noproc+user nofd+user filter+user"
for err in EPERM ENOSYS EACCES; do
	for calls in mlock2 openat msync ioctl prlimit64 \
		mlock2,openat,msync,ioctl,prlimit64
	do
		conditions="$conditions $err:$calls $err:$calls+user"
	done
done

# over MODE CONDITION: lines of a table that differ, except for what the man pages
# name. MCL_FUTURE by the library locks what libc maps later than the kernel does.
# Under a bound what was touched is locked; without msync a hole is not seen.
over() {
	awk -F '\t' -v mode="$1" -v condition="$2" '
	mode == "max" && $1 == "hole" {
		if ($2 != $6 && condition !~ /msync/)
			print "result: " $0
		next
	}
	$2 != $6 { print "result: " $0; next }
	mode == "max" && $1 == "current" { $3 = 16 }
	mode == "max" && $1 == "both" { $3 = 32 }
	$7 < $3 { print "less is locked: " $0; next }
	mode == "shim" && $8 < $4 && $1 !~ /^(future|thread)$/ {
		print "less of all is locked: " $0
		next
	}
	$9 != 0 { print "the ledger is wrong: " $0 }'
}

# row MODE CONDITION: a table of the calls, without and with the shim
row() {
	timeout 20 ./matrix "$2" "$refuse" >bare
	case $? in
	0) ;;
	77) return 77 ;;
	*) echo "$2: the program fails without the shim"; return 1 ;;
	esac
	case $1 in
	shim) timeout 20 ./matrix "$2" "$refuse:$shim" >with ;;
	max) LOCKONFAULT_MAX=4M LOCKONFAULT_SYNC_MS=2 timeout 20 ./matrix "$2" \
		"$refuse:$shim" >with ;;
	esac || { echo "$2: the program fails under the shim"; return 1; }
	cut -f 1-4 bare | paste - with >table
}

# Under a bound nothing is locked without the files: the thread needs them.
bounded='root user setuid EPERM:mlock2 EPERM:ioctl+user EPERM:prlimit64+user'
for mode in shim max; do
	[ $mode = shim ] || conditions=$bounded
	for condition in $conditions; do
		row $mode "$condition" >out
		case $? in
		0) ;;
		77) left_out "$condition: this user cannot"; continue ;;
		*) fail "$mode, $(cat out)"; continue ;;
		esac
		if [ "${1-}" = --table ]; then
			sed "s/^/$mode $condition	/" table
			continue
		fi
		over $mode "$condition" <table >out
		if [ -s out ]; then
			fail "$mode, $condition:"
			sed 's/^/    /' out
		else
			ok "$mode, $condition"
		fi
	done
done
finish
