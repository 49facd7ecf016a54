#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --prefault: the heap and the stacks do not fault after the program has
# locked its memory. The truth: getrusage, smaps and /proc/PID/stat.
# shellcheck disable=SC2154
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

[ -e "$shim" ] || skip 'the shim was not built'
has prlimit || skip 'there is no prlimit'

# rt HEAP STACK HOW [THREAD]: call mlockall (HOW: now, current, not), then use so
# much heap and stack, in the first thread and in another one with a stack of
# THREAD bytes. Print the faults of each use. Then wait for the end of the input.
cat >rt.c <<'C'
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static long heap_bytes, stack_bytes, thread_bytes, counts[4];

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* Blocks of several sizes, also more than the threshold of mmap. */
static void use_heap(void)
{
	static void *blocks[1 << 16];
	long n = 0, used = 0, size = 1000;

	while (used + size + 4096 < heap_bytes && n < 1 << 16) {
		blocks[n] = malloc((size_t)size);
		if (!blocks[n])
			exit(3);
		memset(blocks[n++], 1, (size_t)size);
		used += size + 64;
		size = size < 300000 ? size * 2 : 1000;
	}
	while (n > 0)
		free(blocks[--n]);
}

__attribute__((noinline))
static void use_stack(long bytes)
{
	volatile char page[4096];

	page[0] = page[4095] = 1;
	if (bytes > 2 * 4096)
		use_stack(bytes - 4096 - 64);
	/* The address escapes: otherwise clang makes a loop of the calls. */
	__asm__ volatile("" : : "r"(page) : "memory");
	page[1] = page[0];
}

static void measure(int first)
{
	long before, after;

	before = faults();
	use_stack(stack_bytes);
	after = faults();
	counts[first] = after - before;
	before = faults();
	use_heap();
	after = faults();
	counts[first + 1] = after - before;
}

static void *thread(void *arg)
{
	faults();
	measure(2);
	return arg;
}

int main(int argc, char **argv)
{
	const char *how = argc > 3 ? argv[3] : "now";
	pthread_attr_t attr;
	void *result = NULL;
	pthread_t id;

	heap_bytes = argc > 1 ? atol(argv[1]) : 0;
	stack_bytes = argc > 2 ? atol(argv[2]) : 0;
	pthread_attr_init(&attr);
	if (argc > 4 && pthread_attr_setstacksize(&attr, atol(argv[4])))
		return 3;
	/* Code and data that are used for the first time fault, too. */
	long heap = heap_bytes, stack = stack_bytes;
	heap_bytes = 8192;
	stack_bytes = 0;
	measure(0);
	memset(counts, 0, sizeof(counts));
	heap_bytes = heap;
	stack_bytes = stack;
	if (strcmp(how, "now") == 0 && mlockall(MCL_CURRENT | MCL_FUTURE))
		return 4;
	if (strcmp(how, "current") == 0 && mlockall(MCL_CURRENT))
		return 4;
	measure(0);
	if (pthread_create(&id, &attr, thread, &id) ||
	    pthread_join(id, &result) || result != &id)
		return 5;
	printf("%ld %ld %ld %ld\n", counts[0], counts[1], counts[2], counts[3]);
	fflush(stdout);
	getchar();
	return 0;
}
C
${CC:-cc} -O1 -w -o rt rt.c -pthread || fail 'rt.c'

page=$(getconf PAGESIZE)
[ "$page" = 4096 ] || skip 'the sizes are for pages of 4 KiB'
heap=8388608 stack=262144

# area NAME FIELD: in bytes, of the VMAs of that name of $pid
area() {
	awk -v name="$1" -v field="$2:" '/^[0-9a-f]+-/ { at = $6 }
		at == name && $1 == field { sum += $2 }
		END { print sum * 1024 }' "/proc/$pid/smaps"
}

# few FAULTS...: none of them is more than 1, for the kernel may unmap a page
# (NUMA, huge pages); "yes" or the numbers
few() {
	for few_number; do
		[ "$few_number" -le 1 ] || {
			echo "$*"
			return
		}
	done
	echo yes
}

# no_faults TITLE COMMAND...: rt has no fault
no_faults() {
	no_faults_title=$1
	shift
	start "$@"
	read -r one two three four <ready
	same "$no_faults_title: no fault of stack, heap, and of a thread's" \
		yes "$(few "$one" "$two" "$three" "$four")"
}

# all_locked TITLE: what was prefaulted is resident and locked
all_locked() {
	at_most "$1: the heap is resident" "$(area '[heap]' Rss)" $heap
	at_most "$1: and locked" "$(area '[heap]' Locked)" $heap
	at_most "$1: the stack is resident" "$(area '[stack]' Rss)" $stack
	at_most "$1: and locked" "$(area '[stack]' Locked)" $stack
}

