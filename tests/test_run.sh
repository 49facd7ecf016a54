#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# lockonfault run: its exit status, the environment of the program, and the
# locks of the program, which must be on fault.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

# --- run: without the shim it fails

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
# The command executes sh in its own process.
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

# no_shim TITLE REASON FILE: it is refused, and nothing is run
no_shim() {
	exits "run --shim: $1" 125 "$command" run --shim "$3" echo run
	says "$1: it is said why" err "lockonfault run: $3 is no shim: $2"
	same "$1: in one line" 1 "$(wc -l <err)"
	same "$1: CMD is not run" '' "$(cat out)"
}

no_shim 'a text' 'it is not an ELF shared object' "$srcdir/README"
: >nothing
no_shim 'an empty file' 'it is not an ELF shared object' "$work/nothing"
rm nothing
no_shim 'a directory' 'it is not an ELF shared object' "$work/ab"
no_shim 'a program' 'it does not define lof_preload' "$(realpath "$locker")"
no_shim 'another library' 'it does not define lof_preload' \
	"$(realpath "$builddir/.libs/liblockonfault.so")"
# The class of an ELF file is its fifth byte; the machine is at 18.
head -c 100 "$shim" >"$work/ab/cut.so"
no_shim 'a shim cut off' 'it .*' "$work/ab/cut.so"
cp "$shim" "$work/ab/alien.so"
printf '\050\050' | dd of="$work/ab/alien.so" bs=1 seek=18 conv=notrunc \
	2>/dev/null
no_shim 'of another machine' 'it is for another machine or word size' \
	"$work/ab/alien.so"
printf 'extern char lof_preload; char *mark(void) { return &lof_preload; }' |
	${CC:-cc} -shared -fPIC -o "$work/ab/user.so" -x c - &&
	no_shim 'a library that only uses the mark' \
		'it does not define lof_preload' "$work/ab/user.so"

exits 'run --dry-run' 0 "$command" run -n true
same 'run --dry-run, output' "env LD_PRELOAD=$shim true" "$(cat out)"
exits 'run -n -d -l' 0 "$command" run -n --populate=strip -d -l 'a b/log' \
	"it's" '' '$HOME' 'x y' a-b
same 'run -n -d -l, output' "env LD_PRELOAD=$shim LOCKONFAULT_CONVERT=2 \
LOCKONFAULT_DISCARD=translate LOCKONFAULT_LOG='$(pwd)/a b/log' \
'it'\\''s' '' '\$HOME' 'x y' a-b" "$(cat out)"
exits 'run -n, CMD with =' 0 "$command" run -n ./a=b c
same 'run -n, CMD with =, output' "LD_PRELOAD=$shim './a=b' c" "$(cat out)"

# The printed command does the same as "run" itself, with any arguments.
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

exits 'run -n -l' 0 "$command" run -n -l not-made true
check 'run -n makes no log' test ! -e not-made
exits 'run -l' 0 "$command" run -l made true
check 'run -l makes the log' test -s made
exits 'run -l, no directory' 125 "$command" run -l nowhere/log echo run
same 'the log is named' "lockonfault run: cannot open the log \
$(pwd)/nowhere/log: No such file or directory" "$(cat err)"
same 'CMD is not run' '' "$(cat out)"
exits 'run -l, a directory' 125 "$command" run -l "$work" echo run
exits 'run -l, no name' 125 "$command" run -l '' echo run
mkfifo fifo
exits 'run -l, a FIFO without a reader' 125 timeout 10 \
	"$command" run -l fifo echo run

same 'run keeps LD_PRELOAD' "$shim:$work/ab/shim.so:/x" "$(
	LD_PRELOAD=$work/ab/shim.so:/x "$command" run printenv LD_PRELOAD \
	2>/dev/null)"
same 'run leaves no colon behind an empty one' "$shim" "$(
	LD_PRELOAD='' "$command" run printenv LD_PRELOAD)"
same 'run keeps LOCKONFAULT_CONVERT' 0 "$(
	LOCKONFAULT_CONVERT=0 "$command" run printenv LOCKONFAULT_CONVERT)"
same 'run --populate=strip sets it' 2 "$(LOCKONFAULT_CONVERT=0 \
	"$command" run --populate=strip printenv LOCKONFAULT_CONVERT)"
same 'run --populate=keep sets it' 1 "$(LOCKONFAULT_CONVERT=2 \
	"$command" run --populate keep printenv LOCKONFAULT_CONVERT)"
