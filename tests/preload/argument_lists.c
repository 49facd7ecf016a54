/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of argument_sets: the hooked calls, by name and by number, and the
 * lists of their arguments.
 */
#include "config.h"

#include "preload/argument_sets.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

#include "kernel/syscall.h"
#include "lockonfault.h"

int mlock2(const void *addr, size_t len, unsigned int flags);

#define P(n)	((void *)arg[n])
#define I(n)	((int)arg[n])
#define U(n)	((unsigned int)arg[n])
#define Z(n)	((size_t)arg[n])

#define CALL(name, call)					\
	static long call_##name(const long *arg)		\
	{							\
		(void)arg;					\
		return (long)(call);				\
	}

CALL(mlock, mlock(P(0), Z(1)))
CALL(mlock2, mlock2(P(0), Z(1), U(2)))
CALL(munlock, munlock(P(0), Z(1)))
CALL(mlockall, mlockall(I(0)))
CALL(munlockall, munlockall())
CALL(mmap, mmap(P(0), Z(1), I(2), I(3), I(4), (off_t)arg[5]))
CALL(mmap64, mmap64(P(0), Z(1), I(2), I(3), I(4), arg[5]))
CALL(munmap, munmap(P(0), Z(1)))
CALL(mremap, mremap(P(0), Z(1), Z(2), I(3), P(4)))
CALL(mprotect, mprotect(P(0), Z(1), I(2)))
CALL(madvise, madvise(P(0), Z(1), I(2)))
CALL(remap_file_pages, remap_file_pages(P(0), Z(1), I(2), Z(3), I(4)))
CALL(shmat, shmat(I(0), P(1), I(2)))
CALL(shmdt, shmdt(P(0)))
CALL(setuid, setuid((uid_t)arg[0]))
CALL(setreuid, setreuid((uid_t)arg[0], (uid_t)arg[1]))
CALL(setresuid, setresuid((uid_t)arg[0], (uid_t)arg[1], (uid_t)arg[2]))
CALL(setrlimit, setrlimit((__rlimit_resource_t)arg[0], P(1)))
CALL(prlimit, prlimit(I(0), (__rlimit_resource_t)arg[1], P(2), P(3)))
CALL(prlimit64, prlimit64(I(0), (__rlimit_resource_t)arg[1], P(2), P(3)))
CALL(prctl, prctl(I(0), arg[1], arg[2], arg[3], arg[4]))
CALL(unshare, unshare(I(0)))
CALL(setns, setns(I(0), I(1)))
CALL(seccomp, syscall(SYS_seccomp, arg[0], arg[1], arg[2]))
CALL(syscall, syscall(arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]))

static void *no_thread(void *arg) { return arg; }

/* A thread with a stack of that size, which has ended. */
static long call_pthread_create(const long *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	long err;

	pthread_attr_init(&attr);
	err = pthread_attr_setstacksize(&attr, Z(0));
	if (!err)
		err = pthread_create(&thread, &attr, no_thread, NULL);
	if (!err)
		pthread_join(thread, NULL);
	return err;
}

/* An offset of mmap2 is in pages. */
#ifdef SYS_mmap2
#define NR_MMAP	(-1)
#else
#define NR_MMAP	SYS_mmap
#endif

#define NUMBERED(name, ...)	{ #name, SYS_##name, __VA_ARGS__, call_##name }
#define NAMED(name, ...)	{ #name, -1, __VA_ARGS__, call_##name }

