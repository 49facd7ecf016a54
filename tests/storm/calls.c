/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of storm: one random call on memory that all threads share. Its result
 * is ignored, since other threads change the same memory.
 */
#include "config.h"

#include "storm/storm.h"

#include <unistd.h>

bool calls_for_all, calls_dontunmap;

static int file;

static size_t pages(size_t n)
{
	return n * page;
}

static char *at(size_t n)
{
	return (char *)STORM_START + n * page;
}

void storm_open(void)
{
	file = memfd_create("storm", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, (off_t)pages(STORM_NPAGES)))
		storm_die("memfd_create failed\n");
}

void storm_lay_own(void)
{
	char *own = (char *)OWN_START;

	if (lof_mmap(own, pages(OWN_NPAGES), RW, ANON | MAP_FIXED, -1, 0) !=
	    own)
		storm_die("mmap failed\n");
	own[0] = 'a';
	lof_mlock2(own, pages(6), MLOCK_ONFAULT);
	lof_mlock2(own + pages(2), pages(2), 0);
	lof_munlock(own + pages(4), page);
}

/* Lock, unlock and unmap a mapping that the kernel put outside the arena. */
static void use_elsewhere(struct stream *stream, char *addr, size_t n)
{
	if (addr == MAP_FAILED || (uintptr_t)addr - STORM_START <
				  pages(STORM_NPAGES))
		return;
	if (chance(stream, 50))
		CALL(mlock)(addr, pages(n));
	if (chance(stream, 20))
		CALL(munlock)(addr, page);
	CALL(munmap)(addr, pages(n));
}

static void map(struct stream *stream, char *addr, size_t n)
{
	int flags = ANON, fd = -1;

	if (chance(stream, 25)) {
		flags = MAP_SHARED;
		fd = file;
	}
	if (chance(stream, 30))
		flags |= MAP_LOCKED;
	if (chance(stream, 20))
		use_elsewhere(stream, CALL(mmap)(NULL, pages(n), RW, flags, fd,
						 0), n);
	else if (chance(stream, 30))
		lof_mmap_onfault(addr, pages(n), RW, flags | MAP_FIXED, fd, 0);
	else
		CALL(mmap)(addr, pages(n), RW, flags | MAP_FIXED, fd, 0);
}

static void remap(struct stream *stream, char *addr, size_t n)
{
	const int onto = MREMAP_MAYMOVE | MREMAP_FIXED;
	char *to = at(draw(stream, STORM_NPAGES - n));
	size_t more = n + 1 + draw(stream, 3);

	switch (draw(stream, 6)) {
	case 0:
	case 1:
		CALL(mremap)(addr, pages(n), pages(n), onto, to);
		break;
	case 2:
		CALL(mremap)(addr, pages(n), pages(n), calls_dontunmap ?
			     onto | MREMAP_DONTUNMAP : onto, to);
		break;
	case 3:
		CALL(mremap)(addr, pages(n), pages(draw(stream, n) + 1), 0);
		break;
	case 4:
		use_elsewhere(stream, CALL(mremap)(addr, pages(n), pages(more),
						   MREMAP_MAYMOVE), more);
		break;
	default:
		use_elsewhere(stream, lof_mremap(addr, pages(n), pages(more),
				MREMAP_MAYMOVE | LOF_MREMAP_NOPOPULATE), more);
		break;
	}
}

static int ignore(const struct lof_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

static void ask(struct stream *stream, char *addr)
{
	struct lof_region region;
	struct lof_stats stats;

	switch (draw(stream, 8)) {
	case 0:
		lof_walk(ignore, NULL);
		break;
	case 1:
		lof_stats(&stats, sizeof(stats));
		break;
	case 2:
		lof_sync();
		break;
	default:
		lof_query(addr, &region, sizeof(region));
		break;
	}
}

static void lock_or_unlock_all(struct stream *stream)
{
	switch (draw(stream, 6)) {
	case 0:
		CALL(mlockall)(MCL_CURRENT | MCL_ONFAULT);
		break;
	case 1:
		CALL(mlockall)(MCL_FUTURE | MCL_ONFAULT);
		break;
	case 2:
		CALL(mlockall)(MCL_FUTURE);
		break;
	case 3:
		lof_munlockall2(MCL_FUTURE);
		break;
	case 4:
		lof_munlockall2(MCL_ONFAULT);
		break;
	default:
		CALL(munlockall)();
		break;
	}
}

static void lock(struct stream *stream, char *addr, size_t n)
{
	switch (draw(stream, 8)) {
	case 0:
		CALL(mlock)(addr, pages(n));
		break;
	case 1:
		lof_mlock2(addr, pages(n), 0);
		break;
	case 2:
		lof_munlock2(addr, pages(n), chance(stream, 50) ?
			     MLOCK_LOCKED : MLOCK_ONFAULT);
		break;
	case 3:
	case 4:
		CALL(munlock)(addr, pages(n));
		break;
	default:
		lof_mlock2(addr, pages(n), MLOCK_ONFAULT);
		break;
	}
}

static void change_pages(struct stream *stream, char *addr, size_t n)
{
	switch (draw(stream, 4)) {
	case 0:
		lof_populate(addr, pages(n), PROT_WRITE);
		break;
	case 1:
		lof_discard(addr, pages(n));
		break;
	case 2:
		CALL(madvise)(addr, pages(n), MADV_DONTNEED);
		break;
	default:
		CALL(mprotect)(addr, pages(n), chance(stream, 30) ? PROT_READ
								  : RW);
		break;
	}
}

void storm_call(struct stream *stream)
{
	size_t n = draw(stream, 6) + 1, what = draw(stream, 1000);
	char *addr = at(draw(stream, STORM_NPAGES - n));

	if (what < 400)
		lock(stream, addr, n);
	else if (what < 580)
		map(stream, addr, n);
	else if (what < 660)
		CALL(munmap)(addr, pages(n));
	else if (what < 820)
		remap(stream, addr, n);
	else if (what < 900)
		change_pages(stream, addr, n);
	else if (what < 930)
		lof_hold(addr, pages(n), chance(stream, 50) ? MLOCK_ONFAULT
							    : 0);
	else if (what < 960)
		lof_drop(addr, pages(n));
	else if (what < 995 || !calls_for_all)
		ask(stream, addr);
	else
		lock_or_unlock_all(stream);
}