for how in '' 2 Strip; do
	exits "run --populate='$how'" 125 "$command" run --populate="$how" true
	same 'it is said why' "lockonfault run: invalid argument '$how' for \
--populate: not keep or strip" "$(cat err)"
done
for how in '' 1 Fake; do
	exits "run --rlimit='$how'" 125 "$command" run --rlimit="$how" true
	same 'it is said why' "lockonfault run: invalid argument '$how' for \
--rlimit: not keep|fake" "$(cat err)"
done
for option in --skip --only; do
	for kinds in '' anno 'anon,' 'file:' 'heap anon' 'file:[[:alpha:]]'; do
		exits "run $option='$kinds'" 125 \
			"$command" run $option="$kinds" true
		same 'it is said why' "lockonfault run: invalid argument \
'$kinds' for $option: not anon, heap, stack, shm, file, file:GLOB, with commas \
between" "$(cat err)"
	done
done
same 'run --skip and --only set the variables' 'heap,file:*.so <anon>' "$(
	"$command" run --only anon --skip 'heap,file:*.so' \
	sh -c 'echo "$LOCKONFAULT_SKIP <$LOCKONFAULT_ONLY>"')"
same 'run --rlimit sets LOCKONFAULT_RLIMIT' keep "$(LOCKONFAULT_RLIMIT=fake \
	"$command" run --rlimit keep printenv LOCKONFAULT_RLIMIT)"
for option in -p --no-populate; do
	exits "run $option is no option" 125 "$command" run $option true
done
exits 'run under LOCKONFAULT_DISABLE' 0 \
	env LOCKONFAULT_DISABLE=1 "$command" run printenv LOCKONFAULT_DISABLE
says 'LOCKONFAULT_DISABLE stays' out 1
says 'LOCKONFAULT_DISABLE is pointed out' err '.*LOCKONFAULT_DISABLE=1.*'
exits 'run -v' 0 "$command" run -v true
says 'run -v tells the variables' err \
	".*: LD_PRELOAD=$shim LOCKONFAULT_VERBOSE=1"
says 'run -v tells the limit' err '.*: RLIMIT_MEMLOCK: .*, was .*'

# max_is TITLE WANTED MAX [PREFIX...]: MAX must give WANTED bytes.
max_is() {
	max_title=$1 max_wanted=$2 max_text=$3
	shift 3
	same "run --max: $max_title" "$max_wanted" "$(
		"$@" "$command" run --shim "$shim" -m "$max_text" -n true |
		sed -n 's/.* LOCKONFAULT_MAX=\([0-9]*\) .*/\1/p')"
}

# no_max TITLE REASON MAX [PREFIX...]: MAX is an error, and no program runs.
no_max() {
	max_title=$1 max_reason=$2 max_text=$3
	shift 3
	exits "run --max: $max_title" 125 \
		"$@" "$command" run --shim "$shim" --max "$max_text" echo run
	says "$max_title: it is said why" err "lockonfault run: $max_reason"
	same "$max_title: CMD is not run" '' "$(cat out)"
}

page=$(getconf PAGESIZE)
exits 'run -n --max' 0 "$command" run -n --max=1M true
same 'run -n --max, output' "env LD_PRELOAD=$shim LOCKONFAULT_MAX=1048576 \
LOCKONFAULT_SYNC_MS=100 true" "$(cat out)"
exits 'run -n, all that can be set' 0 \
	"$command" run -n --populate=strip -d -l /log -m 64K --holds \
	--rlimit=fake --skip=file --only=anon true
same 'run -n, all that can be set, output' "env LD_PRELOAD=$shim \
LOCKONFAULT_CONVERT=2 LOCKONFAULT_DISCARD=translate LOCKONFAULT_HOLDS=1 \
LOCKONFAULT_LOG=/log LOCKONFAULT_MAX=65536 LOCKONFAULT_ONLY=anon LOCKONFAULT_RLIMIT=fake \
LOCKONFAULT_SKIP=file LOCKONFAULT_SYNC_MS=100 true" \
	"$(cat out)"
exits 'run --max' 0 "$command" run --max 64KiB \
	sh -c 'echo $LOCKONFAULT_MAX $LOCKONFAULT_SYNC_MS'
says 'run --max sets both' out '65536 100'
exits 'run -m over one that was there' 0 env LOCKONFAULT_MAX=5 \
	"$command" run -m 64K printenv LOCKONFAULT_MAX
says 'it is the one of -m' out 65536
same 'run without -m keeps LOCKONFAULT_MAX' 5 "$(
	LOCKONFAULT_MAX=5 "$command" run printenv LOCKONFAULT_MAX)"
same 'and sets no LOCKONFAULT_SYNC_MS' '' "$(
	"$command" run printenv LOCKONFAULT_SYNC_MS)"
same 'run -m keeps LOCKONFAULT_SYNC_MS' 7 "$(
	LOCKONFAULT_SYNC_MS=7 "$command" run -m 1M \
	printenv LOCKONFAULT_SYNC_MS)"
