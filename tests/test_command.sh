#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command lockonfault, from the outside: what it prints, how it exits, and
# what /proc says of the programs that it starts.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

command=$builddir/lockonfault
shim=$builddir/.libs/liblockonfault-preload.so
locker=$builddir/locker

[ -x "$command" ] || skip 'the command was not built'
[ -x "$locker" ] || skip 'tests/locker was not built'
# What is in the environment of make check is not to be seen here.
unset LD_PRELOAD LOCKONFAULT_CONVERT LOCKONFAULT_DISABLE LOCKONFAULT_DISCARD
unset LOCKONFAULT_LOG NO_COLOR
LC_ALL=C
export LC_ALL
chmod 755 "$work"
srcdir=$(cd "$srcdir" && pwd)
shim=$(realpath "$shim" 2>/dev/null)

# exits WHAT STATUS COMMAND...: leaves its output in out and err.
exits() {
	exits_what=$1 exits_wanted=$2
	shift 2
	"$@" >"$work/out" 2>"$work/err"
	same "$exits_what: exit status" "$exits_wanted" $?
}

# says WHAT FILE PATTERN: a line of the file matches the whole of PATTERN.
says() {
	if grep -qx -- "$3" "$work/$2"; then
		ok "$1"
	else
		fail "$1: no line '$3' in:"
		sed 's/^/    /' "$work/$2"
	fi
}

silent() { same "$1" '' "$(cat "$work/err")"; }

left_out() { echo "left out: $*"; }

is_root() { [ "$(id -u)" = 0 ]; }

# as_nobody COMMAND...: without any privilege
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		-- "$@"
}

# nobody_can COMMAND...: whether there is a nobody who can run it
nobody_can() { is_root && has setpriv && as_nobody "$@" >/dev/null 2>&1; }

cd "$work" || exit 1

# --- usage

for name in '' run status demo; do
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
exits 'demo, an unknown option' 1 "$command" demo --frobnicate
exits 'demo, an argument' 1 "$command" demo 1G
for size in '' 1x -1 1KB G 1e3 99999999999999999999 20000000T; do
	exits "demo, size '$size'" 1 "$command" demo --size="$size"
	says "demo, size '$size' is refused" err ".*not a size: '$size'.*"
done
exits 'demo, a bad --color' 1 "$command" demo --color=sometimes

# --- status

mkfifo stop_full stop_fault
"$locker" hold 1048576 0 >ready_full <stop_full &
full=$!
exec 3>stop_full
"$locker" hold 4194304 1 "a b$(printf '\033')[31m\"" >ready_fault <stop_fault &
fault=$!
exec 4>stop_fault
tries=0
until [ -s ready_full ] && [ -s ready_fault ]; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || break
	sleep 0.1
done
page=$(getconf PAGESIZE)

# row PID LIST: these columns in bytes, of a process
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
	says "status of '$pid' is refused" err ".*not a process ID: '$pid'"
done
# Beyond the largest that the kernel gives out.
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

# This is root's process, and nobody may not read its smaps.
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

# --- demo

# bytes NUMBER UNIT
bytes() {
	awk -v n="$1" -v unit="$2" 'BEGIN {
		power["B"] = 0; power["KiB"] = 1; power["MiB"] = 2
		printf "%d\n", n * 1024 ^ power[unit] }'
}

mkdir tmp
exits 'demo' 0 env TMPDIR="$work/tmp" "$command" demo --size 4M
[ ! -e "$shim" ] || silent 'demo leaves stderr alone'
same 'demo fits 80 columns' '' "$(awk 'length > 80' out)"
says 'demo: locks are kept over mremap' out '.*VmFlags  *lo  *lo lf  *-'
says 'demo: a strip in ASCII, in full' out 'in full  *@@*'
says 'demo: a strip in ASCII, on fault' out 'on fault  *[.:=+*#%-]*'
says 'demo: the size was allowed, or that is said' out \
	'4 MiB of anonymous .*\|RLIMIT_MEMLOCK .* allows no more.*'
# "  resident then   4 MiB  0 B  0 B", for the second time
# shellcheck disable=SC2046
set -- $(sed -n 's/^  resident then *//p' out | sed -n 2p)
check 'demo: on fault less is resident' test \
	"$(($(bytes "$3" "$4") * 10))" -lt "$(bytes "$1" "$2")"
