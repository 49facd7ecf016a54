#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# All interleavings of calls on the same pages, which switch at the seams of the
# protocol: no page may be wrong. If any part of the protocol is left out, some
# page must be wrong. With --long: more triples. A failure prints a command that
# replays it and shows the position of each call.
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
		fail "without $part no page is wrong"
	fi
done
finish
