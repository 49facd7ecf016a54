#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --children: whether the programs that a program executes run under the
# shim too, and whether a child of fork locks again. smaps is the truth.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

[ -e "$shim" ] || skip 'the shim was not built'

# --- exec

# executes TITLE WANTED [OPTION...]: how a program locks that a shell executes
executes() {
	executes_title=$1 executes_wanted=$2
	shift 2
	same "$executes_title" "$executes_wanted" "$(
		"$command" run "$@" sh -c '"$0" flags; :' "$locker" \
		2>/dev/null)"
}

executes 'without the option a child is under the shim' 'lo lf'
executes 'exec: it is under the shim' 'lo lf' --children=exec
executes 'fork,exec: it is under the shim' 'lo lf' --children=fork,exec
executes 'no: it is not' lo --children=no
executes 'fork: it is not' lo --children=fork
same 'no: CMD itself is under the shim' 'lo lf' "$(
	"$command" run --children=no "$locker" flags 2>/dev/null)"
same 'a program that replaces CMD is not' lo "$(
	"$command" run --children=no sh -c 'exec "$0" flags' "$locker" \
	2>/dev/null)"
same 'an option comes before the environment' lo "$(
	LOCKONFAULT_CHILDREN='exec' "$command" run --children=no \
	sh -c '"$0" flags; :' "$locker" 2>/dev/null)"
same 'the variable alone' lo "$(
	LOCKONFAULT_CHILDREN=no "$command" run sh -c '"$0" flags; :' "$locker" \
	2>/dev/null)"

# --- LD_PRELOAD in the environment of CMD

printf 'int other_library;\n' >other.c
${CC:-cc} -shared -fPIC -o other.so other.c && cp other.so third.so ||
	fail 'other.c'
cp "$shim" "$builddir/.libs/liblockonfault.so.0" "$work" || fail 'a copy'

# preloads TITLE WANTED LD_PRELOAD
preloads() {
	same "$1" "$2" "$(LOCKONFAULT_CHILDREN=no LD_PRELOAD=$3 \
		sh -c 'echo "${LD_PRELOAD-not set}"' 2>/dev/null)"
}

preloads 'the shim alone: the variable is gone' 'not set' "$shim"
preloads 'the shim is the first' "$work/other.so" "$shim:$work/other.so"
preloads 'the shim is the last' "$work/other.so" "$work/other.so $shim"
preloads 'the shim is between others' "$work/other.so:$work/third.so" \
	"$work/other.so:$shim:$work/third.so"
preloads 'the shim by another path' "$work/other.so" \
	"$(dirname "$shim")/../.libs/$(basename "$shim"):$work/other.so"
preloads 'twice' 'not set' "$shim:$shim:"
cp "$shim" other_shim.so
same 'a shim of another name' 'not set' "$("$command" run --children=no \
	--shim ./other_shim.so sh -c 'echo "${LD_PRELOAD-not set}"' 2>/dev/null)"
cat >environ.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* The environment is where the kernel put it: next to the arguments. */
int main(int argc, char **argv, char **envp)
{
	int n = 0;

	while (envp[n])
		n++;
	printf("%d %d %d\n", envp == environ, envp == argv + argc + 1,
	       n == atoi(argv[1]) && strcmp(envp[n - 1], "LAST=1") == 0);
	return 0;
}
C
if ${CC:-cc} -o environ environ.c; then
	same 'the environment stays in its place, one variable shorter' \
		'1 1 1' "$(env -i LD_PRELOAD="$shim" LOCKONFAULT_CHILDREN=no \
		LAST=1 ./environ 2)"
	same 'with another library, as long as before' '1 1 1' "$(
		env -i LD_PRELOAD="$shim:$work/other.so" \
		LOCKONFAULT_CHILDREN=no LAST=1 ./environ 3)"
else
	fail 'environ.c'
fi

# --- fork

# charge PID: VmLck in kB
charge() { sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

# forks TITLE WANTED [PREFIX...] -- [OPTION...]: is memory of a child of fork
# locked, whose parent has called mlockall?
forks() {
	forks_title=$1 forks_wanted=$2
	shift 2
	start "$@" "$locker" all 65536
	read -r parent child <ready
	[ "$(charge "$parent")" -gt 0 ] ||
		fail "$forks_title: the parent has no locks"
	[ "$(charge "$child")" -gt 0 ] && forks_got=locked || forks_got=not
	same "$forks_title" "$forks_wanted" "$forks_got"
	same "$forks_title: none in full" 0 "$("$command" status -bnr -o FULL \
		"$child")"
	stop
}

forks 'without the option a child of fork locks nothing' not "$command" run
forks 'exec: it locks nothing' not "$command" run --children=exec
forks 'no: it locks nothing' not "$command" run --children=no
forks 'fork: it locks again' locked "$command" run --children=fork
forks 'fork,exec: it locks again' locked "$command" run --children=fork,exec
forks 'LOCKONFAULT_FORK=relock alone' locked \
	env LOCKONFAULT_FORK=relock "$command" run
forks '--children=no comes before LOCKONFAULT_FORK=relock' not \
	env LOCKONFAULT_FORK=relock "$command" run --children=no
forks '--children=fork comes before LOCKONFAULT_FORK=forget' locked \
	env LOCKONFAULT_FORK=forget "$command" run --children=fork
forks 'with --all' locked "$command" run --all --children=fork
if nobody_can "$command" --version && has prlimit; then
	forks 'under a limit of 8 MiB' locked as_nobody \
		prlimit --memlock=8388608:8388608 "$command" run --children=fork
else
	left_out 'under a limit: nobody cannot run the command here'
fi

# --- the command line

for value in '' Exec exec,fork yes 'no '; do
	exits "run --children='$value'" 125 \
		"$command" run --children="$value" echo run
	same "--children='$value': it is said why" "lockonfault run: invalid \
argument '$value' for --children: not no|fork|exec|fork,exec" "$(cat err)"
	same "--children='$value': CMD is not run" '' "$(cat out)"
done
exits 'a dry run' 0 "$command" run -n --children=fork,exec true
same 'it prints the variable' "env LD_PRELOAD=$shim \
LOCKONFAULT_CHILDREN=fork,exec true" "$(cat out)"
exits 'LOCKONFAULT_CHILDREN, an unknown value' 0 \
	env LOCKONFAULT_CHILDREN=all "$command" run true
same 'it is reported' "lockonfault run: LOCKONFAULT_CHILDREN has an unknown \
value, ignored: 'all'; known: no|fork|exec|fork,exec" "$(cat err)"
LD_PRELOAD=$shim LOCKONFAULT_CHILDREN=all cat /dev/null 2>err
same 'the shim reports it once' "lockonfault: LOCKONFAULT_CHILDREN: unknown \
value, ignored; known: no|fork|exec|fork,exec" "$(cat err)"
printf 'int main(void) { return 0; }\n' >static.c
if ${CC:-cc} -static -o static static.c 2>/dev/null; then
	exits 'a static program' 0 "$command" run --children=no ./static
	says 'a static program: it is said' err \
		'lockonfault run: --children has no effect on ./static'
else
	left_out 'a static program: it cannot be built here'
fi
finish
