#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The public header compiles alone: as C11 and C89 with pedantic warnings, as C++,
# with and without the extensions of libc. test_overlay.sh has the overlay.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

include=$srcdir/include
use='int main(void) { struct lof_region r;
	return lof_query(0, &r, sizeof(r)) && munlock2(0, 0, MLOCK_LOCKED); }'
W='-Wall -Wextra -Werror -pedantic-errors -fsyntax-only'

printf '#include <lockonfault.h>\n%s\n' "$use" >"$work/plain.c"
cp "$work/plain.c" "$work/plain.cc"

for std in c11 c99 gnu11; do
	# shellcheck disable=SC2086
	check "lockonfault.h as $std" $CC -std=$std $W -I"$include" \
		"$work/plain.c"
done
# shellcheck disable=SC2086
check 'lockonfault.h as c89 (with long long)' $CC -std=c89 $W \
	-Wno-long-long -I"$include" "$work/plain.c"
# shellcheck disable=SC2086
check 'lockonfault.h with _GNU_SOURCE' $CC -std=c11 -D_GNU_SOURCE $W \
	-I"$include" "$work/plain.c"
cat >"$work/stats.cc" <<'CC'
#include <lockonfault.h>
static struct lof_stats stats;
int main() { int (*read)(struct lof_stats *, size_t) = lof_stats;
	return lof_stats(&stats, sizeof(struct lof_stats)) + read(&stats, 1); }
CC
case $CXX in
*clang*) other=g++ ;;
*) other=clang++ ;;
esac
for compiler in "$CXX" $other; do
	has "${compiler%% *}" || {
		left_out "there is no $compiler"
		continue
	}
	for std in c++98 c++11 c++17 c++20; do
		# shellcheck disable=SC2086
		check "lockonfault.h as $std by $compiler" $compiler -std=$std \
			$W -Wshadow -Wno-long-long -I"$include" "$work/plain.cc"
		# shellcheck disable=SC2086
		check "lof_stats as $std by $compiler" $compiler -std=$std \
			$W -Wshadow -Wno-long-long -I"$include" "$work/stats.cc"
	done
done
finish
