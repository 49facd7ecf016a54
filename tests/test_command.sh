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
same 'status, default columns' 'PID COMMAND CHARGED LOCKED ONFAULT FULL LIMIT' \
	"$("$command" status -r $fault | head -n 1)"
same 'status -o +' \
	'PID COMMAND CHARGED LOCKED ONFAULT FULL LIMIT SWAP' \
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
		says 'status --json, no limit' json ' *"limit": null'
	fi
else
	left_out 'the view of another user: nobody cannot run the command here'
fi
exec 3>&- 4>&-
wait $full $fault

finish
