#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The overlay redirects each use of the functions of <sys/mman.h>: calls, also
# in arguments of macros, and addresses; and nothing else of the same name, such
# as a member. By gcc and clang, as C and C++, for each off_t.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

include=$srcdir/include

cat >"$work/uses.c" <<'C'
#ifdef DIRECT
#include <lockonfault/overlay.h>
#else
#include <sys/mman.h>
#endif
#include <stdio.h>

/* Old sources declare a function themselves; -Wredundant-decls warns of it. */
#if !defined(__cplusplus) && !defined(DIRECT)
extern int munlock(const void *addr, size_t len);
#endif

#define LEN		((size_t)1 << 16)
#define ON		(PROT_READ | PROT_WRITE)
#define ANON		(MAP_PRIVATE | MAP_ANONYMOUS)
#define CALL(f, args)	f args
#define ARGS		p, LEN
#define NOT(call)	(!(call))

struct calls {
	void *(*mmap)(void *addr, size_t len, int prot, int flags, int fd,
		      off_t off);
	int (*mlock)(const void *addr, size_t len);
	int munlock, madvise;
};

static const struct calls calls = { mmap, mlock, 1, 2 };
static int (*const all[])(int) = { mlockall };

static int use(char *p)
{
	int munmap = 0;		/* a variable */

	if (calls.mlock(p, LEN) || CALL(munlock, (p, LEN)) ||
	    mlock2(p, LEN, MLOCK_ONFAULT) || munlockall() || munlock(ARGS))
		return 1;
	if (NOT(mprotect(p, LEN, PROT_READ) == 0) || all[0](0) != -1)
		return 2;
	return madvise(p, LEN, MADV_NORMAL) + munmap;
}

int main(void)
{
	struct lof_region region;
	char *p = (char *)calls.mmap(0, LEN, ON, ANON, -1, 0);
	char *q = (char *)mmap64(0, LEN, ON, ANON, -1, 0);

	if (p == MAP_FAILED || q == MAP_FAILED ||
	    mmap(p, LEN, ON, ANON | MAP_FIXED, -1, 0) != p || use(p))
		return 1;
	q = (char *)mremap(q, LEN, 2 * LEN, MREMAP_MAYMOVE);
	if (q == MAP_FAILED || lof_query(q, &region, sizeof(region)))
		return 2;
	return munmap(p, LEN) || (munmap)(q, 2 * LEN);
}
C

# What C++ has besides.
cat >"$work/uses.cc" <<'CC'
#define main main_of_c
#include "uses.c"
#undef main
struct Stream {
	int locks;
	int mlock(int n) { return locks += n; }
	static int mmap() { return 5; }
	template<int (*lock)(const void *, size_t)> int with(void *p)
	{
		return lock(p, LEN);
	}
};
namespace other {
static int mlock(int n) { return n; }
using ::munlock;
}
int main()
{
	Stream stream = { 0 }, *s = &stream;
	void *p = ::mmap(0, LEN, ON, ANON, -1, 0);

	if (main_of_c() || p == MAP_FAILED || s->mlock(3) != 3 ||
	    stream.locks != 3 || Stream::mmap() != 5 || other::mlock(7) != 7)
		return 1;
	return s->with< ::mlock>(p) || other::munlock(p, LEN) ||
	       ::munmap(p, LEN);
}
CC

# The symbols that the source uses with its off_t of 64 bits.
wanted='lof_madvise lof_mlock lof_mlock2 lof_mlockall lof_mmap lof_mprotect'
wanted="$wanted lof_mremap lof_munlock lof_munlockall lof_munmap lof_query"

# used OBJECT: those functions of the library or of <sys/mman.h>
used() {
	nm -u "$1" | awk '{ print $2 }' |
		grep -E '^(lof_|m(un)?(map|lock|protect|remap|advise))' |
		sort | tr '\n' ' ' | sed 's/ $//'
}

