#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each C program of the README compiles and runs. A program begins with #define
# or #include, and ends before a line of text.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

srcdir=$(cd "$srcdir" && pwd)
# If the library was built with sanitizers, the programs must be too.
sanitize=$(sed -n 's/^SANITIZE = //p' Makefile 2>/dev/null)
libs=$builddir/.libs
cd "$work" || exit 1

awk '/^  #(define|include) / && !code { code = 1; n++ }
     /^[^ ]/ || /^  cc / { code = 0 }
     code { print substr($0, 3) >("program" n ".c") }' "$srcdir/README"
# shellcheck disable=SC2086	# flags are words
for program in program*.c; do
	[ -e "$program" ] || {
		fail 'the README has no program'
		break
	}
	check "$program of the README compiles" \
		$CC $sanitize -Wall -Wextra -Werror -std=c11 \
		-I"$srcdir/include" -o program "$program" \
		-L"$libs" -llockonfault
	check "$program of the README runs" env \
		LD_LIBRARY_PATH="$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
		./program
	rm -f program
done
finish
