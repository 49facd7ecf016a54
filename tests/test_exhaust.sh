#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Calls on the same pages, changing over at the protocol's seams in every way
# there is: no page comes out wrong; and without any one part of the protocol
# some way is found in which one does. With --long: more triples, for long.
# What fails prints a command that runs it again, and tells where each call was.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*)
	skip 'sanitizers do not follow a stack that changes' ;;
esac
[ -x ./exhaust ] || skip 'this libc has no makecontext'

if ./exhaust ${1+"$1"}; then
	ok 'exhaust'
else
	fail 'exhaust'
fi
for part in log unplaced left blindness second-look moves \
	inflight-again lock-again; do
	./exhaust --without "$part" >"$work/exhaust" 2>&1
	if [ $? -eq 1 ]; then
		ok "without $part some page is wrong:" \
			"$(sed -n 's/^exhaust --replay //p' "$work/exhaust")"
	else
		cat "$work/exhaust"
		fail "nobody misses $part"
	fi
done
finish