static const struct call calls[] = {
	NUMBERED(mlock, false, 0, 0),
	NUMBERED(mlock2, false, 0, 0),
	NUMBERED(munlock, false, 0, 0),
	NUMBERED(mlockall, false, 0, 0),
	NUMBERED(munlockall, false, 0, 0),
	{ "mmap", NR_MMAP, true, 1, 2, call_mmap },
	NAMED(mmap64, true, 1, 2),
	NUMBERED(munmap, false, 0, 0),
	NUMBERED(mremap, true, 5, 3),
	NUMBERED(mprotect, false, 0, 0),
	NUMBERED(madvise, false, 0, 0),
	NUMBERED(remap_file_pages, false, 0, 0),
#ifdef SYS_shmat
	NUMBERED(shmat, true, 2, 0),
	NUMBERED(shmdt, false, 0, 0),
#endif
	NAMED(setuid, false, 0, 0),
	NAMED(setreuid, false, 0, 0),
	NAMED(setresuid, false, 0, 0),
	NUMBERED(setrlimit, false, 0, 0),
	NAMED(prlimit, false, 0, 0),
	NUMBERED(prlimit64, false, 0, 0),
	NUMBERED(prctl, false, 0, 0),
	NUMBERED(unshare, false, 0, 0),
	NUMBERED(setns, false, 0, 0),
	NAMED(seccomp, false, 0, 0),
	NAMED(pthread_create, false, 0, 0),
	NAMED(syscall, false, 0, 0),
};

const struct call *call_named(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	return NULL;
}

/* The lists. 9M is the large mapping, and over a limit of 8 MiB. */
#define ADDRESSES							\
	"p0 p0+1 p1 p2 p3 p4 p5 p6 p7 p8 p10 p11 p12 p13 p64 p0-1p "	\
	"0 1 -1 -4096 0x7ffffffff000 0xffffffff80000000"
#define LENGTHS								\
	"0 1 1p-1 1p 1p+1 2p 3p 6p 13p 9M 1G 2^47 -1 -4096 -4095"
/* The kernel would discard or unmap the program, too. */
#define SHORT_LENGTHS							\
	"0 1 1p-1 1p 1p+1 2p 3p 6p 13p 9M 1G -1 -4096 -4095"
#define FEW_ADDRESSES	"p0 p2 p4 p6 p10 p64 p0+1 -4096"
#define FEW_LENGTHS	"0 1p 3p 6p 9M -1"

/*
 * No set populates 1 GiB, and none names all of the memory of the process: it
 * would end the program, with the shim and without.
 */
