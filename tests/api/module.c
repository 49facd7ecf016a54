/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that uses the library; for module_loader. */
#include "lockonfault.h"

#include "api/module.h"

struct picture {
	char *arena, *kinds;
	size_t page;
};

static int draw(const struct lof_region *region, void *arg)
{
	const struct picture *picture = arg;

	for (size_t i = 0; i < MODULE_NPAGES; i++)
		if ((uintptr_t)picture->arena + i * picture->page -
		    region->start < region->len)
			picture->kinds[i] = region->kind == LOF_FULL ? 'F'
								     : 'O';
	return 0;
}

int module_lock(void *addr, size_t len)
{
	return lof_mlock2(addr, len, MLOCK_ONFAULT);
}

int module_draw(char *arena, size_t page, char *kinds)
{
	struct picture picture = { arena, kinds, page };

	return lof_walk(draw, &picture);
}
