#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command lockonfault: its usage, and its status, which must agree with
# /proc.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

# --- usage

for name in '' run status; do
	exits "$name --help" 0 "$command" $name --help
	says "$name --help has a synopsis" out \
		" lockonfault ${name:-run} \[options\].*"
	silent "$name --help leaves stderr alone"
	same "$name --help fits 80 columns" '' "$(awk 'length > 80' "$work/out")"
	exits "$name --version" 0 "$command" $name --version
	says "$name --version" out \
		'lockonfault from liblockonfault [0-9][0-9.]*'
	exits "$name --help on a full disk" "$([ "$name" = run ] && echo 125 ||
		echo 1)" sh -c '"$@" >/dev/full' sh "$command" $name --help
done
exits 'no command' 1 "$command"
exits 'an unknown command' 1 "$command" frobnicate
says 'an unknown command is named' err ".*no such command: 'frobnicate'"
exits 'run, an unknown option' 125 "$command" run --frobnicate
exits 'run without CMD' 125 "$command" run
exits 'status, an unknown option' 1 "$command" status --frobnicate

# --- status

mkfifo stop_full stop_fault
"$locker" hold 1048576 0 >ready_full <stop_full &
full=$!
exec 3>stop_full
"$locker" hold 4194304 1 "a b$(printf '\033')[31m\"" >ready_fault <stop_fault &
fault=$!
exec 4>stop_fault
wait_for test -s ready_full && wait_for test -s ready_fault
page=$(getconf PAGESIZE)

# row PID LIST: the columns of LIST for process PID, in bytes
row() { "$command" status -bnr -o "$2" "$1"; }

same 'status of memory locked in full' "$full 1048576 1048576 0 1048576" \
	"$(row $full pid,charged,locked,onfault,full)"
same 'status of memory locked on fault' "$fault 4194304 $page 4194304 0" \
	"$(row $fault PID,CHARGED,LOCKED,ONFAULT,FULL)"
same 'status, LIMIT' "$(sed -n 's/^Max locked memory *\([^ ]*\) .*/\1/p' \
	/proc/$full/limits)" "$(row $full LIMIT)"
same 'status, RESIDENT' "$(awk '/^Rss:/ { n += $2 } END { print n * 1024 }' \
	/proc/$fault/smaps)" "$(row $fault RESIDENT)"
same 'status, SWAP' 0 "$(row $full SWAP)"
same 'status, sizes for people' '4M' "$(
	"$command" status -nr -o CHARGED $fault)"
same 'status, default columns' 'PID COMMAND CHARGED LOCKED ONFAULT FULL LIMIT SHIM LEFTOUT OVER' \
	"$("$command" status -r $fault | head -n 1)"
same 'status -o +' \
	'PID COMMAND CHARGED LOCKED ONFAULT FULL LIMIT SHIM LEFTOUT OVER SWAP' \
	"$("$command" status -r -o +swap,pid $fault | head -n 1)"
same 'status --noheadings' 1 "$("$command" status -n $fault | wc -l)"
same 'status, a name is made printable' 'a b?[31m"' \
	"$("$command" status -n -o COMMAND $fault)"
same 'status --raw, a name is one word' 'a\x20b?[31m"' \
	"$("$command" status -nr -o COMMAND $fault)"
exits 'status without PID' 0 "$command" status -nr -o PID
says 'it has the one locked in full' out $full
says 'it has the one locked on fault' out $fault
same 'it has no other' '' "$(grep -x $$ out)"
same 'of named ones it has those too' "$$ 0" "$(row $$ PID,CHARGED)"
for list in x PID,x '' 'PID,' ,PID +x PIDS; do
	exits "status -o '$list'" 1 "$command" status -o "$list"
	says "status -o '$list' is refused" err '.*unknown column: .*'
done
exits 'status --json --raw' 1 "$command" status -J -r
for pid in x 0 -1 1x 99999999999999999999; do
	exits "status of '$pid'" 1 "$command" status -- "$pid"
	says "status of '$pid' is refused" err ".*invalid process ID: '$pid'"
done
# 4194305 is above the largest possible PID.
exits 'status with a PID missing' 1 "$command" status -nr -o PID 4194305 $full
says 'the missing one is named' err '.*no such process: 4194305'
same 'the other is shown' $full "$(cat out)"
exits 'status on a full disk' 1 sh -c '"$@" >/dev/full' sh "$command" status $$

"$command" status -J -o +RESIDENT,SWAP $full $fault >json
for line in "\"pid\": $fault," '"charged": 4194304,' '"onfault": 4194304,' \
	'"full": 0,' '"command": "a b?\[31m\\"",'; do
	says "status --json has $line" json " *$line"