exits 'run -m without scans' 0 \
	env LOCKONFAULT_SYNC_MS=0 "$command" run -m 1M true
same 'it is said that nothing will be locked' "lockonfault run: nothing will \
be locked under LOCKONFAULT_MAX: LOCKONFAULT_SYNC_MS is 0" "$(cat err)"
for bound in '' 0; do
	exits "run without scans, LOCKONFAULT_MAX='$bound'" 0 env \
		LOCKONFAULT_SYNC_MS=0 LOCKONFAULT_MAX=$bound "$command" run true
	silent "LOCKONFAULT_MAX='$bound': nothing is said"
done
same 'also an empty one' '<>' "$(
	LOCKONFAULT_SYNC_MS='' "$command" run -m 1M \
	sh -c 'echo "<${LOCKONFAULT_SYNC_MS-not there}>"')"
same 'then -n does not print it' "env LD_PRELOAD=$shim LOCKONFAULT_MAX=1048576 \
true" "$(LOCKONFAULT_SYNC_MS=7 "$command" run -n -m 1M true)"

# --- run: the environment

exits 'run, an unknown value' 0 env LOCKONFAULT_HUGE=spilt LOCKONFAULT_FORK= \
	"$command" run sh -c 'echo "<${LOCKONFAULT_HUGE-}>"'
same 'it is reported once' "lockonfault run: LOCKONFAULT_HUGE has an unknown \
value, ignored: 'spilt'; known: keep|split" "$(cat err)"
says 'and removed' out '<>'
exits 'run, unknown names' 0 env LOCKONFAULT_A=1 LOCKONFAULT_B=2 \
	"$command" run sh -c 'echo "<${LOCKONFAULT_A-}${LOCKONFAULT_B-}>"'
same 'each is reported once' 2 "$(
	grep -c '^lockonfault run: unknown variable, ignored: LOCKONFAULT_[AB]$' err)"
same 'no more is reported' 2 "$(wc -l <err)"
says 'and they are removed' out '<>'
exits 'run, a malformed bound' 125 env LOCKONFAULT_MAX=1X \
	"$command" run echo run
same 'a bound: it is said why' "lockonfault run: LOCKONFAULT_MAX has an \
unknown value: '1X'; known: bytes, or with K, M, G, T" "$(cat err)"
same 'a bound: CMD is not run' '' "$(cat out)"
exits 'run --max over a malformed bound' 0 env LOCKONFAULT_MAX=1X \
	"$command" run --max 1M true
same 'nothing is said' '' "$(cat err)"

# --- run: --max

max_is 'a page' "$page" "$page"
max_is 'G' 2147483648 2G
for max in '' 1x -1 ' 1M' % 0% 101% 1.5% 5%% -5% +5% '5 %' 4294967297% \
	20000000T limit: limit:1M limit:0% limit:101% Limit:5% cgroup cgroup:5 \
	cgroup:cgroup:5% cgroup:101% x:5%; do
	no_max "'$max'" "invalid argument '$max' for --max: .*" "$max"
done
no_max 'nothing' '--max 0 is less than a page: 0 bytes' 0
no_max 'less than a page' ".* less than a page: $((page - 1)) bytes" \
	$((page - 1))
exits 'run -m without MAX' 125 "$command" run -m

memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
for percent in 1 50 99 100; do
	max_is "$percent% of the memory" $((memory * 1024 * percent / 100)) \
		$percent%
done

if has prlimit && prlimit --memlock=1000001:2000000 true 2>/dev/null; then
	max_is '33% of the soft limit' 330000 limit:33% \
		prlimit --memlock=1000001:2000000
	max_is 'all of the soft limit' 1000001 limit:100% \
		prlimit --memlock=1000001:2000000
	same 'run --max takes the limit as it was' 500000 "$(
		prlimit --memlock=1000001:2000000 \
		"$command" run -m limit:50% printenv LOCKONFAULT_MAX)"
	no_max 'no page of the limit' '.* less than a page: 655 bytes' \
		limit:1% prlimit --memlock=65536:65536
else
	left_out '--max by the limit: prlimit cannot set it'
fi
if has prlimit && prlimit --memlock=unlimited true 2>/dev/null; then
	no_max 'no limit' 'RLIMIT_MEMLOCK is unlimited; .*' limit:50% \
		prlimit --memlock=unlimited
elif ${CC:-cc} -shared -fPIC -o unlimited.so -x c - <<'EOF'
int getrlimit(int resource, unsigned long *limit)
{
	return limit[0] = limit[1] = -1, 0 * resource;
}
int getrlimit64(int resource, unsigned long long *limit)
{
	return limit[0] = limit[1] = -1, 0 * resource;
}
EOF
then	# without the right to set it: a library that pretends
	no_max 'no limit' 'RLIMIT_MEMLOCK is unlimited; .*' limit:50% \
		env LD_PRELOAD="$work/unlimited.so"