const struct product products[] = {
	{ "mlock", "- future all lock", { ADDRESSES, LENGTHS } },
	{ "mlock2", "-", { ADDRESSES, LENGTHS, "0 1 2 3 -1 0x80000000" } },
	{ "mlock2", "future all lock",
	  { FEW_ADDRESSES, FEW_LENGTHS, "0 1 2" } },
	{ "munlock", "- future lock", { ADDRESSES, LENGTHS } },
	{ "mlockall", "- future future|onfault all onfault lock none",
	  { "0 1 2 3 4 5 6 7 8 9 0x10 -1 0x80000001" } },
	{ "munlockall", "- future future|onfault all onfault lock none",
	  { "0" } },
	{ "munmap", "- future lock", { ADDRESSES, SHORT_LENGTHS " 2^47" } },
	{ "mprotect", "-",
	  { ADDRESSES, SHORT_LENGTHS, "0 1 3 5 7 0x10 0x1000003" } },
	{ "mprotect", "future all lock",
	  { FEW_ADDRESSES, FEW_LENGTHS, "0 1 3 7" } },
	/* NORMAL DONTNEED FREE REMOVE WILLNEED COLD POPULATE_* _LOCKED GUARD */
	{ "madvise", "-",
	  { ADDRESSES, "0 1 1p 1p+1 3p 13p 9M -1 -4096",
	    "0 3 4 8 9 10 11 15 20 22 23 24 102 103 9999 -1" } },
	{ "madvise", "future all lock",
	  { FEW_ADDRESSES, FEW_LENGTHS, "4 8 9 22 23 24 102" } },
	{ "remap_file_pages", "- future lock",
	  { "p0 p2 p6 p8 p8+1 p9 p10 -4096", "0 1p 2p -1", "0 1",
	    "0 1 2^47", "0 0x10000" } },
	/* Where, how long, and over which mapping. */
	{ "mmap", "- future",
	  { "0 p6 p0 p2 p4 p10 p13 p14+1 1 -4096 0xffffffff80000000",
	    "0 1 1p 3p 13p 9M", "3",
	    "PRIVATE|ANON PRIVATE|ANON|LOCKED PRIVATE|ANON|POPULATE "
	    "PRIVATE|ANON|FIXED PRIVATE|ANON|FIXED|LOCKED "
	    "PRIVATE|ANON|FIXED|LOCKED|POPULATE "
	    "PRIVATE|ANON|NOREPLACE PRIVATE|ANON|NOREPLACE|LOCKED "
	    "PRIVATE|ANON|FIXED|NOREPLACE|LOCKED", "-1", "0" } },
	{ "mmap", "- future lock all",
	  { "0 p0 p2 p13 -4096", "1G 2^47 -1 -4096 -4095", "0",
	    "PRIVATE|ANON|NORESERVE PRIVATE|ANON|NORESERVE|LOCKED "
	    "PRIVATE|ANON|NORESERVE|FIXED PRIVATE|ANON|NORESERVE|FIXED|LOCKED "
	    "PRIVATE|ANON|NORESERVE|FIXED|LOCKED|POPULATE", "-1", "0" } },
	/* The kinds of memory. */
	{ "mmap", "-",
	  { "0", "1p 3p", "0 1 3",
	    "0 SHARED PRIVATE SHARED|ANON PRIVATE|ANON SHARED_VALIDATE "
	    "SHARED_VALIDATE|ANON DROPPABLE|ANON 0xf|ANON "
	    "LOCKED SHARED|LOCKED PRIVATE|LOCKED SHARED|ANON|LOCKED "
	    "PRIVATE|ANON|LOCKED SHARED_VALIDATE|LOCKED "
	    "SHARED_VALIDATE|ANON|LOCKED DROPPABLE|ANON|LOCKED "
	    "0xf|ANON|LOCKED "
	    "SHARED|POPULATE PRIVATE|POPULATE SHARED|ANON|POPULATE "
	    "PRIVATE|ANON|POPULATE SHARED_VALIDATE|POPULATE "
	    "DROPPABLE|ANON|POPULATE "
	    "SHARED|LOCKED|POPULATE PRIVATE|LOCKED|POPULATE "
	    "SHARED|ANON|LOCKED|POPULATE PRIVATE|ANON|LOCKED|POPULATE "
	    "SHARED_VALIDATE|LOCKED|POPULATE",
	    "fd -1", "0 1p 1 2^47" } },
	/* Over old mappings, and into a hole. */
	{ "mmap", "- future lock",
	  { "p0 p2 p3 p4 p5 p8 p10 p14 p14+1", "1p 3p 13p", "0 1 3",
	    "SHARED|FIXED|LOCKED PRIVATE|FIXED|LOCKED "
	    "SHARED|ANON|FIXED|LOCKED PRIVATE|ANON|FIXED|LOCKED "
	    "PRIVATE|FIXED|LOCKED|POPULATE DROPPABLE|ANON|FIXED|LOCKED "
	    "SHARED_VALIDATE|FIXED|LOCKED", "fd", "0" } },
	/* Other flags. */
	{ "mmap", "- future all",
	  { "0 p14 p2", "1p 3p", "0 1 3",
	    "PRIVATE|ANON|LOCKED|POPULATE|NONBLOCK "
	    "PRIVATE|ANON|LOCKED|NORESERVE PRIVATE|ANON|LOCKED|STACK "
	    "PRIVATE|ANON|LOCKED|GROWSDOWN SHARED|ANON|LOCKED|GROWSDOWN "
	    "PRIVATE|ANON|HUGETLB PRIVATE|ANON|LOCKED|HUGETLB "
	    "PRIVATE|ANON|LOCKED|HUGETLB|0x54000000 "
	    "PRIVATE|ANON|LOCKED|HUGETLB|0xfc000000 "
	    "PRIVATE|ANON|LOCKED|32BIT PRIVATE|ANON|32BIT "
	    "PRIVATE|ANON|LOCKED|0x2000000 PRIVATE|ANON|0x2000000 "
	    "SHARED_VALIDATE|ANON|LOCKED|0x2000000 "
	    "SHARED_VALIDATE|LOCKED|0x2000000 "
	    "SHARED_VALIDATE|LOCKED|SYNC SHARED|LOCKED|SYNC "
	    "PRIVATE|ANON|LOCKED|DENYWRITE|EXECUTABLE "
	    "PRIVATE|ANON|LOCKED|UNINITIALIZED -1",
	    "fd", "0" } },
	{ "mmap", "-",
	  { "p14 p2", "1p", "0x100000003 0x10 -1",
	    "PRIVATE|ANON PRIVATE|ANON|LOCKED PRIVATE|ANON|LOCKED|0x100000000",
	    "-1", "0" } },
	{ "mmap64", "- future",
	  { "0 p2 p14+1", "0 1p 3p", "0 3",
	    "PRIVATE|ANON PRIVATE|ANON|LOCKED PRIVATE|LOCKED "
	    "PRIVATE|ANON|LOCKED|POPULATE PRIVATE|ANON|FIXED|LOCKED",
	    "fd", "0 1p 1" } },
	/* MAYMOVE is 1, FIXED 2, DONTUNMAP 4; 2^28 is the library's. */
	{ "mremap", "-",
	  { "p0 p1+1 p2 p3 p4 p5 p6 p8 p10 p64 -4096", "0 1 1p 2p 6p -1",
	    "0 1p 2p 7p 9M 2^47 -1", "0 1 0x10000000 8 -1", "0" } },
	{ "mremap", "-",
	  { "p0 p2 p3 p4 p5 p8 p10", "0 1p 2p 6p", "1p 2p 7p",
	    "2 3 4 5 7 0x80000003", "0 p14 p14+1 p4 -4096" } },
	{ "mremap", "future lock all",
	  { "p0 p2 p4 p8 p10", "0 1p 2p", "1p 2p 9M", "0 1 3 5 7",
	    "p14 p4" } },
	{ "shmat", "- future lock all",
	  { "seg1 seg3 -1", "0 p14 p14+1 p0 p2 p4 p10 -4096",
	    "0 SHM_REMAP SHM_RDONLY SHM_RND SHM_EXEC SHM_REMAP|SHM_RND "
	    "SHM_REMAP|SHM_RDONLY 0x100 -1" } },
	{ "shmdt", "- attach attach|lock future|attach",
	  { "p14 p15 p14+1 p0 p2 p8 0 -4096" } },
	{ "setuid", "- future all lock", { "0 65534 -1" } },
	{ "setreuid", "- future all lock", { "0 65534 -1", "0 65534 -1" } },
	{ "setresuid", "- future all lock",
	  { "0 65534 -1", "65534 -1", "0 65534" } },
	/* MEMLOCK is 8, NOFILE 7. p0 holds text: a limit that is too high. */
	{ "setrlimit", "- lock", { "8 7 99 -1", "p0 p2 p6 p13" } },
	{ "prlimit", "- lock",
	  { "0 1 -1", "8 7 99", "0 p0 p2 p13", "0 p0 p2 p13" } },
	{ "prlimit64", "- lock",
	  { "0 1 -1", "8 7 99", "0 p0 p2 p13", "0 p0 p2 p13" } },
	{ "prctl", "- lock", { "22 21 -1", "0 1 2 3 -1", "0 1 p6 p13 -4096" } },
	{ "seccomp", "- lock",
	  { "0 1 2 3 -1", "0 1 -1", "1 p6 p13 -4096" } },
	{ "unshare", "- future lock", { "0 1 0x400 0x10000 -1" } },
	{ "setns", "- future lock", { "-1 fd", "0 0x40000000 -1" } },
	{ "pthread_create", "- future all lock", { "0 16K 64K 1M 12M" } },
	{ "syscall", "- lock",
	  { "-1 100000 0x40000095", "p0", "1p", "0", "0" } },
};

