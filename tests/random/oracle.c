/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compare lof_walk(), lof_query() and lof_stats() with smaps. This file reads
 * smaps by plain system calls into static memory, so it maps nothing and does
 * not use the library. Without mlock2 the kernel does not tell the kind of a
 * lock: then kinds are not compared.
 */
#include "config.h"

#include "random/calls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "random/random.h"

bool oracle_repairs;
static bool tells_kind;
static uint64_t forgiven;	/* bytes whose charge the kernel leaked */

static int smaps = -1, status = -1;
static char text[1 << 20];
static struct regions kernel, walked, merged;

void oracle_open(void)
{
	forgiven = 0;	/* a child has no charge */
	tells_kind = !getenv("LOF_TEST_NO_MLOCK2");	/* set by nomlock2 */
	if (smaps >= 0) {
		close(smaps);
		close(status);
	}
	smaps = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (smaps < 0 || status < 0)
		complain("/proc/self cannot be read");
}

static bool slurp(int fd)
{
	size_t len = 0;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET))
		return false;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return n == 0 && len > 0 && len < sizeof(text) - 1;
}

static uintptr_t hex(const char **at)
{
	uintptr_t value = 0;

	for (;; ++*at) {
		unsigned int c = (unsigned char)**at;

		if (c - '0' < 10)
			value = value << 4 | (c - '0');
		else if (c - 'a' < 6)
			value = value << 4 | (c - 'a' + 10);
		else
			return value;
	}
}

/*
 * "VmFlags: rd wr mr mw me lo ac lf sd". Before Linux 6.2 the flag of
 * lock-on-fault has no name and shows as ??, behind lo and before ac and sd.
 */
static unsigned int kind_of(const char *flags, const char *end)
{
	unsigned int kind = LOF_NONE;
	bool before = true;

	for (; flags + 2 <= end; flags += 3) {
		if (!memcmp(flags, "ac", 2) || !memcmp(flags, "sd", 2))
			before = false;
		if (!memcmp(flags, "lo", 2))
			kind = LOF_FULL;
		else if (kind && (!memcmp(flags, "lf", 2) ||
				  (before && !memcmp(flags, "??", 2))))
			kind = LOF_ONFAULT;
	}
	return kind;
}

/* Add a region. Adjacent regions that are alike become one. */
static void add(struct regions *list, struct region region)
{
	struct region *last = &list->region[list->n - 1];

	if (list->n && last->end == region.start && last->kind == region.kind &&
	    last->holds == region.holds)
		last->end = region.end;
	else if (list->n < REGIONS_MAX)
		list->region[list->n++] = region;
}

static bool read_kernel(void)
{
	struct region region = { .holds = 0 };
	const char *at = text, *end;

	kernel.n = 0;
	if (!slurp(smaps)) {
		complain("smaps cannot be read");
		return false;
	}
	for (; (end = strchr(at, '\n')); at = end + 1) {
		if (*at >= 'a' || *at <= '9') {
			region.start = hex(&at);
			at++;
			region.end = hex(&at);
		} else if (!memcmp(at, "VmFlags: ", 9)) {
			region.kind = kind_of(at + 9, end);
			if (region.kind)
				add(&kernel, region);
		}
	}
	return true;
}

const struct regions *oracle_kernel(void)
{
	return &kernel;
}

static struct region of_library(const struct lof_region *region)
{
	return (struct region){ region->start, region->start + region->len,
				region->kind, region->holds };
}

/* Fails if two adjacent regions are alike. */
static int visit(const struct lof_region *region, void *arg)
{
	static struct lof_region last;
	struct region without_holds = of_library(region);

	(void)arg;
	if (!region->len || !region->kind || region->start & (page - 1) ||
	    region->len & (page - 1) ||
	    (walked.n && region->start < last.start + last.len) ||
	    (walked.n && region->start == last.start + last.len &&
	     region->kind == last.kind && region->how == last.how &&
	     region->holds == last.holds && region->flags == last.flags))
		return 1;
	last = *region;
	if (walked.n < REGIONS_MAX)
		walked.region[walked.n++] = of_library(region);
	without_holds.holds = 0;
	if (!tells_kind)
		without_holds.kind = LOF_FULL;
	add(&merged, without_holds);
	return 0;
}

/* The number of times that the ledger was wrong and not suspect. */
static uint64_t known_drift;

static uint64_t read_drift(void)
{
	struct lof_stats stats;

	return lof_stats(&stats, sizeof(stats)) ? known_drift : stats.drift;
}

void oracle_forgives_drift(void)
{
	known_drift = read_drift();
}

static bool has_not_drifted(void)
{
	uint64_t before = known_drift;

	known_drift = read_drift();
	if (oracle_repairs || known_drift <= before)
		return true;
	complain("the ledger was wrong, and not suspect\n");
	return false;
}

static void complain_of(const char *title, const struct regions *list)
{
	complain("%s:\n", title);
	for (int i = 0; i < list->n; i++)
		complain("  %lx-%lx %s\n",
			 (unsigned long)list->region[i].start,
			 (unsigned long)list->region[i].end,
			 list->region[i].kind == LOF_FULL ? "full"
							  : "on fault");
}