else
	left_out '--max without limit: it cannot be set'
fi

# --- run: --max by the cgroup. First with files like those of the kernel, in a
#     mount namespace: a machine has only one version of cgroups.

# in_cgroups COMMAND...: with here/ mounted over /proc and the cgroups
in_cgroups() {
	unshare --mount --map-root-user sh -c '
		mount --bind here/cgroup /sys/fs/cgroup &&
		mount --bind here/proc /proc && exec "$@"' sh "$@"
}

# groups LINE...: write /proc/self/cgroup of here/, without limits
groups() {
	rm -rf here
	mkdir -p here/cgroup here/proc/self
	printf '%s\n' "$@" >here/proc/self/cgroup
}

# limit PATH VALUE: write the limit of a cgroup of here/
limit() {
	mkdir -p "$(dirname "here/cgroup/$1")"
	echo "$2" >"here/cgroup/$1"
}

none='the cgroup has no memory limit; a percentage of it is meaningless'
groups 0::/
if ! has unshare || ! in_cgroups true 2>/dev/null; then
	left_out '--max by a cgroup of our making: no mount namespace to be had'
else
	no_max 'v2, the root' "$none" cgroup:50% in_cgroups
	limit memory.max 1000001
	max_is 'v2, the root of a container' 500000 cgroup:50% in_cgroups

	groups '0::/a/b:c d'
	limit 'a/b:c d/memory.max' max
	no_max 'v2, max' "$none" cgroup:50% in_cgroups
	limit a/memory.max 3000000
	max_is 'v2, the one above' 3000000 cgroup:100% in_cgroups
	limit 'a/b:c d/memory.max' 2000000
	max_is 'v2, its own is less' 1000000 cgroup:50% in_cgroups
	limit memory.max 1000000
	max_is 'v2, that of the root is less' 500000 cgroup:50% in_cgroups
	limit memory.max 0
	no_max 'v2, 0' '.* less than a page: 0 bytes' cgroup:50% in_cgroups
	for text in '' -1 'max ' 18446744073709551616; do
		limit a/memory.max "$text"
		no_max "v2, '$text' for a limit" \
			"/sys/fs/cgroup/a/memory.max has an invalid limit: '$text'" \
			cgroup:50% in_cgroups
	done
	rm here/cgroup/a/memory.max
	ln -s memory.max here/cgroup/a/memory.max
	no_max 'v2, a limit that cannot be read' \
		'cannot read /sys/fs/cgroup/a/memory.max: .*' cgroup:50% \
		in_cgroups

	groups '0::/../other'
	limit memory.max 1000000
	no_max 'v2, outside of the namespace' \
		'the cgroup is outside of this namespace: /../other' cgroup:50% \
		in_cgroups
	groups '0::/..other'
	limit ..other/memory.max 1000000
	max_is 'v2, a name with dots' 500000 cgroup:50% in_cgroups

	groups 5:name=memory:/a 4:cpu,memory:/b 3:xmemory:/a 0::/a
	limit a/memory.max 1000000
	no_max 'v1, nothing there' "$none" cgroup:50% in_cgroups
	limit memory/memory.limit_in_bytes \
		$((9223372036854775807 / page * page))
	no_max 'v1, as much as there can be' "$none" cgroup:50% in_cgroups
	limit memory/b/memory.limit_in_bytes 4000000
	max_is 'v1' 2000000 cgroup:50% in_cgroups
	limit memory/memory.limit_in_bytes 3000000
	max_is 'v1, that of a container is less' 1500000 cgroup:50% in_cgroups

	groups 'no line of cgroups' 0:: 0 '' : :: 0::a
	limit memory.max 1000000
	no_max 'no cgroup' "$none" cgroup:50% in_cgroups
	groups "0::/$(printf '%05000d' 0)"
	no_max 'a cgroup too long' 'cannot read /proc/self/cgroup: .*' \
		cgroup:50% in_cgroups
	groups "0::/$(printf '%04094d' 0)"
	no_max 'a cgroup with too long a limit' \
		'cannot read /sys/fs/cgroup/0*.*' cgroup:50% in_cgroups
	rm here/proc/self/cgroup
	no_max 'no list of cgroups' 'cannot read /proc/self/cgroup: .*' \
		cgroup:50% in_cgroups
fi