start "$command" run ./rt $heap $stack now
read -r stack_faults heap_faults thread_faults _ <ready
at_most 'without the option the stack faults' "$stack_faults" 20
at_most 'without the option the heap faults' "$heap_faults" 4
at_most 'without the option the stack of a thread faults' "$thread_faults" 20
same 'there is no mark of faults' '' \
	"$("$command" status -bnr -o FAULTS $pid)"
stop

if ! is_limited; then
	no_faults 'mlockall' "$command" run --prefault=9M,stack:300K \
		./rt $heap $stack now
	all_locked 'mlockall'
	stop
	no_faults 'MCL_CURRENT alone' "$command" run --prefault=9M,stack:300K \
		./rt $heap $stack current
	at_most 'MCL_CURRENT: the heap is locked' "$(area '[heap]' Locked)" \
		$heap
	stop
	no_faults '--all' "$command" run --all --prefault=9M,stack:300K \
		./rt $heap $stack not
	all_locked '--all'
	stop
	no_faults 'mlockall after a new stack size' prlimit --stack=16777216 \
		"$command" run --prefault=9M,stack:10M ./rt $heap 10000000 now \
		12582912
	stop
fi
no_faults 'a program that does not lock' "$command" run \
	--prefault=9M,stack:300K ./rt $heap $stack not
at_most 'the heap is resident' "$(area '[heap]' Rss)" $heap
stop
start "$command" run --prefault=0,stack:300K ./rt $heap $stack now
read -r stack_faults heap_faults thread_faults _ <ready
same 'the stacks alone' yes "$(few "$stack_faults" "$thread_faults")"
at_most 'then the heap faults' "$heap_faults" 4
stop

# --- with a bound, and under a limit

start "$command" run --max 2M --prefault=9M,stack:300K ./rt $heap $stack now
read -r one two three four <ready
same '--max: no fault' yes "$(few "$one" "$two" "$three" "$four")"
is_bound() {
	[ "$("$command" status -bnr -o LOCKED $pid)" = 2097152 ] &&
		[ "$("$command" status -bnr -o OVER $pid)" -gt $((heap - 2097152)) ]
}
check '--max: the bound holds, the rest is over' wait_for is_bound
stop
if nobody_can "$command" --version; then
	nobody="prlimit --memlock=8388608:8388608"
	no_faults 'it fits the limit' as_nobody $nobody "$command" run \
		--prefault=3M,stack:300K ./rt 2500000 $stack now
	pid=$(pgrep -x rt)
	at_most 'it fits: the heap is locked' "$(area '[heap]' Locked)" 2500000
	at_most 'it fits: the stack is locked' "$(area '[stack]' Locked)" $stack
	stop 2>/dev/null
	no_faults 'it does not fit the limit' as_nobody $nobody "$command" run \
		-v --prefault=9M,stack:300K ./rt $heap $stack now
	pid=$(pgrep -x rt)
	same 'it does not fit: the heap is not locked' 0 "$(area '[heap]' Locked)"
	at_most 'it does not fit: status tells it' \
		"$("$command" status -bnr -o LEFTOUT "$pid")" $heap
	says 'it does not fit: -v tells it' err \
		'lockonfault: [0-9]* rt: [0-9]* bytes are not locked: they do not fit RLIMIT_MEMLOCK'
	stop 2>/dev/null
else
	left_out 'under a limit: nobody cannot run the command here'
fi

# --- it cannot be had

tells() {
	exits "$1" 0 "$2" "$3" "$4" "$command" run -v "--prefault=$5" \
		./rt 0 0 not "$7" </dev/null
	says "$1: it is told" err "lockonfault: [0-9]* rt: prefault: $6"
}
tells 'more stack than RLIMIT_STACK' prlimit --stack=1048576 -- 0,stack:4M \
	'[0-9]* bytes of stack are not resident: RLIMIT_STACK, or another mapping' \
	131072
tells 'a thread with a smaller stack' prlimit --stack=8388608 -- 0,stack:300K \
	"[0-9]* bytes of a thread's stack are not resident: the stack is smaller" \
	131072
tells 'more heap than there is' prlimit --as=1073741824 -- 2G \
	'2147483648 bytes of heap are not resident: there is no memory' 131072
exits 'without -v nothing is told' 0 prlimit --stack=1048576 "$command" run \
	--prefault=0,stack:4M ./rt 0 0 not </dev/null
silent 'it is silent'
exits 'no limit of the stack' 0 sh -c \
	'ulimit -s unlimited; "$0" run --prefault=0,stack:32M ./rt 0 30000000 not 33554432' \
	"$command" </dev/null
read -r one _ three _ <out
same 'no limit: no fault' yes "$(few "$one" "$three")"
for size in 16384 20480 65536; do
	exits "a thread with a stack of $size" 0 "$command" run \
		--prefault=0,stack:1M ./rt 0 8192 now $size </dev/null
done

# --- threads: their results, pthread_exit, and cancellation