# compiled WANTED LANGUAGE COMPILER...: without a warning, to these symbols
compiled() {
	symbols=$1
	source=$2
	shift 2
	"$@" -D_GNU_SOURCE -Wall -Wextra -Wshadow -pedantic -Werror -c \
		-o "$work/uses.o" "$work/$source" || return 1
	[ "$(used "$work/uses.o")" = "$symbols" ] || {
		echo "it uses $(used "$work/uses.o")"
		return 1
	}
}

# runs COMPILER...: what was compiled last
runs() {
	"$@" -o "$work/uses" "$work/uses.o" -L.libs -llockonfault &&
		LD_LIBRARY_PATH=.libs "$work/uses"
}

shadow="-isystem $include/lockonfault/overlay -I$include"
direct="-DDIRECT -Wredundant-decls -I$include"

# each_form WANTED SOURCE COMPILER...: to these symbols in each form
each_form() {
	symbols=$1
	source=$2
	shift 2
	for form in "$shadow" "$direct"; do
		for level in -O0 -O2; do
			# shellcheck disable=SC2086	# flags are words
			check "$* $level, $source${form%%-[iW]*}" \
				compiled "$symbols" "$source" "$@" $level $form
		done
	done
}

# each_off_t SOURCE COMPILER...: with an off_t of 64 bits, in both ways
each_off_t() {
	for lfs in -U_FILE_OFFSET_BITS -D_FILE_OFFSET_BITS=64; do
		# shellcheck disable=SC2086	# flags are words
		each_form "$wanted" "$1" $2 ${CFLAGS-} $lfs
		check "the program of $2 $lfs runs" runs $2 ${CFLAGS-}
	done
}

# short_off_t SOURCE COMPILER: with an off_t of 32 bits, if there is one
short_off_t() {
	# A compiler without headers for 32 bits finds some in this directory.
	m32="-m32 -idirafter /usr/include/$($2 -print-multiarch 2>/dev/null)"
	# shellcheck disable=SC2086	# flags are words
	if $2 $m32 -fsyntax-only "$work/headers.${1##*.}" 2>/dev/null; then
		each_form "$wanted" "$1" $2 $m32 -D_FILE_OFFSET_BITS=64
		each_form "$(echo "$wanted" |
			sed 's/lof_mmap/& &32/')" "$1" $2 $m32
	else
		left_out "'$2' has no headers of 32 bits"
	fi
}

echo '#include <stdio.h>
#include <sys/mman.h>' >"$work/headers.c"
cp "$work/headers.c" "$work/headers.cc"
case $CC in
*clang*) others='gcc g++' ;;
*) others='clang clang++' ;;
esac
[ -z "${CFLAGS-}" ] || others=	# each has sanitizers of its own
for compiler in "$CC" "$CXX" $others; do
	case $compiler in
	*++*) source=uses.cc ;;
	*) source=uses.c ;;
	esac
	if has "${compiler%% *}"; then
		each_off_t $source "$compiler"
		short_off_t $source "$compiler"
	else
		left_out "there is no $compiler"
	fi
done

# Where libc does not declare a function, the overlay does not, either.
cat >"$work/strict.c" <<'C'
#include <sys/mman.h>
static int madvise(int n) { return n; }
static int mremap(int n) { return n; }
int main(void) { return mremap(1) + madvise(mlock("", 1)); }
C
for std in c89 c99 c11; do
	# shellcheck disable=SC2086	# flags are words
	check "a source in strict $std" $CC -std=$std -D_POSIX_C_SOURCE=200809L \
		-Wall -Wextra -Werror -fsyntax-only $shadow "$work/strict.c"
done

# For this off_t libc's header names mmap64 before the overlay can.
printf '#include <%s>\n' sys/mman.h lockonfault/overlay.h >"$work/late.c"
late() {
	# shellcheck disable=SC2086	# CC is words
	$CC -D_FILE_OFFSET_BITS=64 -I"$include" -fsyntax-only "$work/late.c" \
		2>&1 | grep 'include <lockonfault/overlay.h> before'
}
if echo '#include <stdio.h>
__GLIBC__' | $CC -E - | tail -n 1 | grep -q '^[0-9]'; then
	check 'the overlay after the header says that it is late' late
fi
finish