# Then in a real cgroup. v1 first: v2 has no memory controller beside it.
group=
for name in memory/lof-test.$$/memory.limit_in_bytes lof-test.$$/memory.max; do
	file=/sys/fs/cgroup/$name
	[ -z "$group" ] && is_root && mkdir "${file%/*}" 2>/dev/null || continue
	group=${file%/*}
	[ -w "$file" ] && break
	rmdir "$group"
	group=
done
if [ -n "$group" ]; then
	# in_group COMMAND...: in a child of the cgroup with the limit
	in_group() {
		sh -c 'echo $$ >"$0/inner/cgroup.procs" && exec "$@"' \
			"$group" "$@"
	}
	mkdir "$group/inner"
	echo 64M >"$file"
	max_is "50% of $file" 33554432 cgroup:50% in_group
	same 'run --max, a page of the cgroup for the program' 671088 "$(
		in_group "$command" run -m cgroup:1% printenv LOCKONFAULT_MAX)"
	rmdir "$group/inner" "$group"
else
	left_out '--max by a cgroup of the kernel: there is none to be made'
fi

# --- run: --max bounds the locked memory

# charge PID: VmLck of the process, in kB
charge() { sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$1/status"; }

mkfifo stop
"$command" run --max 1M "$locker" touch 67108864 >ready <stop &
touching=$!
exec 5>stop
is_full() { [ -s ready ] && [ "$(charge $touching)" = 1024 ]; }
wait_for is_full
says 'run --max 1M: 64 MiB are locked and touched' ready ready
same 'of these 1 MiB is locked' 1024 "$(charge $touching)"
sleep 0.5
same 'and no more a while later' 1024 "$(charge $touching)"
exec 5>&-
wait $touching
same 'and the program has not failed' 0 $?

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

# limits COMMAND...: the soft and the hard limit of a program run by COMMAND
limits() { "$@" prlimit --memlock --noheadings --raw --output SOFT,HARD; }

if ! has prlimit; then
	left_out 'the limit: there is no prlimit'
elif nobody_can "$command" --version; then
	same 'run raises the soft limit to the hard one' '131072 131072' "$(
		limits as_nobody prlimit --memlock=65536:131072 \
		"$command" run 2>/dev/null)"
	same 'run -n does not' 65536 "$(as_nobody prlimit \
		--memlock=65536:131072 sh -c '"$1" run -n true >/dev/null
		prlimit --pid $$ --memlock --noheadings --raw --output SOFT' \
		sh "$command")"
	as_nobody prlimit --memlock=65536:131072 "$command" run -v true 2>err
	says 'run -v tells both' err '.*RLIMIT_MEMLOCK: 128 KiB, was 64 KiB'
	same 'run of nobody: mlock is on fault' 'lo lf' "$(
		as_nobody "$command" run "$locker" flags 2>/dev/null)"
else
	left_out 'the limit: nobody cannot run the command here'
fi
if has prlimit && prlimit --memlock=65536:unlimited true 2>/dev/null; then
	same 'run with the right to raises both limits' 'unlimited unlimited' \
		"$(limits prlimit --memlock=65536:65536 "$command" run)"
fi

# The dynamic loader; it also runs a program given to it.
loader=$(ldd "$locker" 2>/dev/null | sed -n 's/^\t*\(\/[^ ]*\) (.*/\1/p')

# --- run: it is said how much can be locked, if it is limited

# told_limit TITLE LINE COMMAND...: all that run prints under a limit
told_limit() {
	told_title=$1 told_line=$2
	shift 2
	same "run, the limit: $told_title" \
		"${told_line:+lockonfault run: $told_line}" "$("$@" 2>&1 >out)"
}

at_most='at most 64 KiB can be locked: RLIMIT_MEMLOCK, and no CAP_IPC_LOCK'
nothing='nothing can be locked: RLIMIT_MEMLOCK is 0 B, and no CAP_IPC_LOCK'
if has prlimit && nobody_can "$command" --version; then
	kib64='prlimit --memlock=65536:65536'
	told_limit 'a user' "$at_most" as_nobody $kib64 "$command" run true
	told_limit 'a user, raised' "at most 128 KiB ${at_most#*KiB }" \
		as_nobody prlimit --memlock=65536:131072 "$command" run true
	told_limit 'a user, 0' "$nothing" \
		as_nobody prlimit --memlock=0:0 "$command" run true
	told_limit 'a user, less than a page' \
		"${nothing%0 B*}100 B${nothing#*0 B}" \
		as_nobody prlimit --memlock=100:100 "$command" run true
	told_limit 'a user, --max is less' '' \
		as_nobody $kib64 "$command" run --max 60K true
	told_limit 'a user, --max is not less' "$at_most" \
		as_nobody $kib64 "$command" run --max 64K true
	told_limit 'a user, no bound' "$at_most" as_nobody $kib64 \
		env LOCKONFAULT_MAX=0 "$command" run true
	told_limit 'a user, -n' 'backend preload: the shim reaches true' \
		as_nobody $kib64 "$command" run -n true
	same 'run leaves the limit as it is' '65536 65536' "$(
		limits as_nobody $kib64 "$command" run 2>/dev/null)"

	# With the capability there is no limit; the line is compared with what
	# a program can lock: 64 KiB under a limit of 4.
	kib4='prlimit --memlock=4096:4096'
	at_most_4="at most 4 KiB ${at_most#*KiB }"
	by_ambient() {
		$kib4 setpriv --reuid 65534 --regid 65534 --clear-groups \
			--inh-caps=-all,+ipc_lock --ambient-caps=+ipc_lock \
			-- "$@"
	}
	if by_ambient "$locker" flags >/dev/null 2>&1; then
		told_limit 'a user with the capability' '' \
			by_ambient "$command" run "$locker" flags
		says 'and the program locks more' out 'lo lf'
	else
		left_out 'the limit with an ambient capability'
	fi
	told_limit 'a user without' "$at_most_4