cat >threads.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *leave(void *arg)
{
	pthread_exit(arg);
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *use(void *arg)
{
	volatile char stack[4096];

	stack[0] = 1;
	return arg;
}

int main(void)
{
	static char own[1 << 17];
	pthread_attr_t attr;
	void *result;
	pthread_t id;

	for (int i = 0; i < 200; i++)
		if (pthread_create(&id, NULL, leave, &id) ||
		    pthread_join(id, &result) || result != &id)
			return 1;
	if (pthread_create(&id, NULL, wait_for_ever, NULL) ||
	    pthread_cancel(id) || pthread_join(id, &result) ||
	    result != PTHREAD_CANCELED)
		return 2;
	/* A stack of the program's, between its other data */
	pthread_attr_init(&attr);
	if (pthread_attr_setstack(&attr, own, sizeof(own)) ||
	    pthread_create(&id, &attr, use, &id) ||
	    pthread_join(id, &result) || result != &id)
		return 3;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)1 << 60);
	if (pthread_create(&id, &attr, use, &id) == 0)
		return 4;
	return 0;
}
C
${CC:-cc} -w -o threads threads.c -pthread || fail 'threads.c'
exits 'threads' 0 "$command" run -v --prefault=1M,stack:1M ./threads
same 'threads: the small stack is told, once' 1 "$(grep -c 'prefault:' err)"
exits 'threads with small stacks' 0 prlimit --stack=131072:8388608 \
	"$command" run -v --prefault=1M,stack:1M ./threads
same 'small stacks: they are told once' 1 "$(grep -c "a thread's stack" err)"
exits 'without -v' 0 "$command" run --prefault=1M,stack:1M ./threads
silent 'without -v nothing is told of threads'

# --- the count of faults

cat >faults.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Touch 512 pages before mlockall(), and so many bytes after it. */
int main(int argc, char **argv)
{
	char *addr = mmap(0, 1 << 24, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[64];

	madvise(addr, 1 << 24, MADV_NOHUGEPAGE);
	memset(addr + (1 << 23), 1, 1 << 21);
	if (argc > 1 && mlockall(MCL_CURRENT | MCL_FUTURE))
		return 4;
	memset(addr, 1, argc > 1 ? atol(argv[1]) : 0);
	puts("ready");
	fflush(stdout);
	while (read(0, line, 1) > 0)
		;
	return 0;
}
C
${CC:-cc} -w -o faults faults.c || fail 'faults.c'
# faults_of: what status shows for $pid
faults_of() { "$command" status -bnr -o FAULTS $pid; }
if ! is_limited; then
	start "$command" run --prefault=1M ./faults 4096000
	wait_for_1000() { [ "$(faults_of)" -ge 1000 ]; }
	check 'the faults after mlockall are counted' wait_for_1000
	at_most 'and few others' 1060 "$(faults_of)"
	of_kernel() { awk '{ print $10 + $12 }' "/proc/$pid/stat"; }
	at_most 'it is less than the kernel counts from the start' \
		"$(of_kernel)" "$(($(faults_of) + 20))"
	"$command" status -J -o FAULTS $pid >json
	says 'in JSON it is a number' json ' *"faults": [0-9]*'
	stop
fi
start "$command" run --prefault=0 ./faults
same 'a program that does not lock: since it was loaded' yes \
	"$([ "$(faults_of)" -lt 1000 ] && echo yes)"
stop

start "$command" run --prefault=0 "$locker" all 65536
read -r _ child <ready
same 'a child of fork has no mark' '' \
	"$("$command" status -bnr -o FAULTS "$child")"
stop

# --- the command line

for value in '' x 1x stack:1M '1M,' 1M,stack 1M,stack: 1M,stack:x 1M,heap:1M \
	'1M, stack:1M' 1M,stack:1M,stack:1M -1 99999999999T; do
	exits "run --prefault='$value'" 125 \
		"$command" run --prefault="$value" echo run
	same "--prefault='$value': it is said why" "lockonfault run: invalid \
argument '$value' for --prefault: not SIZE[,stack:SIZE]" "$(cat err)"
	same "--prefault='$value': CMD is not run" '' "$(cat out)"
done
exits 'a dry run' 0 "$command" run -n --prefault 1M,stack:64KiB true
same 'it prints the variable' "env LD_PRELOAD=$shim \
LOCKONFAULT_PREFAULT=1M,stack:64KiB true" "$(cat out)"
exits 'LOCKONFAULT_PREFAULT, an unknown value' 0 \
	env LOCKONFAULT_PREFAULT=much "$command" run true
same 'it is reported' "lockonfault run: LOCKONFAULT_PREFAULT has an unknown \
value, ignored: 'much'; known: SIZE[,stack:SIZE]" "$(cat err)"
printf 'int main(void) { return 0; }\n' >static.c
if ${CC:-cc} -static -o static static.c 2>/dev/null; then
	exits 'a static program' 0 "$command" run --prefault=1M ./static
	says 'a static program: it is said' err \
		'lockonfault run: --prefault has no effect on ./static'
else
	left_out 'a static program: it cannot be built here'
fi
finish