same 'demo: on fault as without a lock' "$3 $4" "$5 $6"
# shellcheck disable=SC2046
set -- $(sed -n 's/^  of that locked *//p' out)
check 'demo: and it is locked' test "$(bytes "$3" "$4")" -gt 0
same 'demo: without a lock it is not' '0 B' "$5 $6"
says 'demo: the gain comes last' out 'resident: .* on fault, .* in full: .* %'
same 'demo: its directory is gone' '' "$(ls tmp)"
says 'demo: memcached is measured, or why not' out \
	'resident then .*: 1\|memcached .*: not measured, .*'
same 'demo: no colors into a file' '' "$(grep "$(printf '\033')" out)"
"$command" demo -s 1M --color=always >out
check 'demo --color=always' grep -q "$(printf '\033')" out
if [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" = UTF-8 ]; then
	LC_ALL=C.UTF-8 "$command" demo -s 1M >out
	check 'demo: a strip in UTF-8' grep -q '^in full  *\(█\)*$' out
fi
# libtool's wrapper has complaints of its own then.
PATH=$work/tmp "$command" demo -s 1M >out 2>/dev/null
says 'demo without memcached' out '.*not measured, it is not installed'
exits 'demo, too small' 1 "$command" demo -s 1

if has prlimit && nobody_can "$command" --version; then
	exits 'demo under a limit' 0 as_nobody prlimit --memlock=1048576 \
		"$command" demo
	says 'demo under a limit says so' out 'RLIMIT_MEMLOCK (1 MiB) allows .*'
	says 'and does what it can' out '.*VmFlags  *lo  *lo lf  *-'
	exits 'demo that may lock nothing' 1 as_nobody prlimit --memlock=0 \
		"$command" demo
fi

# --- run: without the shim it cannot

[ -e "$shim" ] || {
	exits 'run without a shim' 125 "$command" run true
	says 'run without a shim says so' err '.*cannot read the shim.*'
	left_out 'all else of run: the shim was not built'
	finish
}

# --- run: exit status

exits 'run true' 0 "$command" run true
silent 'run true says nothing'
exits 'run, status of CMD' 37 "$command" run sh -c 'exit 37'
exits 'run, options of CMD are its own' 3 "$command" run sh -c 'exit 3' -n
exits 'run --' 4 "$command" run -- sh -c 'exit 4'
exits 'run, CMD killed by SIGTERM' 143 "$command" run sh -c 'kill -TERM $$'
exits 'run, CMD not there' 127 "$command" run "$work/nothing"
exits 'run, CMD not in PATH' 127 \
	env PATH=/usr/bin:/bin "$command" run lockonfault-test-no-such
exits 'run, CMD a directory' 126 "$command" run "$work"
echo 'exit 9' >"$work/plain"
exits 'run, CMD not executable' 126 "$command" run "$work/plain"
says 'run, CMD not executable is named' err ".*cannot execute $work/plain: .*"
chmod +x "$work/plain"
exits 'run, a script without #!' 9 "$command" run "$work/plain"
exits 'run, a shim not there' 125 "$command" run --shim "$work/nothing" true
says 'run, a shim not there is named' err ".*the shim $work/nothing: .*"
# sh replaces itself, so that the process is the one that was started.
"$command" run sh -c 'echo $$' >"$work/out" &
wait $!
same 'run replaces itself by CMD' $! "$(cat "$work/out")"

# --- run: the environment

mkdir "$work/a b" "$work/a:b" "$work/ab"
for dir in 'a b' 'a:b' ab; do
	cp "$shim" "$work/$dir/shim.so"
	wanted=125
	[ "$dir" = ab ] && wanted=0
	exits "run --shim in '$dir'" $wanted \
		"$command" run --shim "$work/$dir/shim.so" true
done
exits 'run --shim by a relative path' 0 "$command" run --shim ab/../ab/shim.so \
	printenv LD_PRELOAD
says 'run --shim is made absolute' out "$(realpath ab)/shim.so"

exits 'run --dry-run' 0 "$command" run -n true
same 'run --dry-run, output' "env LD_PRELOAD=$shim true" "$(cat out)"
exits 'run -n -p -d -l' 0 "$command" run -n -p -d -l 'a b/log' \
	"it's" '' '$HOME' 'x y' a-b
same 'run -n -p -d -l, output' "env LD_PRELOAD=$shim LOCKONFAULT_CONVERT=2 \
LOCKONFAULT_DISCARD=translate LOCKONFAULT_LOG='$(pwd)/a b/log' \
'it'\\''s' '' '\$HOME' 'x y' a-b" "$(cat out)"
exits 'run -n, CMD with =' 0 "$command" run -n ./a=b c
same 'run -n, CMD with =, output' "LD_PRELOAD=$shim './a=b' c" "$(cat out)"

# What it prints does what it would have done, whatever is in an argument.
newline='
'
set -- -l "log 'of'" sh -c 'env | grep ^LOCK; printf "<%s>" "$@"' sh \
	"a'b" 'c"d' "\$(e)" "f${newline}g" '' '*' '\' '~' '#' '=' 'a=b' '{a,b}'
"$command" run "$@" >direct
"$command" run -n "$@" >line
sh ./line >pasted
check 'run -n can be pasted into a shell' cmp direct pasted
check 'and that shows the log' grep -q "^LOCKONFAULT_LOG=.*/log 'of'$" pasted
printf '#!/bin/sh\necho "$1 $LD_PRELOAD"\n' >'x=y'
chmod +x 'x=y'
"$command" run -n ./x=y z >line
same 'run -n of a CMD with = too' "z $shim" "$(sh ./line)"

same 'run keeps LD_PRELOAD' "$shim:$work/ab/shim.so:/x" "$(
	LD_PRELOAD=$work/ab/shim.so:/x "$command" run printenv LD_PRELOAD \
	2>/dev/null)"
