/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wrappers of the functions of sys.c, linked with --wrap. One call of one
 * function fails, without a system call.
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
	int seen;		/* calls of this function so far */
	bool hints;		/* drop MAP_FIXED_NOREPLACE, as before 4.17 */
};

extern struct fault fault;
extern const char *const faulty_names[FAULTY_NCALLS];

#endif