locker: mlock: Cannot allocate memory" \
		as_nobody $kib4 "$command" run "$locker" flags
	# A capability that a file gave to the command is not one of CMD. The
	# file is ld.so, which takes a path of libraries nevertheless.
	by_file() {
		as_nobody $kib4 ./capable.so --library-path "$builddir/.libs" \
			"$@"
	}
	[ -z "$loader" ] || cp "$loader" capable.so
	if has setcap && setcap cap_ipc_lock+ep capable.so 2>/dev/null &&
		by_file "$builddir/.libs/lockonfault" -V >/dev/null 2>&1; then
		told_limit 'a user, a capability of the command' "$at_most_4
locker: mlock: Cannot allocate memory" \
			by_file "$builddir/.libs/lockonfault" run \
			--shim "$shim" "$locker" flags
	else
		left_out 'the limit with file capabilities: they cannot be set'
	fi
	by_root() { $kib4 setpriv --bounding-set=-sys_resource -- "$@"; }
	if by_root "$locker" flags >/dev/null 2>&1; then
		told_limit 'root' '' by_root "$command" run "$locker" flags
		says 'and root locks more' out 'lo lf'
	else
		left_out 'the limit of root: CAP_IPC_LOCK is missing'
	fi
	by_namespace() { $kib4 unshare --map-root-user "$@"; }
	if by_namespace true 2>/dev/null; then
		told_limit 'root of a user namespace' "$at_most_4
locker: mlock: Cannot allocate memory" \
			by_namespace "$command" run "$locker" flags
	else
		left_out 'the limit of a user namespace: there is none'
	fi
else
	left_out 'what is said of the limit: nobody cannot run the command here'
fi

# --- run: programs that the shim cannot reach are traced, or it is said, and run

# is_traced TITLE PROGRAM REASON: it is on fault nevertheless
is_traced() {
	exits "run of $1" 0 "$command" run "$2" flags
	if grep -q 'cannot be traced' err; then
		left_out "$1: no process can be traced here"
		says "$1: it is not on fault" out lo
	else
		silent "$1: nothing is said"
		says "$1: it is on fault" out 'lo lf'
	fi
	exits "run -n of $1" 0 "$command" run -n "$2" flags
	says "$1: -n says which and why" err \
		"lockonfault run: backend trace: the shim does not reach $2: $3"
	same "$1: in one line" 1 "$(wc -l <err)"
}

# out_of_reach TITLE REASON PROGRAM [PREFIX...]
out_of_reach() {
	reach_title=$1 reach_why=$2 reach_program=$3
	shift 3
	exits "run of $reach_title" 0 "$@" "$command" run "$reach_program" flags
	says "$reach_title: it is said" err \
		".*shim cannot be loaded into $reach_program: $reach_why"
	same "$reach_title: in one line" 1 "$(wc -l <err)"
	says "$reach_title: and it is so" out lo
}

# within_reach TITLE PROGRAM
within_reach() {
	exits "run of $1" 0 "$command" run "$2" flags
	silent "$1: nothing is said"
	says "$1: it is on fault" out 'lo lf'
}

cp "$builddir/.libs/locker" own 2>/dev/null || cp "$locker" own
within_reach 'a plain program' "$work/own"