const size_t nproducts = sizeof(products) / sizeof(products[0]);

static const struct {
	const char *name;
	long value;
} names[] = {
	{ "SHARED", 1 }, { "PRIVATE", 2 }, { "SHARED_VALIDATE", 3 },
	{ "DROPPABLE", 8 }, { "ANON", MAP_ANONYMOUS }, { "FIXED", MAP_FIXED },
	{ "NOREPLACE", 0x100000 }, { "LOCKED", MAP_LOCKED },
	{ "POPULATE", MAP_POPULATE }, { "NONBLOCK", MAP_NONBLOCK },
	{ "NORESERVE", MAP_NORESERVE }, { "STACK", MAP_STACK },
	{ "GROWSDOWN", MAP_GROWSDOWN }, { "HUGETLB", MAP_HUGETLB },
	{ "SYNC", 0x80000 }, { "DENYWRITE", MAP_DENYWRITE },
	{ "EXECUTABLE", MAP_EXECUTABLE }, { "UNINITIALIZED", 0x4000000 },
#ifdef MAP_32BIT
	{ "32BIT", MAP_32BIT },
#else
	{ "32BIT", 0x40 },
#endif
	{ "SHM_REMAP", SHM_REMAP }, { "SHM_RDONLY", SHM_RDONLY },
	{ "SHM_RND", SHM_RND }, { "SHM_EXEC", SHM_EXEC },
};