same 'run leaves no colon behind an empty one' "$shim" "$(
	LD_PRELOAD='' "$command" run printenv LD_PRELOAD)"
same 'run keeps LOCKONFAULT_CONVERT' 0 "$(
	LOCKONFAULT_CONVERT=0 "$command" run printenv LOCKONFAULT_CONVERT)"
same 'run -p sets it' 2 "$(
	LOCKONFAULT_CONVERT=0 "$command" run -p printenv LOCKONFAULT_CONVERT)"
exits 'run under LOCKONFAULT_DISABLE' 0 \
	env LOCKONFAULT_DISABLE=1 "$command" run printenv LOCKONFAULT_DISABLE
says 'LOCKONFAULT_DISABLE stays' out 1
says 'LOCKONFAULT_DISABLE is pointed out' err '.*LOCKONFAULT_DISABLE=1.*'
exits 'run -v' 0 "$command" run -v true
says 'run -v tells the variables' err ".*: LD_PRELOAD=$shim"
says 'run -v tells the limit' err '.*: RLIMIT_MEMLOCK: .*, was .*'

# --- run: the program is under lock-on-fault

if [ "$("$locker" flags)" = lo ]; then
	same 'run: mlock is on fault' 'lo lf' "$("$command" run "$locker" flags)"
	same 'run: of a script too' 'lo lf' "$(
		"$command" run sh -c '"$1" flags' sh "$locker")"
	same 'run: not when disabled' lo "$(LOCKONFAULT_DISABLE=1 \
		"$command" run "$locker" flags 2>/dev/null)"
	"$command" run -l log "$locker" flags >out
	check 'run -l: the lock call is in the log' grep -q ' mlock 0x' log
else
	fail "a plain mlock here: '$("$locker" flags)'"
fi

# limits COMMAND...: the soft and the hard limit that it gives a program
limits() { "$@" prlimit --memlock --noheadings --raw --output SOFT,HARD; }

if ! has prlimit; then
	left_out 'the limit: there is no prlimit'
