#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The example of the README runs, and prints how its memory is locked. The demo
# has a test of its own.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

examples/on_fault >"$work/out" 2>&1
same 'on_fault: exit status' 0 $?
same 'on_fault: memory that grows stays locked on fault' \
	'mapped:   locked on fault
grown:    locked on fault
unlocked: not locked' "$(cat "$work/out")"
finish
