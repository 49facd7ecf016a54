#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The installed files work: C and C++ programs compile with the flags of
# pkg-config only, with and without the overlay, and run. "make uninstall"
# removes all files.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

has pkg-config || skip 'pkg-config is missing'
root=$work/root
make=${MAKE:-make}

cat >"$work/plain.c" <<'C'
#include <lockonfault.h>
#include <stdio.h>

int main(void)
{
	struct lof_region region;
	char *p = (char *)lof_mmap_onfault(0, 1 << 16, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || lof_query(p, &region, sizeof(region)))
		return 1;
	p[0] = 1;
	printf("%s %u\n", lof_version(), region.kind);
	return 0;
}
C
cat >"$work/overlaid.c" <<'C'
#include <stdio.h>
#include <sys/mman.h>
#include <lockonfault.h>

int main(void)
{
	struct lof_region region;
	char *p = (char *)mmap(0, 1 << 16, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mlock(p, 1 << 16) ||
	    lof_query(p, &region, sizeof(region)))
		return 1;
	printf("%s %u\n", lof_version(), region.kind);
	return munmap(p, 1 << 16);
}
C
cp "$work/plain.c" "$work/plain.cc"
cp "$work/overlaid.c" "$work/overlaid.cc"

check 'make install DESTDIR=' $make install "DESTDIR=$root"
library=$(find "$root" -name liblockonfault.so)
if [ -z "$library" ]; then
	fail 'the library is installed'
	finish
fi
libdir=$(dirname "$library")
PKG_CONFIG_LIBDIR=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
LD_LIBRARY_PATH=$libdir
export LD_LIBRARY_PATH
version=$(sed -n 's/^#define LOF_VERSION\t"\(.*\)"/\1/p' \
	"$srcdir/include/lockonfault.h")

# program COMPILER SOURCE PACKAGE WANTED
program() {
	# shellcheck disable=SC2086	# a package, perhaps after --static
	flags=$(pkg-config --cflags --libs $3) || return 1
	# The flags are words, also those of a build with sanitizers.
	# shellcheck disable=SC2086
	$1 ${CFLAGS-} -Wall -Werror -o "$work/program" "$work/$2" $flags &&
		[ "$("$work/program")" = "$version $4" ]
}

same 'pkg-config knows the version' "$version" \
	"$(pkg-config --modversion lockonfault)"
check 'a C program links and runs' program "$CC" plain.c lockonfault 2
check 'a C++ program links and runs' program "$CXX" plain.cc lockonfault 2
[ ! -e "$libdir/liblockonfault.a" ] ||
	check 'a static program links and runs' program "$CC -static" plain.c \
		'--static lockonfault' 2
check 'an overlaid C program has a ledger' program "$CC" overlaid.c \
	lockonfault-overlay 1
check 'an overlaid C++ program has a ledger' program "$CXX" overlaid.cc \
	lockonfault-overlay 1

if [ -e "$libdir/liblockonfault-preload.so" ] && [ -e locker ]; then
	same 'the installed shim reaches a program' 'lo lf' \
		"$(LD_PRELOAD=$libdir/liblockonfault-preload.so \
			"$builddir/locker" flags 2>&1)"
	# The loader of another libc searches other folders.
	same 'the installed shim finds its library' 'lo lf' \
		"$(env -u LD_LIBRARY_PATH \
			LD_PRELOAD="$libdir/liblockonfault-preload.so" \
			"$builddir/locker" flags 2>&1)"
	command=$(find "$root" -name lockonfault -type f -perm -100)
	[ -z "$command" ] || same 'the installed command runs a program' ok \
		"$("$command" run --shim "$libdir/liblockonfault-preload.so" \
			-- echo ok)"
fi
check 'make uninstall DESTDIR=' $make uninstall "DESTDIR=$root"
same 'nothing is left' '' "$(find "$root" ! -type d)"
finish
