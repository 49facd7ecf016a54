#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The man pages are well formed, they agree with the header, and their examples
# run.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

LC_ALL=C.UTF-8 MANWIDTH=80 MANROFFSEQ=
export LC_ALL MANWIDTH MANROFFSEQ

for tool in mandoc man; do
	has $tool || skip "there is no $tool here"
done

# empty TITLE FILE: fails if FILE has any error messages
empty() {
	if [ -s "$2" ]; then
		fail "$1"
		sed 's/^/    /' "$2"
	else
		ok "$1"
	fi
}

srcdir=$(cd "$srcdir" && pwd)
header=$srcdir/include/lockonfault.h
# If the library was built with sanitizers, the examples must be too.
sanitize=$(sed -n 's/^SANITIZE = //p' Makefile 2>/dev/null)

# Copy the pages into man's directories, so that .so finds its target.
for page in "$srcdir"/man/*.[1-9]; do
	section=${page##*.}
	mkdir -p "$work/man$section"
	cp "$page" "$work/man$section/"
done
cd "$work" || exit 1
pages=$(ls man*/*)
whole=$(grep -L '^\.so ' man*/*)

# rendered PAGE: the page as plain text
rendered() {
	mandoc -T ascii "$1" | awk '{ gsub(/.\010/, ""); print }'
}

# section NAME: a section of a rendered page
section() {
	awk -v name="$1" '/^[A-Z]/ { on = $0 == name; next } on'
}

# code: C without comments and white space, one statement on a line
code() {
	tr -d ' \t\n' | sed 's,/\*[^/]*\*/,,g' | tr ';' '\n'
}

# --- well formed

for page in $pages; do
	level=warning
	grep -q '^\.so ' "$page" && level=error	# mandoc warns of each .so
	{
		mandoc -T lint -W $level "$page"
		man --warnings -E UTF-8 -l -Tutf8 -Z "$page" >/dev/null
	} >wrong 2>&1
	empty "$page is well formed" wrong
done

# --- the options of lof_set() and their values, with their numbers, stand in
#     "Policies" of lockonfault(7), and in lof_set(3)

sed -n '/^enum lof_option/,/^#define LOF_SYNC_MS_MAX/ {
	s/^\t\(LOF_[A-Z_]*\)\t*= \([0-9]*\).*/\1 (\2/p
}' "$header" >options
rendered man7/lockonfault.7 | awk '/^   [A-Z]/ { on = /Policies/ } on' >policies
rendered man3/lof_set.3 >lof_set
for page in policies lof_set; do
	while read -r option; do
		grep -q "^ *${option}[,)]" $page || echo "$option) is not there"
	done <options >wrong
	[ -s options ] || echo 'no options' >wrong
	empty "$page: all options and values of the header" wrong
done

# --- the header: its prototypes, and the errors of each function, as "NAME
#     ERRNO". "NAME *": also the errors of a system call. If the header refers
#     to another function, the errors of that function.

sed 's/^#.*//; s/^extern "C" {//' "$header" |
	awk '/^[ \t]*\/\*/, /\*\// { next } { print }' |
	code | grep -E '^[a-z][a-z*]*(lof_[a-z0-9_]+|mlock2|munlock2)\(' >protos

awk '
/^\/\*/ { n = 0; split("", errors); names = ""; open = 0 }
/^ \* lof_[a-z0-9_]+\(\) - / || /^\/\* lof_[a-z0-9_]+\(\) - / {
	name = $0
	sub(/\(\).*/, "", name)
	sub(/.* /, "", name)
	names = names " " name
}
/^ \*   [A-Z]/ {
	line = $0
	while (match(line, /^[ *]*E[A-Z0-9]+[ ,]/)) {
		word = substr(line, 1, RLENGTH)
		gsub(/[^A-Z0-9]/, "", word)
		errors[n++] = word
		line = substr(line, RLENGTH + 1)
	}
}
/(those|another error) of [a-z]+\(2\)/ || /- [a-z]+\(2\)/ { open = 1 }
/[Ee]rrors.*: those of lof_/ {
	line = $0
	while (match(line, /lof_[a-z0-9_]+\(\)/)) {
		errors[n++] = "=" substr(line, RSTART, RLENGTH - 2)
		line = substr(line, RSTART + RLENGTH)
	}
}
/\*\// {
	split(names, list)
	for (i in list) {
		for (j = 0; j < n; j++)
			print list[i], errors[j]
		if (open)
			print list[i], "*"
	}
	names = ""
}' "$header" >direct
awk 'NR == FNR { of[$1] = of[$1] " " $2; next }
     $2 ~ /^=/ {
	n = split(of[substr($2, 2)], list)
	for (i = 1; i <= n; i++)
		if (list[i] !~ /^=/)
			print $1, list[i]
	next
     }
     { print }' direct direct >errors

# prototypes PAGE: the prototypes of its synopsis, one on a line
prototypes() {
	rendered "$1" | section SYNOPSIS | grep -v '^ *#' | code
}

# --- each name has a page, each prototype is that of the header