elif nobody_can "$command" --version; then
	same 'run raises the soft limit to the hard one' '131072 131072' "$(
		limits as_nobody prlimit --memlock=65536:131072 \
		"$command" run)"
	same 'run -n does not' 65536 "$(as_nobody prlimit \
		--memlock=65536:131072 sh -c '"$1" run -n true >/dev/null
		prlimit --pid $$ --memlock --noheadings --raw --output SOFT' \
		sh "$command")"
	as_nobody prlimit --memlock=65536:131072 "$command" run -v true 2>err
	says 'run -v tells both' err '.*RLIMIT_MEMLOCK: 128 KiB, was 64 KiB'
	same 'run of nobody: mlock is on fault' 'lo lf' "$(
		as_nobody "$command" run "$locker" flags)"
else
	left_out 'the limit: nobody cannot run the command here'
fi
if has prlimit && prlimit --memlock=65536:unlimited true 2>/dev/null; then
	same 'run with the right to raises both limits' 'unlimited unlimited' \
		"$(limits prlimit --memlock=65536:65536 "$command" run)"
fi

# --- run: programs out of reach are named, and run

# out_of_reach WHAT REASON PROGRAM [PREFIX...]
out_of_reach() {
	reach_what=$1 reach_why=$2 reach_program=$3
	shift 3
	exits "run of $reach_what" 0 "$@" "$command" run "$reach_program" flags
	says "$reach_what: it is said" err \
		".*shim does not reach $reach_program: $reach_why"
	same "$reach_what: in one line" 1 "$(wc -l <err)"
	says "$reach_what: and it is so" out lo
}

# within_reach WHAT PROGRAM
within_reach() {
	exits "run of $1" 0 "$command" run "$2" flags
	silent "$1: nothing is said"
	says "$1: it is on fault" out 'lo lf'
}

cp "$builddir/.libs/locker" own 2>/dev/null || cp "$locker" own
within_reach 'a plain program' "$work/own"

if ${CC:-cc} -static -o static "$srcdir/tests/locker.c" 2>/dev/null; then
	out_of_reach 'a static program' 'it is statically linked' "$work/static"
	PATH=$work:$PATH
	exits 'run of a static program in PATH' 0 "$command" run static flags
	says 'it is found and named' err '.*does not reach static: .*'
	printf '#! %s flags\n' "$work/static" >script
	chmod +x script
	exits 'run of its script' 2 "$command" run ./script
	says 'the interpreter of a script counts' err '.*reach ./script: .*static.*'
else
	left_out 'a static program: there is no static libc'
fi

# The class of an ELF file is its fifth byte.
cp own alien
case $(od -An -tu1 -j4 -N1 own | tr -d ' ') in
1) class=2 bits=32 ;;
*) class=1 bits=64 ;;
esac
printf '%b' "\\0$class" | dd of=alien bs=1 seek=4 conv=notrunc 2>/dev/null
exits 'run -n of another class' 0 "$command" run -n ./alien
says 'another class is said' err ".*reach ./alien: .* not a $bits-bit program"
printf '\177ELF' >stump
chmod +x stump
exits 'run -n of four bytes of ELF' 0 "$command" run -n ./stump
silent 'of that there is nothing to tell'

cp "$(command -v id)" id-copy
cp own suid
if ! is_root; then
	left_out 'set-user-ID programs: only root can make one of another user'
elif chown 65534 id-copy suid && chmod 4755 id-copy suid &&
	[ "$(./id-copy -u)" != 65534 ]; then
	left_out 'set-user-ID programs: they are without effect here'
else
	out_of_reach 'a set-user-ID program' 'it is set-user-ID' "$work/suid"
	cp own suid-own && chmod 4755 suid-own
	within_reach 'a set-user-ID program of our own' "$work/suid-own"
	cp own sgid && chgrp 65534 sgid && chmod 2755 sgid
	out_of_reach 'a set-group-ID program' 'it is set-group-ID' "$work/sgid"
	if has setpriv; then
		exits 'run -n under no_new_privs' 0 \
			setpriv --no-new-privs "$command" run -n "$work/suid"
		silent 'then set-user-ID is nothing to tell'
	fi
fi
cp own capable
if is_root && has setcap && setcap cap_ipc_lock+ep capable 2>/dev/null &&
	nobody_can "$command" --version; then
	out_of_reach 'a file with capabilities' 'it has file capabilities' \
		"$work/capable" as_nobody
	within_reach 'a file with capabilities, as root' "$work/capable"
else
	left_out 'file capabilities: they cannot be set here'
fi

finish
