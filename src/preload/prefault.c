/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of LOCKONFAULT_PREFAULT. Calls malloc: in the constructor, and
 * around pthread_create(), which calls malloc itself. Nothing is locked here:
 * the program locks, and memory that is resident then stays so.
 */
#include "config.h"

#include "preload/prefault.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "api/hooked.h"
#include "kernel/sys.h"
#include "lockonfault.h"
#include "preload/log.h"
#include "preload/settings.h"

/* For the frames of a signal handler that comes meanwhile. */
#define MARGIN	((size_t)64 << 10)

bool lof_prefault_is_on;
static size_t stack_bytes;

bool lof_prefault_has_stack(void)
{
	return stack_bytes;
}

static void say(const char *where, size_t bytes, const char *why)
{
	struct lof_message message = { .len = 0 };

	if (!bytes || !lof_log_is_verbose())
		return;
	lof_message_add(&message, "lockonfault: ");
	lof_log_begin(&message);
	lof_message_add(&message, "prefault: ");
	lof_message_add_number(&message, bytes, 10);
	lof_message_add(&message, " bytes of ");
	lof_message_add(&message, where);
	lof_message_add(&message, " are not resident: ");
	lof_message_add(&message, why);
	lof_message_say(&message);
}

static const char *reason_of(int err)
{
	return err == EPERM ? "a filter does not permit it" :
			      "there is no memory";
}

static int populate(uintptr_t start, uintptr_t end)
{
	size_t page = lof_sys_page_size();
	int saved = errno, err = 0;

	start &= ~(page - 1);
	if (lof_populate((void *)start, end - start, PROT_WRITE))
		err = errno;
	errno = saved;
	return err;
}

/*
 * glibc's; the header of another libc has no numbers for it. musl has no such
 * function, and gives a large block back when it is freed.
 */
enum { TRIM_THRESHOLD = -1, MMAP_MAX = -4, ARENA_MAX = -8 };
extern int mallopt(int option, int value) __attribute__((weak));

/* Another malloc comes before libc's. */
static bool is_malloc_of_libc(void)
{
	Dl_info ours, libc;

	return dladdr((void *)malloc, &ours) &&
	       dladdr((void *)mallopt, &libc) &&
	       ours.dli_fbase == libc.dli_fbase;
}

/*
 * One heap for all threads and all sizes, which is never given back to the
 * kernel: then a block that was allocated and freed is used again.
 */
static const char *keep_heap(void)
{
	if (!mallopt)
		return "this libc has no mallopt";
	if (!is_malloc_of_libc())
		return "the malloc is not that of libc";
	mallopt(MMAP_MAX, 0);
	mallopt(TRIM_THRESHOLD, -1);
	mallopt(ARENA_MAX, 1);
	return NULL;
}

static void heap(size_t bytes)
{
	const char *why = bytes ? keep_heap() : NULL;
	char *block = NULL;
	int err = 0;

	if (bytes && !why) {
		block = malloc(bytes);
		err = block ? populate((uintptr_t)block,
				       (uintptr_t)block + bytes) : ENOMEM;
		free(block);
	}
	if (err)
		why = reason_of(err);
	if (why)
		say("heap", bytes, why);
}

/*
 * The stack grows by touching it. Before Linux 5.0 a touch far below the stack
 * pointer is a fault: so move the stack pointer first.
 */
__attribute__((noinline))
static void touch_stack(size_t bytes)
{
	volatile char *low = __builtin_alloca(bytes);
	size_t page = lof_sys_page_size();

	for (size_t at = bytes; at > 0; at = at > page ? at - page : 0)
		low[at - 1] = 0;
	low[0] = 0;
}

static void stack_of_main(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	size_t room = lof_hooked_stack_room(here), bytes = stack_bytes;

	room = room > MARGIN ? room - MARGIN : 0;
	if (bytes > room) {
		say("stack", bytes - room, "RLIMIT_STACK, or another mapping");
		bytes = room;
	}
	if (bytes)
		touch_stack(bytes);
}

void lof_prefault(const char *text)
{
	struct lof_prefault_sizes sizes;

	if (lof_prefault_parse(text, &sizes))
		return;
	stack_bytes = sizes.stack;
	heap(sizes.heap);
	if (stack_bytes)
		stack_of_main();
	lof_prefault_is_on = true;
}

void lof_prefault_set_mark(void)
{
	lof_hooked_mark_faults();
}

struct start {
	lof_thread_function *function;
	void *arg;
	size_t size, guard;
};

/* Once: a program may make threads all the time. */
static void say_of_thread(size_t bytes, const char *why)
{
	static _Atomic bool is_said;

	if (!atomic_exchange(&is_said, true))
		say("a thread's stack", bytes, why);
}

/*
 * The stack ends with the page of its pthread_t; the guard may be within its
 * size. Unlike that of the first thread, all of it is mapped.
 */
static void stack_of_thread(const struct start *start)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), low, end;
	size_t page = lof_sys_page_size(), bytes = stack_bytes, room;
	int err;

	end = ((uintptr_t)pthread_self() | (page - 1)) + 1;
	low = end - start->size + start->guard + page;
	room = low < here ? here - low : 0;
	if (bytes > room) {
		say_of_thread(bytes - room, "the stack is smaller");
		bytes = room;
	}
	err = bytes ? populate(here - bytes, here) : 0;
	if (err)
		say_of_thread(bytes, reason_of(err));
}

/* The last call is a jump: no frame is left for an unwinder to pass. */
static void *run(void *arg)
{
	struct start *start = arg;
	lof_thread_function *function = start->function;

	arg = start->arg;
	stack_of_thread(start);
	free(start);
	return function(arg);
}

void lof_prefault_thread(lof_thread_function **function, void **arg,
			 size_t size, size_t guard)
{
	struct start *start = malloc(sizeof(*start));

	if (!start)
		return;
	*start = (struct start){ *function, *arg, size, guard };
	*function = run;
	*arg = start;
}

void lof_prefault_undo(lof_thread_function *function, void *arg)
{
	if (function == run)
		free(arg);
}