done
if has python3; then
	check 'status --json is JSON' python3 -m json.tool json
	"$command" status -J -o LOCKED 4194305 >json 2>/dev/null
	check 'status --json without a row is JSON' python3 -m json.tool json
else
	left_out 'whether --json is JSON: there is no python3'
fi

# The user nobody may not read the smaps of root's process.
if nobody_can "$command" --version && ! as_nobody head /proc/$$/smaps \
	>/dev/null 2>&1; then
	as_nobody "$command" status -J $full >json
	says 'status of a process of others has CHARGED' json \
		' *"charged": 1048576,'
	says 'and no more' json ' *"locked": null,'
	exits 'and that is no failure' 0 as_nobody "$command" status -n \
		-o COMMAND,CHARGED,LOCKED,FULL $full
	says 'nor in a table' out 'locker *1M *'
	if has prlimit && prlimit --memlock=unlimited --pid $full 2>/dev/null
	then
		same 'status, no limit' unlimited "$(
			"$command" status -nr -o LIMIT $full)"
		"$command" status -J -o PID,LIMIT $full >json
		says 'status --json, no limit' json ' *"limit": "unlimited"'
	fi
else
	left_out 'the view of another user: nobody cannot run the command here'
fi
exec 3>&- 4>&-
wait $full $fault

# --- status: names of any bytes

# named NAME JSON UTF8 OTHER: start a process of that name, and compare what
# status prints as JSON, in a UTF-8 locale and in another locale
named() {
	mkfifo stop_named
	"$locker" hold 4096 0 "$(printf "$1")" >ready_named <stop_named &
	pid=$!
	exec 5>stop_named
	wait_for test -s ready_named
	for locale in C $utf8 $koi8; do
		LC_ALL=$locale "$command" status -J -o COMMAND $pid >json
		says "'$1' in JSON, locale $locale" json \
			" *\"command\": \"$(printf "$2")\""
	done
	[ -z "$utf8" ] || same "'$1', locale $utf8" "$(printf "$3")" \
		"$(LC_ALL=$utf8 "$command" status -n -o COMMAND $pid)"
	for locale in C $koi8; do
		same "'$1', locale $locale" "$4" \
			"$(LC_ALL=$locale "$command" status -n -o COMMAND $pid)"
		same "'$1' raw, locale $locale" "$4" \
			"$(LC_ALL=$locale "$command" status -nr -o COMMAND $pid)"
	done
	exec 5>&-
	wait $pid
	rm stop_named ready_named
}

# codeset LOCALE
codeset() { LC_ALL=$1 locale charmap 2>/dev/null; }

utf8='' koi8=''
if [ "$(codeset C.UTF-8)" = UTF-8 ]; then
	utf8=C.UTF-8
else
	left_out 'names in a UTF-8 locale: there is no C.UTF-8'
fi
# In KOI8-R the bytes of U+202E are printable.
LOCPATH=$work/locales
mkdir "$LOCPATH"
if localedef -i ru_RU -f KOI8-R "$LOCPATH/ru_RU.KOI8-R" 2>/dev/null; then
	export LOCPATH
	koi8=ru_RU.KOI8-R
else
	unset LOCPATH
	left_out 'names in an 8-bit locale: localedef cannot make one'
fi
if [ -n "$utf8" ]; then
	named 'x\303\251\346\227\245' 'x\303\251\346\227\245' \
		'x\303\251\346\227\245' 'x?????'
	for bidirectional in '\342\200\216' '\342\200\217' '\342\200\252' \
		'\342\200\256' '\342\201\246' '\342\201\251'; do
		named "a${bidirectional}b" 'a?b' 'a?b' 'a???b'
	done
	named 'a\330\234b' 'a?b' 'a?b' 'a??b'
	named 'a\302\233b' 'a?b' 'a?b' 'a??b'
fi
named 'a\303(\377\033b' 'a?(??b' 'a?(??b' 'a?(??b'

# --- status: without /proc

# without_proc COMMAND...: with an empty directory on /proc
without_proc() {
	unshare --mount --map-root-user sh -c \
		'mount --bind empty /proc && exec "$@"' sh "$@"
}

mkdir empty
if has unshare && without_proc true 2>/dev/null; then
	exits 'status without /proc' 1 without_proc "$command" status
	same 'it is said why' \
		'lockonfault status: cannot read /proc: it is not procfs' \
		"$(cat err)"
	same 'and nothing is shown' '' "$(cat out)"
	exits 'status of a PID without /proc' 1 without_proc \
		"$command" status -J 1
	same 'and no JSON' '' "$(cat out)"
	says 'nor is the process missing' err '.*cannot read /proc: .*'
else
	left_out 'status without /proc: no mount namespace'
fi

finish