for name in $(sed -n '/PRIVATE/q; s/^\t\([a-z0-9_]*\);$/\1/p' \
	      "$srcdir/src/liblockonfault.map"); do
	page=man3/$name.3
	: >wrong
	if [ "$name" = mlock2 ]; then	# the manual of Linux has that name
		page=man3/lof_mlock2.3
	fi
	if [ ! -f "$page" ]; then
		echo "there is no $page" >wrong
	else
		prototypes "$page" >synopsis
		grep -E "(int|void|\*)$name\(" protos >proto ||
			echo "it is not in the header" >wrong
		grep -F -x -v -f synopsis proto >>wrong
		rendered "$page" | section NAME | grep -q -w "$name" ||
			echo "it is not in NAME" >>wrong
	fi
	empty "$name() has a page with its prototype" wrong
done

for page in $whole; do
	case $page in man3/*) ;; *) continue ;; esac
	prototypes "$page" | grep '(.*)$' >synopsis
	grep -F -x -v -f protos synopsis >wrong
	empty "the prototypes of $page are those of the header" wrong
done

# --- each SYNOPSIS compiles: after its lines that begin with #, each of its
#     prototypes is declared again, and must agree with the header

for page in $whole; do
	case $page in man3/*) ;; *) continue ;; esac
	rendered "$page" | section SYNOPSIS >synopsis
	{
		grep '^ *# *include' synopsis || echo '#error no #include'
		sed -n 's/^ *# *define  *\([A-Z][A-Z0-9_]*\).*/#ifndef \1\
#error no \1\
#endif/p' synopsis
		grep -v '^ *#' synopsis | tr '\n' ' ' | tr ';' '\n' |
			sed -n 's/^[^(]*[ *]\([a-z0-9_]*\)(.*)$/extern __typeof__(\1) \1;\
&;/p'
	} >synopsis.c
	# Feature test macros come first, as in the page.
	sed -n '/^ *# *define  *_/p' synopsis | cat - synopsis.c >whole.c
	grep -q '^extern ' whole.c || echo 'no prototype' >>whole.c
	$CC -std=c11 -Wall -Wextra -Werror -fsyntax-only \
		-I"$srcdir/include" whole.c >wrong 2>&1
	empty "the synopsis of $page compiles" wrong
done

# --- the header and the page list the same errors

for page in $whole; do
	case $page in man3/*) ;; *) continue ;; esac
	rendered "$page" | section NAME | sed 's/ - .*//' |
		tr -cs 'a-z0-9_' '\n' | sed '/^$/d' >names
	awk 'NR == FNR { on[$1]; next } $1 in on { print $2 }' names errors |
		sort -u >want
	awk '/^\.SH/ { on = $2 == "ERRORS" } !on { next }
	     tag && /^\.B/ { print } { tag = $0 == ".TP" }' "$page" |
		tr -cs 'A-Z0-9' '\n' | grep '^E[A-Z0-9][A-Z0-9]' |
		sort -u >have
	grep -v -x '\*' want | comm -23 - have |
		sed 's/$/ is not in the page/' >wrong
	# The header has ENOMEM for the ledger once, for all functions.
	grep -q -x '\*' want || { echo ENOMEM; cat want; } | sort -u |
		comm -13 - have | sed 's/$/ is not in the header/' >>wrong
	empty "the errors of $page are those of the header" wrong
done

# --- the examples

# examples PAGE: write its programs to example1.c, example2.c ...
examples() {
	rm -f example*.c
	awk '/^\.SH/ { on = $2 == "EXAMPLES" }
	     /^\.EE/ { code = 0 }
	     on && code { print >("example" n ".c") }
	     on && /^\.EX/ { code = 1; n++ }' "$1"
	for program in example*.c; do
		[ -f "$program" ] || continue
		sed -i 's/\\-/-/g; s/\\(aq/'"'"'/g; s/\\(dq/"/g
			s/\\(ha/^/g; s/\\(ti/~/g; s/\\&//g; s/\\e/\\/g' \
			"$program"
	done
}

# tried PROGRAM: compile and run it, and print its errors
tried() {
	# shellcheck disable=SC2086	# flags are words
	if grep -n '	' "$1"; then	# a table changes the tab stops
		echo "it has tabs"
	elif ! $CC $sanitize -Wall -Wextra -std=c11 \
	     -I"$srcdir/include" -o example "$1" \
	     -L"$libs" -llockonfault >out 2>&1 || [ -s out ]; then
		echo "the compiler says:"
		cat out
	elif ! LD_LIBRARY_PATH=$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
	       ./example >out 2>&1; then
		echo "it fails:"
		cat out
	fi
}

libs=$builddir/.libs
for page in $whole; do
	case $page in man3/* | man7/lockonfault.7) ;; *) continue ;; esac
	examples "$page"
	: >wrong
	[ -s example1.c ] || echo "there is none" >wrong
	for program in example*.c; do
		[ ! -s "$program" ] || tried "$program" >>wrong
	done
	empty "the example of $page runs" wrong
done

finish
