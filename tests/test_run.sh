#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# lockonfault run, from the outside: how it exits, what it hands to a program,
# and that the locks of the program are on fault.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

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