if ${CC:-cc} -static -o static "$srcdir/tests/cmd/locker.c" 2>/dev/null; then
	is_traced 'a static program' "$work/static" 'it is statically linked'
	exits 'run --backend=preload of it' 0 "$command" run \
		--backend=preload ./static flags
	says 'it is said that this is in vain' err \
		'.*cannot be loaded into ./static: it is statically linked'
	says 'and it is so' out lo
	PATH=$work:$PATH
	for option in holds only=heap rlimit=fake skip=heap; do
		exits "run --$option of a static program" 0 "$command" run \
			"--$option" ./static flags
		says "--$option of a static program: it is said" err \
			"lockonfault run: --${option%=*} has no effect on ./static"
	done
	exits 'run of a static program in PATH' 0 "$command" run -n static flags
	says 'it is found and named' err '.* not reach static: .*'
	printf '#! %s flags\n' "$work/static" >script
	chmod +x script
	exits 'run of its script' 0 "$command" run -n ./script
	says 'the interpreter of a script counts' err \
		'.* not reach ./script: .*static.*'
	${CC:-cc} -static -o launch -x c - <<'EOF'
#include <unistd.h>
int main(int argc, char **argv) { return argc > 1 && execv(argv[1], argv + 1); }
EOF
	exits 'run of a static launcher' 0 "$command" run ./launch "$work/own" \
		flags
	says 'the programs that it starts are on fault' out 'lo lf'
	exits 'run of a static launcher without conversion' 0 \
		env LOCKONFAULT_CONVERT=0 "$command" run ./launch "$work/own" \
		flags
	says 'then nothing is converted' out lo
else
	left_out 'a static program: there is no static libc'
fi

if [ -x "$loader" ] && "$loader" "$work/own" flags >out 2>&1; then
	ln -s "$loader" ld.link
	for program in "$loader" ./ld.link; do
		exits "run of $program PROGRAM" 0 \
			"$command" run "$program" "$work/own" flags
		silent "$program PROGRAM: nothing is said"
		says "$program PROGRAM: it is on fault" out 'lo lf'
	done
else
	left_out 'ld.so PROGRAM: ldd does not tell the loader'
fi

# --- run: a program with AddressSanitizer, which must be loaded first

cat >asan.c <<'EOF'
#include <stdio.h>
#include <string.h>
int main(void)
{
	char line[4096], shim = 'n';
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "liblockonfault-preload.so"))
			shim = 'y';
	return puts(shim == 'y' ? "loaded" : "not loaded") < 0;
}
EOF
# By default clang links its own runtime statically.
asan_cc=${CC:-cc}
! has gcc || asan_cc=gcc
if $asan_cc -fsanitize=address -o asan asan.c 2>/dev/null &&
	./asan >out 2>&1 && ldd ./asan | grep -q 'libasan\.so\.'; then
	exits 'run of a program with AddressSanitizer' 0 "$command" run ./asan
	says 'the shim is not loaded into it' out 'not loaded'
	exits 'run -n of it' 0 "$command" run -n ./asan
	same 'it is said why' "lockonfault run: backend trace: the shim does \
not reach ./asan: AddressSanitizer must be loaded first" "$(cat err)"
	same 'run -n prints no LD_PRELOAD' 0 "$(grep -c LD_PRELOAD out)"
	printf '#! %s\n' "$work/asan" >asan-script
	chmod +x asan-script
	exits 'run of its script' 0 "$command" run ./asan-script
	says 'the shim is not loaded into its interpreter' out 'not loaded'
else
	left_out 'AddressSanitizer: there is no shared runtime'
fi

# --- run: a program with ThreadSanitizer, which makes mlock() do nothing

cat >tsan.c <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
static char memory[1 << 20];
static void *lock(void *unused)
{
	for (int i = 0; i < 1000; i++)
		if (mlock(memory, sizeof(memory)) ||
		    munlock(memory, sizeof(memory)))
			puts("refused");
	return unused;
}
int main(void)
{
	pthread_t thread[2];

	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, lock, NULL))
			return 1;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	return puts("done") < 0;
}
EOF
if $asan_cc -fsanitize=thread -o tsan tsan.c -pthread 2>/dev/null &&
	./tsan >out 2>&1; then
	exits 'run of a program with ThreadSanitizer' 0 "$command" run ./tsan
	same 'it finds no race' 'done' "$(cat out err)"
else
	left_out 'ThreadSanitizer: no program of it runs here'
fi

# --- run: programs that start others without LD_PRELOAD, by name

# launches WANTED COMMAND...: is it said that the shim does not reach the program
# that COMMAND starts? (1 or 0)
launches() {
	launches_wanted=$1
	shift
	exits "run -n $*" 0 "$command" run -n "$@"
	same "run -n $*: is it said?" "$launches_wanted" "$(grep -c \
		"the shim does not reach the program started by $1: " err)"
}

# Only the names count.
mkdir launchers
for name in doas pkexec run0 sudo systemd-run env runuser su setpriv; do
	printf '#!/bin/sh\n' >"launchers/$name"
	chmod +x "launchers/$name"