static bool equal(const struct regions *a, const struct regions *b)
{
	return a->n == b->n && !memcmp(a->region, b->region,
				       (size_t)a->n * sizeof(a->region[0]));
}

bool oracle_agrees(void)
{
	int ret;

	walked.n = merged.n = 0;
	ret = lof_walk(visit, NULL);
	if (!read_kernel())
		return false;
	if (ret) {
		complain("lof_walk returned %d after %d regions\n", ret,
			 walked.n);
		return false;
	}
	if (!equal(&kernel, &merged)) {
		complain("ledger and kernel differ\n");
		complain_of("kernel", &kernel);
		complain_of("ledger", &merged);
		return false;
	}
	return holds_agree(&walked) && has_not_drifted();
}

static uint64_t locked_bytes(unsigned int kind)
{
	uint64_t sum = 0;

	for (int i = 0; i < kernel.n; i++)
		if (kernel.region[i].kind == kind)
			sum += kernel.region[i].end - kernel.region[i].start;
	return sum;
}

static uint64_t read_charge(void)
{
	const char *line = slurp(status) ? strstr(text, "\nVmLck:") : NULL;
	uint64_t kib = 0;

	if (!line)
		return UINT64_MAX;
	for (line += 7; *line != '\n'; line++)
		if (*line >= '0' && *line <= '9')
			kib = 10 * kib + (uint64_t)(*line - '0');
	return kib << 10;
}

bool oracle_charge_agrees(void)
{
	uint64_t charge = read_charge();
	uint64_t locked = locked_bytes(LOF_FULL) + locked_bytes(LOF_ONFAULT);

	if (charge == locked + forgiven)
		return true;
	complain("VmLck is %llu, but %llu bytes are locked\n",
		 (unsigned long long)charge, (unsigned long long)locked);
	return false;
}

/*
 * MREMAP_DONTUNMAP unlocks the old VMA but keeps its charge (seen on Linux
 * 6.18). The library cannot unlock memfd_secret memory before the move.
 */
void oracle_forgive_charge(void)
{
	if (read_kernel())
		forgiven = read_charge() - locked_bytes(LOF_FULL) -
			   locked_bytes(LOF_ONFAULT);
}

bool oracle_nothing_is_locked(void)
{
	if (oracle_agrees() && kernel.n == 0 && read_charge() == forgiven)
		return true;
	complain("at the end something is locked, %llu bytes are charged\n",
		 (unsigned long long)read_charge());
	complain_of("kernel", &kernel);
	return false;
}

/* The region of lof_walk() around addr, or the gap between two regions. */
static struct region expected(uintptr_t addr)
{
	struct region gap = { 0, UINTPTR_MAX, LOF_NONE, 0 };

	for (int i = 0; i < walked.n; i++) {
		if (walked.region[i].start > addr) {
			gap.end = walked.region[i].start;
			break;
		}
		if (walked.region[i].end > addr)
			return walked.region[i];
		gap.start = walked.region[i].end;
	}
	return gap;
}

static bool is_region(const struct lof_region *told,
		      const struct region *wanted)
{
	return told->holds == wanted->holds && told->start == wanted->start &&
	       told->start + told->len == wanted->end;
}

/* A gap also ends at held pages, which lof_walk() does not show. */
static bool is_inside(const struct lof_region *told,
		      const struct region *wanted, uintptr_t addr)
{
	uintptr_t end = told->start + told->len;

	return told->start >= wanted->start && end <= wanted->end &&
	       told->start <= addr && (addr < end || end == -page);
}

/* Without a free descriptor the library cannot read /proc. */
static void deny_proc(bool deny)
{
	struct rlimit limit;

	if (oracle_repairs || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = deny ? 0 : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int oracle_query(const void *addr)
{
	struct lof_region told;
	struct region wanted;
	int ret;

	if (!oracle_agrees())
		return -1;
	wanted = expected((uintptr_t)addr);
	deny_proc(true);
	ret = lof_query(addr, &told, sizeof(told));
	deny_proc(false);
	if (ret || told.kind != wanted.kind ||
	    !(wanted.kind ? is_region(&told, &wanted)
			  : is_inside(&told, &wanted, (uintptr_t)addr)))
		complain("lof_query(%p): %d, %lx-%lx %u %u, not %lx-%lx %u %u\n",
			 addr, ret, (unsigned long)told.start,
			 (unsigned long)(told.start + told.len), told.kind,
			 told.holds, (unsigned long)wanted.start,
			 (unsigned long)wanted.end, wanted.kind, wanted.holds);
	return ret;
}

int oracle_stats(void)
{
	struct lof_stats stats;

	if (!oracle_agrees())
		return -1;
	if (lof_stats(&stats, sizeof(stats)) ||
	    (tells_kind && stats.onfault != locked_bytes(LOF_ONFAULT)) ||
	    stats.onfault + stats.full !=
		locked_bytes(LOF_ONFAULT) + locked_bytes(LOF_FULL) ||
	    stats.charged != read_charge())
		complain("lof_stats tells %llu on fault, %llu full, %llu charged\n",
			 (unsigned long long)stats.onfault,
			 (unsigned long long)stats.full,
			 (unsigned long long)stats.charged);
	return 0;
}
