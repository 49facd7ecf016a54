#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The library exports the symbols of its map, the shim the functions that it
# hooks. Neither needs another library than libc.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

exported() { nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | sort; }
relocated() { readelf -rW "$1" | awk '$3 ~ /^R_/ { print $5 }' |
	sed 's/@.*//' | sort -u; }
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }

library=.libs/liblockonfault.so
shim=.libs/liblockonfault-preload.so

# node NAME: the symbols of a node of the map
node() {
	sed -n "/^$1/,/^}/s/^\t\([a-z0-9_]*\);/\1/p" \
		"$srcdir/src/liblockonfault.map"
}
listed=$(node LOCKONFAULT_0.1)
same 'the map is sorted' "$(printf '%s\n' "$listed" | sort)" "$listed"
# The symbols in the node LOCKONFAULT_PRIVATE are for the shim.
same 'the library exports the names of its map' \
	"$( (node LOCKONFAULT_0.1; node LOCKONFAULT_PRIVATE) | sort)" \
	"$(exported $library | grep -v '^__\(asan\|odr_asan\|start\)')"
for name in $listed; do
	check "$name is in the header" grep -q "\\<$name(" \
		"$srcdir/include/lockonfault.h"
done

# Lazy binding would take 3 KiB of the caller's stack.
bound_at_once() { readelf -dW "$1" | grep -q 'FLAGS_1.* NOW'; }

# A program's function of the same name must not replace the library's own.
# Print the exported names that the library calls through a relocation.
by_name() {
	relocated "$1" >"$work/relocated"
	exported "$1" | comm -12 - "$work/relocated"
}
check 'readelf tells of relocations' \
	sh -c "readelf -rW $library | grep -q '__errno_location'"
same 'the library calls nothing by a name that it exports' '' \
	"$(by_name $library)"
check 'the library is bound when it is loaded' bound_at_once $library

case $(needed $library) in
*asan* | *tsan* | *ubsan*) ok 'built with sanitizers: needs their libraries' ;;
*)
	# The thread of the library has no thread-local memory but its own.
	same 'no function finds thread-local variables' '' \
		"$(nm -D -u $library | grep -o __tls_get_addr)"
	same 'the library needs libc alone' 'libc' \
		"$(needed $library | sed 's/\..*//' | grep -v '^ld-linux')" ;;
esac

if [ -e $shim ]; then
	wanted='_Exit _exit lof_preload madvise malloc_trim mlock mlock2 mlockall'
	wanted="$wanted mmap mmap64 mprotect"
	wanted="$wanted mremap munlock munlockall munmap prctl prlimit prlimit64"
	wanted="$wanted pthread_create remap_file_pages setns setresuid"
	wanted="$wanted setreuid setrlimit setrlimit64 setuid shmat"
	wanted="$wanted shmdt syscall unshare"
	same 'the shim exports the hooked functions' "$wanted" \
		"$(exported $shim | tr '\n' ' ' | sed 's/ $//')"
	same 'the shim needs the library and libc' 'libc liblockonfault' \
		"$(needed $shim | sed 's/\..*//' | grep -v '^ld-linux' |
			tr '\n' ' ' | sed 's/ $//')"
	same 'the shim calls nothing by a name that it exports' '' \
		"$(by_name $shim)"
	check 'the shim is bound when it is loaded' bound_at_once $shim
	# Code that a hook can reach must not call the hooked functions.
	for name in calloc realloc dlopen printf fprintf fopen \
		abort exit; do
		check "neither calls $name" sh -c \
			"! nm -D --undefined-only $library $shim |
			grep -qw '$name'"
	done
	for name in malloc free; do
		same "no other file calls $name" 'prefault.o' \
			"$(nm -A -u $library src/preload/.libs/*.o |
				sed -n "s|.*/\([^/]*\):.* $name\$|\1|p" |
				sort -u | tr '\n' ' ' | sed 's/ $//')"
	done
	# In constructors, and in hooks whose callers may.
	same 'no other hook calls dlsym' \
		'malloc_trim.o next.o pthread_create.o rlimit.o setuid.o summary.o' \
		"$(nm -A -u $library src/preload/.libs/*.o |
			sed -n 's|.*/\([^/]*\):.* dlsym$|\1|p' | sort -u |
			tr '\n' ' ' | sed 's/ $//')"
fi
finish
