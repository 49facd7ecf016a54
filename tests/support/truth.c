/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The locked and resident memory in /proc, and the ledger compared with it. */
#include "config.h"

#include "support/truth.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockonfault.h"

#ifdef TRUTH_ALONE
#include "support/truth_alone.h"
#else
#include <check.h>
#endif

#define LINE_SIZE	(16 << 10)	/* a path of 4096 bytes, each escaped */
#define REGIONS_MAX	4096

/* A VMA of /proc/self/smaps. */
struct vma {
	uintptr_t start, end;
	int kind;
	size_t rss;
};

static FILE *open_proc(const char *path)
{
	FILE *file = fopen(path, "re");

	ck_assert_msg(file != NULL, "%s cannot be opened", path);
	return file;
}

/*
 * "VmFlags: rd wr mr mw me lo ac lf sd". Before Linux 6.2 the flag of
 * lock-on-fault has no name and shows as ??, behind lo and before ac and sd.
 */
static int kind_of(const char *flags)
{
	const char *locked = strstr(flags, " lo"), *nameless, *ac, *sd;

	if (!locked)
		return LOF_NONE;
	if (strstr(flags, " lf"))
		return LOF_ONFAULT;
	nameless = strstr(locked, " ??");
	ac = strstr(locked, " ac");
	sd = strstr(locked, " sd");
	if (nameless && (!ac || nameless < ac) && (!sd || nameless < sd))
		return LOF_ONFAULT;
	return LOF_FULL;
}

/* The next VMA of the file; false at its end. */
static bool next_vma(FILE *smaps, struct vma *vma)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), smaps)) {
		uintptr_t start, end;
		size_t kib;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start,
			   &end) == 2)
			*vma = (struct vma){ .start = start, .end = end };
		else if (sscanf(line, "Rss: %zu kB", &kib) == 1)
			vma->rss = kib << 10;
		else if (strncmp(line, "VmFlags:", 8) == 0) {
			vma->kind = kind_of(line);
			return true;
		}
	}
	ck_assert_msg(!ferror(smaps), "smaps cannot be read");
	return false;
}

/* A list of regions that grows at its end. */
struct list {
	uintptr_t start, end;		/* clip to these */
	struct truth_region *out;
	int max, count;
	struct truth_region last;	/* also if out is full */
};

static void list_add(struct list *list, uintptr_t start, uintptr_t end,
		     int kind)
{
	if (start < list->start)
		start = list->start;
	if (end > list->end)
		end = list->end;
	if (start >= end || kind == LOF_NONE)
		return;
	if (list->count > 0 && list->last.end == start &&
	    list->last.kind == kind) {
		list->last.end = end;
	} else {
		list->last = (struct truth_region){ start, end, kind };
		list->count++;
	}
	if (list->count <= list->max)
		list->out[list->count - 1] = list->last;
}

bool truth_is_emulated(void)
{
	int saved = errno;
	bool takes_any = madvise(NULL, 0, ~0) == 0;

	errno = saved;
	return takes_any;
}

bool truth_lacks_mlock2(void)
{
	int saved = errno;
	bool lacks;

	lacks = getenv("LOF_TEST_NO_MLOCK2") ||
		(truth_is_emulated() && syscall(SYS_mlock2, NULL, 0, ~0u) &&
		 errno == ENOSYS);
	errno = saved;
	return lacks;
}

typedef int visitor(const struct lof_region *region, void *arg);

#ifdef TRUTH_NO_LEDGER

/* A program that does not link the library may have it from the shim. */
static int walk(visitor *visit, void *arg)
{
	int (*found)(visitor *visit, void *arg);

	*(void **)&found = dlsym(RTLD_DEFAULT, "lof_walk");
	return found ? found(visit, arg) : 0;
}

#else

static int walk(visitor *visit, void *arg)
{
	return lof_walk(visit, arg);
}

#endif

/* The regions of lof_walk(), read once for all VMAs. */
static struct truth_region told[REGIONS_MAX];
static int ntold;

static int tell(const struct lof_region *region, void *arg)
{
	(void)arg;
	ck_assert_uint_le((size_t)ntold + 1, REGIONS_MAX);
	told[ntold++] = (struct truth_region){
		region->start, region->start + region->len, (int)region->kind
	};
	return 0;
}

/*
 * Without mlock2 the kernel does not tell the kind of a lock. So take the kind
 * of locked memory from the library.
 */
static void list_add_vma(struct list *list, const struct vma *vma)
{
	uintptr_t start = vma->start;

	for (int i = 0; i < ntold && vma->kind == LOF_FULL; i++) {
		if (told[i].end <= start || told[i].start >= vma->end)
			continue;
		if (told[i].start > start) {
			list_add(list, start, told[i].start, LOF_FULL);
			start = told[i].start;
		}
		list_add(list, start, told[i].end < vma->end ?
			 told[i].end : vma->end, told[i].kind);
		start = told[i].end;
	}
	list_add(list, start, vma->end, vma->kind);
}

int truth_collect(uintptr_t start, uintptr_t end, struct truth_region *out,
		  int max)
{
	struct list list = { start, end, out, max, 0, { 0, 0, 0 } };
	FILE *smaps = open_proc("/proc/self/smaps");
	struct vma vma = { .start = 0 };

	ntold = 0;
	/* EBUSY: this thread owns the ledger's lock. All locks are full then. */
	if (truth_lacks_mlock2())
		ck_assert_msg(walk(tell, NULL) == 0 || errno == EBUSY,
			      "lof_walk failed");
	while (next_vma(smaps, &vma))
		list_add_vma(&list, &vma);
	fclose(smaps);
	return list.count;
}

