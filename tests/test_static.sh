#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The archive liblockonfault.a has machine code for any compiler and linker, all
# constructors, so that a static program relocks in a child of fork, and an
# mlock2() that comes before libc's and after the program's.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

case ${CFLAGS-} in
*-fsanitize*) skip 'no static program has a sanitizer' ;;
esac

cat >"$work/relock.c" <<'C'
#include <lockonfault.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN ((size_t)1 << 16)

/* Are the flags of the range "lo lf"? */
static int is_locked_on_fault(const char *p)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	int inside = 0, found = 0;
	char line[512];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)p &&
				 end >= (unsigned long)p + LEN;
		if (inside && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " lo") && strstr(line, " lf");
	}
	if (smaps)
		fclose(smaps);
	return found;
}

int main(void)
{
	char *p = mmap(0, LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	if (p == MAP_FAILED || lof_set(LOF_FORK, LOF_FORK_RELOCK) ||
	    mlock2(p, LEN, MLOCK_ONFAULT) || !is_locked_on_fault(p))
		return 1;
	child = fork();
	if (!child)
		_exit(is_locked_on_fault(p) ? 0 : 2);
	waitpid(child, &status, 0);
	return status ? 3 : 0;
}
C
cat >"$work/own.c" <<'C'
#include <lockonfault.h>

/* Tells that it, and no other mlock2(), was called. */
int mlock2(const void *addr, size_t len, unsigned int flags)
{
	(void)addr;
	(void)flags;
	return (int)len;
}

int main(void)
{
	char c = 0;

	return lof_mlock2(&c, 0, 0) || mlock2(&c, 42, 0) != 42;
}
C
echo 'int main(void) { return 0; }' >"$work/empty.c"

# linked SOURCE COMPILER...: a static program links without a word, and runs.
linked() {
	source=$1
	shift
	"$@" -D_GNU_SOURCE -Wall -Wextra -Werror -o "$work/linked" \
		-I"$srcdir/include" "$work/$source" liblockonfault.a -pthread \
		>"$work/words" 2>&1 && "$work/linked" &&
		! grep . "$work/words"
	result=$?
	cat "$work/words"
	return "$result"
}

# shellcheck disable=SC2086	# CC is words
$CC -static -o "$work/empty" "$work/empty.c" 2>/dev/null ||
	skip 'static programs cannot be linked here'

check 'the archive has no code for one compiler alone' sh -c \
	"readelf -SW liblockonfault.a | grep -q -w .text &&
	 ! readelf -SW liblockonfault.a | grep -F .gnu.lto"
while read -r linker; do
	# shellcheck disable=SC2086	# a compiler and its flags are words
	if $linker -Werror -o "$work/empty" "$work/empty.c" 2>/dev/null; then
		check "a program of '$linker' relocks in a child" \
			linked relock.c $linker
	else
		left_out "'$linker' cannot link here"
	fi
done <<LINKERS
$CC -static
$CC -static -fno-lto -fno-use-linker-plugin
$CC -static -flto
$CC -static-pie
$CC -static -fuse-ld=bfd
$CC -static -fuse-ld=gold
$CC -static -fuse-ld=lld
$CC
clang -static
clang -static -fuse-ld=gold
clang -static -fuse-ld=lld
clang -static -flto -fuse-ld=lld
LINKERS
# shellcheck disable=SC2086
check 'a program may have an mlock2() of its own' linked own.c $CC -static
finish
