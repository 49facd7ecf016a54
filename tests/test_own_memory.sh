#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The library's own memory does not disturb a program: the program prints the
# same under the shim as without it, and its size grows by the libraries and a
# page only. The library asks the kernel for its features when it is loaded.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
[ -e "$shim" ] || skip 'the shim is not built'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*) skip 'sanitizers want to be loaded first' ;;
esac
has prlimit || skip 'there is no prlimit'
as_nobody=
if [ "$(id -u)" = 0 ]; then
	has setpriv || skip 'there is no setpriv'
	as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
	as_nobody="$as_nobody --inh-caps=-all --bounding-set=-all"
fi

# Any user must be able to read the files.
chmod 755 "$work"
cp own_helper "$shim" .libs/liblockonfault.so.0 "$work/"
chmod 755 "$work"/*
shimmed() {
	LD_LIBRARY_PATH="$work" LD_PRELOAD="$work/${shim##*/}" "$@"
}

# same_as_bare TITLE SETTING COMMAND...
same_as_bare() {
	title=$1 setting=$2
	shift 2
	"$work/own_helper" "$@" >"$work/wanted" 2>&1
	shimmed env "$setting" "$work/own_helper" "$@" >"$work/got" 2>&1
	check "$title, $setting" diff "$work/wanted" "$work/got"
}

# Under a limit a program can map much after MCL_FUTURE only with the shim.
whens='after before for-all'
if ! "$work/own_helper" fill-hole for-all 1 >/dev/null 2>&1; then
	left_out 'holes are filled for-all: beyond RLIMIT_MEMLOCK without the shim'
	whens='after before'
fi
for setting in LOCKONFAULT_CONVERT=0 LOCKONFAULT_CONVERT=1 \
	LOCKONFAULT_FUTURE=emulate; do
	for when in $whens; do
		for npages in 1 16 512; do
			same_as_bare "a hole of $npages is filled $when" \
				$setting fill-hole $when $npages
		done
	done
	same_as_bare 'a hole stays one' $setting use-hole
	same_as_bare 'a mapping shrinks and grows back' $setting shrink-and-grow
	same_as_bare 'half of the addresses can be mapped' $setting map-half
done

# The sandbox kills a program that makes such a system call later.
if "$work/own_helper" run-in-sandbox "$work/own_helper" nothing; then
	same_as_bare 'a program in a sandbox of its own' LOCKONFAULT_CONVERT=0 \
		call-in-sandbox
	same_as_bare 'a program in a sandbox of its own' LOCKONFAULT_CONVERT=1 \
		call-in-sandbox
	check 'a program in a sandbox before it' shimmed \
		"$work/own_helper" run-in-sandbox "$work/own_helper" nothing
fi

# MemorySanitizer maps its shadow at fixed addresses, after the shim is loaded.
echo 'int main(void) { return 3; }' >"$work/sanitized.c"
if has clang && clang -fsanitize=memory "$work/sanitized.c" \
	-o "$work/sanitized" >/dev/null 2>&1; then
	shimmed "$work/sanitized" >"$work/got" 2>&1
	same 'a program with MemorySanitizer starts' '3' "$?$(cat "$work/got")"
else
	left_out 'a program with MemorySanitizer: clang does not make one'
fi

# The size may grow by the segments of the libraries and a page.
segments=$(for file in "$work/${shim##*/}" "$work/liblockonfault.so.0"; do
	readelf -lW "$file"
done | awk '$1 == "LOAD" { print $3, $6 }' | while read -r start size; do
	echo $((((start + size + 4095) / 4096 - start / 4096) * 4))
done | awk '{ sum += $1 } END { print sum }')
small=$("$work/own_helper" size)
large=$(shimmed "$work/own_helper" size)
echo "    $small KiB without the shim, $((large - small)) more under it," \
	"of which $segments are the libraries"
at_most 'it is larger by the libraries and a page, in KiB' \
	$((segments + 4)) $((large - small))
# as_limit KIB: the argument of prlimit for RLIMIT_AS
as_limit() { echo "--as=$(($1 * 1024)):$(($1 * 1024))"; }
# Raise the limit until the program runs without the shim: the loader needs more
# memory for a moment.
limit=$small
while [ "$limit" -lt $((small + 8192)) ] &&
	! prlimit "$(as_limit "$limit")" "$work/own_helper" touch \
		>"$work/wanted" 2>&1; do
	limit=$((limit + 16))
done
shimmed prlimit "$(as_limit $((limit + segments + 4)))" \
	"$work/own_helper" touch >"$work/got" 2>&1
check 'as much as it needs and the libraries is enough' diff "$work/wanted" \
	"$work/got"

# mlockall(MCL_CURRENT) compares the size of all mappings with the limit.
limit=--memlock=8388608:8388608
if prlimit $limit true 2>/dev/null; then
	fill=$((8192 - small - segments - 256))
	limited() {
		# shellcheck disable=SC2086
		prlimit $limit $as_nobody env "$@" \
			"$work/own_helper" lock-current "$fill"
	}
	limited UNUSED=1 >"$work/wanted" 2>&1
	same "without the shim $fill KiB more can be locked" \
		'mlockall: ok mlock: ok ' "$(tr '\n' ' ' <"$work/wanted")"
	for convert in 0 1; do
		limited LD_LIBRARY_PATH="$work" \
			LD_PRELOAD="$work/${shim##*/}" \
			LOCKONFAULT_CONVERT=$convert >"$work/got" 2>&1
		check "and under it, LOCKONFAULT_CONVERT=$convert" \
			diff "$work/wanted" "$work/got"
	done
fi
finish
