/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The linker puts these in the place of the functions of sys.c (--wrap): one
 * call of one of them fails, and the kernel is not called for it.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

#define FAULTY_CALLS(X)							\
	X(mlock) X(mlock2) X(munlock) X(mlockall) X(munlockall) X(mmap)	\
	X(munmap) X(mremap) X(mprotect) X(madvise) X(msync) X(mincore)	\
	X(open) X(read) X(seek_read) X(pagemap_scan)

enum faulty_call {
#define X(name) FAULTY_##name,
	FAULTY_CALLS(X)
#undef X
	FAULTY_NCALLS
};

struct fault {
	enum faulty_call call;
	int err;		/* a negative errno */
	int nth;		/* the call that fails, from 1; 0: none */
	int seen;		/* calls of it so far */
	bool hints;		/* MAP_FIXED_NOREPLACE is none but a hint */
};

extern struct fault fault;
extern const char *const faulty_names[FAULTY_NCALLS];

#endif
