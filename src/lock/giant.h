/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel (seen up to 6.18) counts the pages of a VMA that it locks in an
 * int. 8 TiB overflow this int, and the charge is wrong ever after. So a range
 * of 8 TiB or more is locked and unlocked in pieces.
 */
#ifndef LOF_LOCK_GIANT_H
#define LOF_LOCK_GIANT_H

#include "base/range.h"

/* The kernel charges a VMA wrongly from this size on. */
#define LOF_GIANT	((uint64_t)8 << 40)

static inline bool lof_is_giant_len(uint64_t len)
{
	return len >= LOF_GIANT;
}

static inline bool lof_is_giant(struct lof_range range)
{
	return lof_is_giant_len(lof_range_len(range));
}

/*
 * May the process have a giant range? The shim sees each mapping that the
 * program makes. Without the shim, the program may map a giant range unseen.
 */
extern _Atomic bool lof_giant_was_mapped __attribute__((visibility("hidden")));
extern const char lof_preload[] __attribute__((weak));

static inline bool lof_may_have_giants(void)
{
	return !lof_preload || lof_giant_was_mapped;
}

/* Always inlined: the compiler can then call `call` directly. */
__attribute__((always_inline))
static inline int lof_in_chunks(struct lof_range range,
				int (*call)(struct lof_range))
{
	const uint64_t size = LOF_GIANT / 2;
	struct lof_range chunk = range;
	uint64_t len;
	int err;

	do {
		chunk.end = range.end;
		len = lof_range_len(chunk);
		if (len > size)
			chunk.end = chunk.start + (uintptr_t)size;
		err = call(chunk);
		chunk.start = chunk.end;
	} while (!err && chunk.end < range.end);
	return err;
}

#endif