#ifndef TRUTH_NO_LEDGER

static int walk_add(const struct lof_region *region, void *arg)
{
	list_add(arg, region->start, region->start + region->len,
		 (int)region->kind);
	return 0;
}

int truth_collect_walk(uintptr_t start, uintptr_t end,
		       struct truth_region *out, int max)
{
	struct list list = { start, end, out, max, 0, { 0, 0, 0 } };

	ck_assert_msg(lof_walk(walk_add, &list) == 0, "lof_walk failed");
	return list.count;
}

static void print_regions(const char *who, const struct truth_region *region,
			  int count)
{
	fprintf(stderr, "%s: %d\n", who, count);
	for (int i = 0; i < count && i < REGIONS_MAX; i++)
		fprintf(stderr, "  %" PRIxPTR "-%" PRIxPTR " %s\n",
			region[i].start, region[i].end,
			region[i].kind == LOF_ONFAULT ? "on fault" : "full");
}

/* Without mlock2 adjacent regions of one kind may differ in other ways. */
static int merge(struct truth_region *to, const struct truth_region *region,
		 int count)
{
	struct list list = { 0, UINTPTR_MAX, to, REGIONS_MAX, 0, { 0, 0, 0 } };

	for (int i = 0; i < count && i < REGIONS_MAX; i++)
		list_add(&list, region[i].start, region[i].end, region[i].kind);
	return list.count;
}

bool truth_is_told(uintptr_t start, uintptr_t end,
		   const struct truth_region *ledger, int count)
{
	static struct truth_region kernel[REGIONS_MAX], merged[REGIONS_MAX];
	int nkernel = truth_collect(start, end, kernel, REGIONS_MAX);
	bool equal;

	if (truth_lacks_mlock2()) {
		count = merge(merged, ledger, count);
		ledger = merged;
	}
	equal = nkernel == count;
	for (int i = 0; equal && i < nkernel && i < REGIONS_MAX; i++)
		equal = kernel[i].start == ledger[i].start &&
			kernel[i].end == ledger[i].end &&
			kernel[i].kind == ledger[i].kind;
	if (!equal) {
		print_regions("kernel", kernel, nkernel);
		print_regions("ledger", ledger, count);
	}
	return equal;
}

bool truth_is_equal(uintptr_t start, uintptr_t end)
{
	static struct truth_region ledger[REGIONS_MAX];
	int count = truth_collect_walk(start, end, ledger, REGIONS_MAX);

	return truth_is_told(start, end, ledger, count);
}

void truth_assert_equal(uintptr_t start, uintptr_t end)
{
	ck_assert_msg(truth_is_equal(start, end),
		      "ledger and kernel differ in %" PRIxPTR "-%" PRIxPTR,
		      start, end);
}

#endif /* TRUTH_NO_LEDGER */

int truth_kind_at(const void *addr)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)addr & ~(page - 1);
	struct truth_region region;

	if (truth_collect(start, start + page, &region, 1))
		return region.kind;
	return msync((void *)start, page, MS_ASYNC) ? -1 : LOF_NONE;
}

/* msync() tells whether a page is mapped. */
void truth_kinds(const void *addr, size_t npages, char *kinds)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct truth_region region[256];
	uintptr_t start = (uintptr_t)addr;
	int n;

	ck_assert_uint_le(npages, sizeof(region) / sizeof(region[0]));
	n = truth_collect(start, start + npages * page, region, (int)npages);
	for (size_t i = 0; i < npages; i++)
		kinds[i] = msync((char *)start + i * page, page, MS_ASYNC) ?
				   '-' : '.';
	kinds[npages] = '\0';
	for (int i = 0; i < n; i++)
		for (uintptr_t p = region[i].start; p < region[i].end;
		     p += page)
			kinds[(p - start) / page] =
				region[i].kind == LOF_ONFAULT ? 'O' : 'F';
}

size_t truth_vmlck(void)
{
	FILE *status = open_proc("/proc/self/status");
	char line[LINE_SIZE];
	size_t kib = SIZE_MAX;

	while (kib == SIZE_MAX && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmLck: %zu kB", &kib) != 1)
			kib = SIZE_MAX;
	fclose(status);
	ck_assert_msg(kib != SIZE_MAX, "/proc/self/status has no VmLck");
	return kib << 10;
}

/* The bytes of the pages present in a part of a VMA. */
static size_t present(uintptr_t start, uintptr_t end)
{
	FILE *pagemap = open_proc("/proc/self/pagemap");
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 0;
	uint64_t entry;

	/* Only whole entries can be read: stdio of musl does not do that. */
	for (; start < end; start += page) {
		ck_assert_msg(pread(fileno(pagemap), &entry, sizeof(entry),
				    (off_t)(start / page * sizeof(entry))) ==
			      sizeof(entry), "pagemap cannot be read");
		if (entry >> 63)
			bytes += page;
	}
	fclose(pagemap);
	return bytes;
}

size_t truth_rss(uintptr_t start, uintptr_t end)
{
	FILE *smaps = open_proc("/proc/self/smaps");
	struct vma vma = { .start = 0 };
	size_t bytes = 0;

	while (next_vma(smaps, &vma)) {
		if (vma.start >= start && vma.end <= end)
			bytes += vma.rss;
		else if (vma.start < end && vma.end > start)
			bytes += present(vma.start > start ? vma.start
							    : start,
					 vma.end < end ? vma.end : end);
	}
	fclose(smaps);
	return bytes;
}
