/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a hook was called, for the functions of kernel/next.h. */
#ifndef LOF_PRELOAD_NEXT_H
#define LOF_PRELOAD_NEXT_H

#include "kernel/next.h"

/*
 * The program makes code writable. Caches of registered memory (UCX, Open MPI)
 * write a jump into libc's functions: from then on these must be called.
 */
void lof_preload_code_changes(const void *addr, size_t len);

/* Set how the program makes a call. Returns the former value. */
enum lof_called lof_preload_set_called(enum lof_called called);

/*
 * Make a call that the program makes in this way. A signal handler, or the next
 * library's function, may call a hook in another way during the call.
 */
#define LOF_CALLED(way, call) __extension__ ({				\
	bool lof_is_chained = lof_next_is_there();			\
	enum lof_called lof_outer = lof_is_chained ?			\
				    lof_preload_set_called(way) : way;	\
	__typeof__(call) lof_ret = (call);				\
									\
	if (lof_is_chained)						\
		lof_preload_set_called(lof_outer);			\
	lof_ret;							\
})

#endif
