#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A C++ program with jemalloc or tcmalloc does the same under the shim as
# without it. These allocators map, unmap and discard memory by their own rules.
# With all memory locked on fault, they give as much of it back after a peak as
# without locks.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

has "$CXX" || skip 'there is no C++ compiler'

cat >"$work/allocate.cc" <<'CC'
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// Allocate, resize and free blocks of all sizes. Returns a sum of their
// content.
static unsigned long churn(unsigned seed)
{
	std::vector<std::pair<char *, size_t>> blocks(200);
	std::map<std::string, std::unique_ptr<std::vector<int>>> names;
	unsigned long sum = 0, state = seed;

	for (int i = 0; i < 6000; i++) {
		state = state * 6364136223846793005ul + 1442695040888963407ul;
		auto &block = blocks[(state >> 33) % blocks.size()];
		size_t size = 1 + (state >> 40) % (i % 50 ? 5000 : 3000000);

		for (size_t at = 0; at < block.second; at += 997)
			sum += (unsigned char)block.first[at];
		if (i % 3) {
			block.first = (char *)realloc(block.first, size);
		} else {
			free(block.first);
			block.first = (char *)calloc(1, size);
		}
		memset(block.first, (int)(state >> 56), size);
		block.second = size;
		names[std::to_string(state >> 52)] =
			std::make_unique<std::vector<int>>(size % 100, i);
	}
	for (auto &block : blocks)
		free(block.first);
	for (auto &name : names)
		sum += name.second->size();
	return sum;
}

int main()
{
	std::vector<std::thread> threads;
	unsigned long sums[4];

	for (unsigned i = 0; i < 4; i++)
		threads.emplace_back([i, &sums] { sums[i] = churn(i + 1); });
	for (auto &thread : threads)
		thread.join();
	for (auto sum : sums)
		printf("%lu\n", sum);
}
CC
check 'it compiles' "$CXX" -O1 -pthread -o "$work/allocate" "$work/allocate.cc"

on_allocator() { alike "C++ on $1" allocate "$work/allocate"; }

cat >"$work/peak.c" <<'C'
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NTHREADS	4
#define NBLOCKS		10000
#define SIZE		2000

static pthread_barrier_t step;
static int kept;		/* one of so many blocks stays; 0: none */

/* The sum of all lines of this name in a file of proc, in MiB. */
static double mib(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long kib, sum = 0;

	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), "%ld", &kib) == 1)
			sum += kib;
	fclose(file);
	return sum / 1024.0;
}

static void *peak(void *arg)
{
	char *block[NBLOCKS];

	for (int i = 0; i < NBLOCKS; i++)
		block[i] = memset(malloc(SIZE), 1, SIZE);
	pthread_barrier_wait(&step);	/* the peak */
	pthread_barrier_wait(&step);
	for (int i = 0; i < NBLOCKS; i++)
		if (!kept || i % kept)
			free(block[i]);
	pthread_barrier_wait(&step);	/* freed */
	pthread_barrier_wait(&step);
	return arg;
}

/* As a program does that knows its allocator. */
static void give_back(void)
{
	int (*jemalloc)(const char *, void *, size_t *, void *, size_t);
	void (*tcmalloc)(void);

	jemalloc = dlsym(RTLD_DEFAULT, "mallctl");
	tcmalloc = dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory");
	if (jemalloc)
		jemalloc("arena.4096.purge", NULL, NULL, NULL, 0);
	else if (tcmalloc)
		tcmalloc();
	else
		malloc_trim(0);
}

int main(int argc, char **argv)
{
	pthread_t thread[NTHREADS];
	double at_peak;

	kept = argc > 1 ? atoi(argv[1]) : 0;
	pthread_barrier_init(&step, NULL, NTHREADS + 1);
	for (int i = 0; i < NTHREADS; i++)
		pthread_create(&thread[i], NULL, peak, NULL);
	pthread_barrier_wait(&step);
	at_peak = mib("/proc/self/status", "VmRSS:");
	pthread_barrier_wait(&step);
	pthread_barrier_wait(&step);
	give_back();
	printf("%.1f %.1f %.1f\n", at_peak,
	       mib("/proc/self/status", "VmRSS:"),
	       mib("/proc/self/smaps", "Locked:"));
	pthread_barrier_wait(&step);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(thread[i], NULL);
}
C
check 'the peak compiles' "$CC" -O1 -pthread -o "$work/peak" "$work/peak.c" -ldl

# gives_back NAME: compare MiB resident at the peak, MiB resident and locked
# after it. 1 MiB is for the shim itself.
gives_back() {
	may_lock_all || {
		not_run "memory of $1: RLIMIT_MEMLOCK is in the way"
		return
	}
	for kept in 0 100; do
		bare=$(LD_PRELOAD=$before "$work/peak" $kept)
		locked=$(LOCKONFAULT_ALL=1 \
			LD_PRELOAD=$(preload "$before" "$shim") \
			"$work/peak" $kept)
		title="$1, one of $kept blocks kept: $bare, locked $locked MiB"
		if echo "$bare $locked" | awk '{
			exit !(NF == 6 && $4 > 70 && $6 > 1 &&
			       $5 <= $2 * 1.1 + 1) }'
		then
			ok "$title"
		else
			fail "$title"
		fi
	done
}

# library NAME: the path of the library, from the cache of the dynamic linker
library() {
	/sbin/ldconfig -p | sed -n "s/^.*\b$1 .*x86-64.* => //p;
		s/^.*\b$1 (libc6) => //p" | sed -n 1p
}

for name in libc.so.6 libjemalloc.so.2 libtcmalloc.so.4 \
	libtcmalloc_minimal.so.4; do
	before=
	if [ $name != libc.so.6 ]; then
		before=$(library $name)
		if [ -z "$before" ]; then
			not_run "C++ on $name: it is not installed"
			continue
		fi
	fi
	locked_too on_allocator $name
	gives_back $name
done
finish