done
kept_path=$PATH
PATH=$work/launchers:$PATH
for name in doas pkexec run0 sudo systemd-run; do
	launches 1 $name -u root true
done
launches 1 "$work/launchers/sudo" true
launches 0 sudo LD_PRELOAD=x true
launches 0 sudo --preserve-env=LD_PRELOAD true
launches 0 systemd-run -u name --user --scope true
launches 1 systemd-run true --scope
launches 1 env -i true
launches 1 env - true
launches 1 env --ignore-environment true
launches 1 env --ignore-env true
launches 1 env -u A -vi A=B true
launches 1 env A=B -i true
launches 0 env A=B true -i
launches 0 env -u i true -
launches 0 env -ui true
launches 0 env -C i -- true
launches 0 env -- -i true
launches 0 env
launches 1 setpriv --reuid 65534 --reset-env true
launches 0 setpriv --reuid 65534 true --reset-env
launches 0 setpriv -d
for name in su runuser; do
	launches 1 $name - nobody
	launches 1 $name nobody -
	launches 1 $name -s /bin/sh -l nobody
	launches 1 $name nobody -mlc true
	launches 1 $name --login nobody
	launches 0 $name -c -l nobody
	launches 0 $name nobody -cl
	launches 0 $name nobody
done
PATH=$kept_path

# Another process starts it: then it is not traced either.
for name in run0 systemd-run; do
	exits "run -n $name" 0 "$command" run -n "$work/launchers/$name" true
	says "$name: it is in vain" err ".*the program that .*/$name starts: .*"
done

# It is as it is said, of those that are here.
preload='run --backend=preload'
exits 'run env -i' 0 "$command" $preload env -i "$work/own" flags
says 'env -i: it is so' out lo
exits 'run env -i, traced' 0 "$command" run env -i "$work/own" flags
grep -q 'cannot be traced' err || says 'env -i, traced: on fault' out 'lo lf'
if is_root && has setpriv; then
	exits 'run setpriv --reset-env' 0 \
		"$command" $preload setpriv --reset-env "$work/own" flags
	says 'setpriv --reset-env: it is so' out lo
fi
if is_root && has runuser; then
	exits 'run runuser -' 0 "$command" $preload \
		runuser - root -c "$work/own flags"
	says 'runuser -: it is so' out lo
	exits 'run runuser' 0 "$command" run runuser root -c "$work/own flags"
	silent 'runuser: nothing is said'
	says 'runuser: it is on fault' out 'lo lf'
fi
if is_root && has sudo && sudo -n true 2>/dev/null; then
	exits 'run sudo' 0 "$command" $preload sudo -nE "$work/own" flags
	says 'sudo: it is so' out lo
fi

# The class of an ELF file is its fifth byte.
cp own alien
case $(od -An -tu1 -j4 -N1 own | tr -d ' ') in
1) class=2 ;;
*) class=1 ;;
esac
printf '%b' "\\0$class" | dd of=alien bs=1 seek=4 conv=notrunc 2>/dev/null
exits 'run -n of another class' 0 "$command" run -n ./alien
says 'another class is said' err \
	'.* reach ./alien: it is for another machine or word size'
# The machine is the half-word at 18; 40 is 32-bit Arm, also read backwards.
cp own alien
printf '\050\050' | dd of=alien bs=1 seek=18 conv=notrunc 2>/dev/null
exits 'run -n of another machine' 0 "$command" run -n ./alien
says 'another machine is said' err \
	'.* reach ./alien: it is for another machine or word size'
printf '\177ELF' >stump
chmod +x stump
exits 'run -n of four bytes of ELF' 0 "$command" run -n ./stump
says 'of that there is nothing to tell' err \
	'lockonfault run: backend preload: the shim reaches ./stump'

cp "$(command -v id)" id-copy
cp own suid
if ! is_root; then
	left_out 'set-user-ID programs: only root can make one of another user'
elif chown 65534 id-copy suid && chmod 4755 id-copy suid &&
	[ "$(./id-copy -u)" != 65534 ]; then
	left_out 'set-user-ID programs: they are without effect here'
else
	is_traced 'a set-user-ID program' "$work/suid" 'it is set-user-ID'
	cp own suid-own && chmod 4755 suid-own
	within_reach 'a set-user-ID program of our own' "$work/suid-own"
	cp own sgid && chgrp 65534 sgid && chmod 2755 sgid
	is_traced 'a set-group-ID program' "$work/sgid" 'it is set-group-ID'
	if has setpriv; then
		exits 'run -n under no_new_privs' 0 \
			setpriv --no-new-privs "$command" run -n "$work/suid"
		says 'then set-user-ID is nothing to tell' err \
			'.*backend preload: the shim reaches .*'
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