/* A number, with p (pages), K, M, G or ^ and an exponent behind it. */
static long number_of(const char *text, char **end)
{
	unsigned long value = strtoul(text, end, 0);

	switch (**end) {
	case 'p':
		++*end;
		return (long)(value * page_size);
	case 'K':
		++*end;
		return (long)(value << 10);
	case 'M':
		++*end;
		return (long)(value << 20);
	case 'G':
		++*end;
		return (long)(value << 30);
	case '^':
		return (long)(UINT64_C(1) << strtoul(*end + 1, end, 0));
	default:
		return (long)value;
	}
}

static long term_of(const char *word, size_t len)
{
	char *end;
	long value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len &&
		    strncmp(names[i].name, word, len) == 0)
			return names[i].value;
	if (len == 2 && strncmp(word, "fd", len) == 0)
		return arena_file;
	if (len == 4 && strncmp(word, "seg", 3) == 0)
		return arena_segment[word[3] != '1'];
	if (word[0] == 'p')
		value = (long)(arena + strtoul(word + 1, &end, 10) * page_size);
	else
		value = number_of(word, &end);
	if (end < word + len && (*end == '+' || *end == '-'))
		value += number_of(end, &end);
	if (end != word + len) {
		fprintf(stderr, "no value: %.*s\n", (int)len, word);
		_exit(95);
	}
	return value;
}

long value_of(const char *word, size_t len)
{
	long value = 0;
	size_t n;

	for (size_t at = 0; at < len; at += n + 1) {
		n = strcspn(word + at, "| ");
		if (n > len - at)
			n = len - at;
		value |= term_of(word + at, n);
	}
	return value;
}

static const struct {
	const char *name;
	int flags;
} whole[] = {
	{ "future", MCL_FUTURE },
	{ "future|onfault", MCL_FUTURE | MCL_ONFAULT },
	{ "future|attach", MCL_FUTURE },
	{ "all", MCL_CURRENT | MCL_FUTURE },
	{ "onfault", MCL_CURRENT | MCL_ONFAULT },
};

void make_before(const char *before, size_t len)
{
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)len, before);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(word, whole[i].name) == 0)
			mlockall(whole[i].flags);
	if (strstr(word, "attach"))
		shmat(arena_segment[1], (void *)(arena + 14 * page_size), 0);
	if (strstr(word, "lock"))
		mlock((void *)arena, 6 * page_size);
	if (strcmp(word, "none") == 0)
		munlockall();
}
