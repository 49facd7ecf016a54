#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A program of musl under a shim that is built with glibc: it starts, and all
# that preload_helper prints is as in the program of glibc. Also if a program of
# glibc starts it.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
[ -e "$shim" ] || skip 'the shim is not built'
has musl-gcc || skip 'there is no musl-gcc'
readelf -d .libs/liblockonfault.so | grep -q 'libc\.so\.6' ||
	skip 'the shim is not built with glibc, or has sanitizers'

# The headers of the kernel are in a folder of glibc. musl has no
# strerrorname_np().
helper=$work/helper
musl() {
	musl-gcc -O2 -w -D_GNU_SOURCE -DTRUTH_ALONE -DTRUTH_NO_LEDGER \
		-Dstrerrorname_np=strerror \
		-I"$builddir" -Iinclude -Isrc -Itests \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" \
		-idirafter /usr/include -Wl,-z,now -o "$helper" "$@"
}
echo '#include <linux/futex.h>
int main(void) { return FUTEX_WAIT; }' >"$work/probe.c"
musl "$work/probe.c" || skip 'musl-gcc does not find the headers of the kernel'
rm "$helper"
sources=$(sed -n '/^preload_helper_SOURCES/,/[^\\]$/p' "$srcdir/Makefile.am" |
	grep -o 'tests/[a-z_/]*\.c')
# The names of the sources are words.
# shellcheck disable=SC2086
build() { cd "$srcdir" && musl $sources; }
check 'musl-gcc builds the helper' build
[ -x "$helper" ] || finish
cd "$builddir" || exit 99

# as_in_glibc SETTING COMMAND
as_in_glibc() {
	env "$1" LD_PRELOAD="$shim" ./preload_helper "$2" >"$work/wanted" 2>&1
	env "$1" LD_PRELOAD="$shim" "$helper" "$2" >"$work/got" 2>&1
	check "$2, $1" diff "$work/wanted" "$work/got"
}

for setting in LOCKONFAULT_CONVERT=1 LOCKONFAULT_CONVERT=0 \
	LOCKONFAULT_DISABLE=1 LOCKONFAULT_FUTURE=emulate LOCKONFAULT_MAX=1M \
	LOCKONFAULT_FORK=relock; do
	for command in locks all maps remaps ring discard child descriptors \
		limits syscall-locks syscall-maps syscall-others shm remap-file
	do
		as_in_glibc "$setting" "$command"
	done
done
as_in_glibc LOCKONFAULT_MAX=64K bound
# The second stack is where the first was unmapped. The shim takes the memory of
# a thread of musl above its stack for a part of the stack.
same 'stacks are locked but for their lowest page' '.O .O' \
	"$(LOCKONFAULT_FUTURE=emulate LD_PRELOAD=$shim "$helper" stacks |
		tr '\n' ' ' | sed 's/ $//')"

[ -x lockonfault ] || finish
./preload_helper locks >"$work/bare"
LD_PRELOAD=$shim ./preload_helper locks >"$work/wanted"
check 'the shim has an effect' sh -c '! cmp -s "$1" "$2"' - "$work/bare" \
	"$work/wanted"
./lockonfault run --shim "$shim" -- "$helper" locks >"$work/got" 2>&1
check 'run starts a program of musl' diff "$work/wanted" "$work/got"
# Two commands, since a shell replaces itself by the last one.
./lockonfault run --shim "$shim" -- sh -c '"$1" locks; exit' - "$helper" \
	>"$work/got" 2>&1
check 'a program of glibc starts it' diff "$work/wanted" "$work/got"
finish
