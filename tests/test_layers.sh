#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rooms (folders) of src: a room includes and calls only itself and the
# rooms before it in the list, and no files call each other in a circle. An
# arrow is an include of another file, or a use of its function or variable.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

rooms='base kernel ledger lock emulate api preload'

# The rank of each room: its place in the list.
awk -v rooms="$rooms" 'BEGIN {
	n = split(rooms, room)
	for (i = 1; i <= n; i++)
		print room[i], i
}' >"$work/ranks"

# FROM-FILE TO-FILE for each include. A name without a folder is left out: the
# public header, config.h, or a file of the same folder.
(cd "$srcdir/src" && for room in $rooms; do
	awk -F'"' '/^#include ".*\// { print FILENAME, $2 }' "$room"/*.[ch]
done) >"$work/includes"

# FROM-FILE TO-FILE SYMBOL for each use, from the symbols of the objects.
for object in src/*/.libs/*.o; do
	case $object in
	*_la-*) ;;
	*) nm "$object" | sed "s|^|$object |" ;;
	esac
done | awk '
	{ file = $1; sub(/^src\//, "", file)
		sub(/\.libs\//, "", file); sub(/\.o$/, ".c", file) }
	NF == 3 && $2 == "U" { used[file " " $3] }
	NF == 4 && $3 ~ /^[TDBRV]$/ && $4 ~ /^lof_/ { home[$4] = file }
	END {
		for (use in used) {
			split(use, part, " ")
			if (part[2] in home && home[part[2]] != part[1])
				print part[1], home[part[2]], part[2]
		}
	}' | sort >"$work/uses"

# wrong FILE: the arrows that point to a later room
wrong() {
	awk 'NR == FNR { rank[$1] = $2; next }
		{ split($1, from, "/"); split($2, to, "/") }
		!(to[1] in rank) || rank[to[1]] > rank[from[1]]' \
		"$work/ranks" "$1"
}

is() { [ "$1" = "$2" ] && ok "$3" || fail "$3: $1"; }

[ "$(wc -l <"$work/uses")" -gt 300 ] || fail 'there are no objects to look at'
is "$(wrong "$work/includes")" '' \
	"$(wc -l <"$work/includes") includes: none of a room below"
is "$(wrong "$work/uses")" '' \
	"$(wc -l <"$work/uses") uses: none of a room below"
# tsort prints the files of a circle.
is "$(cut -d' ' -f1,2 "$work/uses" | sort -u | tsort 2>&1 >/dev/null)" '' \
	"$(cut -d' ' -f1,2 "$work/uses" | sort -u | wc -l) arrows between files: no circle"
is "$(grep '\.h .*\.h$' "$work/includes" | tsort 2>&1 >/dev/null)" '' \
	'no circle of headers'
finish
