#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The example of the README runs, and prints the kinds of its memory. The demo
# has its own test.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

examples/on_fault >"$work/out" 2>&1
same 'on_fault: exit status' 0 $?
same 'on_fault: memory that grows stays locked on fault' \
	'mapped:   locked on fault
grown:    locked on fault
unlocked: not locked' "$(cat "$work/out")"
finish
