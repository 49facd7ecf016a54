/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model of the holds: the held pages, in address order. */
#include "config.h"

#include <string.h>

#include "random/random.h"

#define HELD_MAX	8192

static struct held {
	uintptr_t at;
	unsigned int count;
} held[HELD_MAX], moved[HELD_MAX];
static size_t nheld;

void holds_reset(void)
{
	nheld = 0;
}

/* The index of the first held page at or above an address. */
static size_t find(uintptr_t at)
{
	size_t low = 0, high = nheld;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (held[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_held(size_t i, uintptr_t at)
{
	return i < nheld && held[i].at == at;
}

static void set(uintptr_t at, unsigned int count)
{
	size_t i = find(at);

	if (!is_held(i, at)) {
		if (!count || nheld == HELD_MAX)
			return;
		memmove(&held[i + 1], &held[i], (nheld - i) * sizeof(*held));
		nheld++;
		held[i].at = at;
	}
	held[i].count = count;
	if (!count) {
		nheld--;
		memmove(&held[i], &held[i + 1], (nheld - i) * sizeof(*held));
	}
}

static uintptr_t down(const void *addr)
{
	return (uintptr_t)addr & ~(page - 1);
}

static uintptr_t up(const void *addr, size_t len)
{
	return ((uintptr_t)addr + len + page - 1) & ~(page - 1);
}

void holds_clear(const void *addr, size_t len)
{
	size_t first = find(down(addr)), end = find(up(addr, len));

	if (!len || first >= end)
		return;
	memmove(&held[first], &held[end], (nheld - end) * sizeof(*held));
	nheld -= end - first;
}

void holds_move(const void *from, const void *to, size_t len)
{
	size_t first = find(down(from)), end = find(up(from, len));
	size_t n = first < end ? end - first : 0;

	memcpy(moved, &held[first], n * sizeof(*held));
	holds_clear(from, len);
	for (size_t i = 0; i < n; i++)
		set(moved[i].at - down(from) + down(to), moved[i].count);
}

void holds_changed(const void *addr, size_t len, int by)
{
	for (uintptr_t at = down(addr); at < up(addr, len); at += page) {
		size_t i = find(at);
		unsigned int count = is_held(i, at) ? held[i].count : 0;

		set(at, count + (unsigned int)by);
	}
}

bool holds_all(const void *addr, size_t len)
{
	size_t first = find(down(addr)), end = find(up(addr, len));

	return (end - first) * page == up(addr, len) - down(addr);
}

bool holds_any(const void *addr, size_t len)
{
	return find(down(addr)) < find(up(addr, len));
}

bool holds_agree(const struct regions *walked)
{
	for (int r = 0; r < walked->n; r++) {
		const struct region *region = &walked->region[r];
		uintptr_t at = region->start;
		size_t i = find(at);

		/* No page of a region is held, or every page. */
		if (!region->holds && (i == nheld || held[i].at >= region->end))
			continue;
		for (; at < region->end; at += page, i++)
			if (!is_held(i, at) || held[i].count != region->holds) {
				complain("%lx in %lx-%lx has %u holds, not %u\n",
					 (unsigned long)at,
					 (unsigned long)region->start,
					 (unsigned long)region->end,
					 region->holds, is_held(i, at) ?
						 held[i].count : 0);
				return false;
			}
	}
	return true;
}
