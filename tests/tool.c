/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sanitizers and valgrind: which of them this is, and what cannot be tested
 * there. In a plain run every test is added.
 */
#include "config.h"

#include "tool.h"

#include <fnmatch.h>
#include <stdio.h>

#include "truth.h"

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND	0
#endif

#ifndef __has_feature		/* a thing of clang */
#define __has_feature(feature)	0
#endif

#define SHADOWED	(TOOL_ADDRESS | TOOL_THREAD)

#define SHADOW	"it would populate terabytes of shadow memory"
#define VFORK	"its vfork is a fork"
#define MREMAP	"it has an mremap of its own, which can less"
#define HOLES	"its own mremap crashes if the source is a hole"
#define MEMORY	"it needs memory itself"
#define ITS_OWN	"it maps memory of its own at any time"
#define BY_US	"the library does MCL_FUTURE, within the limit"
#define KIND	"the kernel does not tell of the kind"
#define SLOW	"tens of thousands of locks in one area take minutes"

/* Tests by name and number. */
static const struct {
	const char *pattern;
	unsigned int tools;
	const char *why;
} skipped[] = {
	{ "mlockall_locks_what_its_flags_say:[04]", SHADOWED, SHADOW },
	{ "munlockall_ends_what_mlockall_began:[04]", SHADOWED, SHADOW },
	{ "mlockall_current_populates_without_on_fault:0", SHADOWED, SHADOW },
	{ "mlockall_in_two_steps_gives_two_kinds:0", SHADOWED, SHADOW },
	{ "munlockall2_of_future_keeps_current_locks:0", SHADOWED, SHADOW },
	{ "convert_adds_on_fault_to_mlockall:0", SHADOWED, SHADOW },
	{ "under_a_limit_the_stack_grows:0", SHADOWED, MEMORY },
	{ "a_thread_catches_up:0", TOOL_THREAD, "it has threads of its own" },
	{ "without_a_thread_to_be_had_it_is_refused:0", TOOL_ADDRESS,
	  "its search for leaks needs a thread" },
	{ "vfork_shares_the_ledger:0", TOOL_THREAD | TOOL_VALGRIND, VFORK },
	{ "dontunmap_*", TOOL_VALGRIND, MREMAP },
	{ "move_with_a_hole_*", TOOL_VALGRIND, MREMAP },
	{ "grow_in_place_takes_the_kind_of_what_grows:0", TOOL_VALGRIND,
	  MREMAP },
	{ "grow_of_unlocked_beside_locked_stays_unlocked:0", TOOL_VALGRIND,
	  MREMAP },
	{ "old_length_0_duplicates_the_kind:0", TOOL_VALGRIND, MREMAP },
	{ "mremap_at_the_limit_moves:0", TOOL_VALGRIND, MREMAP },
	{ "mremap_of_shared_memory_over_the_limit_*", TOOL_VALGRIND, MREMAP },
	{ "mremap_over_the_limit_changes_nothing:0", TOOL_VALGRIND, MREMAP },
	{ "mremap_refuses_to_grow_what_is_no_area:0", TOOL_VALGRIND, MREMAP },
	{ "clone_of_the_memory_shares_the_ledger:0",
	  TOOL_THREAD | TOOL_VALGRIND, "it knows no such clone" },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:1[0-3]",
	  TOOL_VALGRIND, MREMAP },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:2[4-7]",
	  TOOL_VALGRIND, MREMAP },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:3[89]",
	  TOOL_VALGRIND, MREMAP },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:4[01]",
	  TOOL_VALGRIND, MREMAP },
	{ "a_limit_of_a_page_less_refuses:1[0-3]", TOOL_VALGRIND, MREMAP },
	{ "counts_move_with_mremap:*", TOOL_VALGRIND, MREMAP },
	{ "two_areas_do_not_grow:0", TOOL_VALGRIND, MREMAP },
	{ "under_a_limit_memory_grows_unlocked:0", TOOL_VALGRIND, MREMAP },
	{ "under_a_limit_the_programs_own_lock_does_not_grow:0", TOOL_VALGRIND,
	  MREMAP },
	{ "what_is_swept_grows:0", TOOL_VALGRIND, MREMAP },
	{ "what_is_unlocked_beside_a_sweep_stays_unlocked:0", TOOL_VALGRIND,
	  "it runs one thread at a time" },
	{ "no_page_is_put_below_the_stack:0", TOOL_VALGRIND,
	  "the stack of its program is none of the kernel's" },
	{ "sealed_memory_is_locked_and_not_moved:0", TOOL_VALGRIND, MREMAP },
	{ "mmap_that_fails_changes_nothing:0", TOOL_VALGRIND,
	  "its own mmap says EINVAL, not ENOMEM" },
	{ "call_overtaken_by_another_is_read_back:*", TOOL_VALGRIND, HOLES },
	{ "overtaker_that_is_overtaken_is_read_back:*", TOOL_VALGRIND, HOLES },
	{ "threads_and_handlers_by_chance_*", TOOL_VALGRIND, HOLES },
	{ "threads_on_the_same_pages_*", TOOL_VALGRIND, HOLES },
	{ "children_of_busy_threads_*", TOOL_VALGRIND, HOLES },
	{ "handler_that_locks_*", TOOL_VALGRIND, HOLES },
	{ "handler_that_forks_*", TOOL_VALGRIND, HOLES },
	{ "move_of_what_another_thread_locks_*", TOOL_VALGRIND,
	  "it runs one thread at a time" },
	{ "query_sees_a_mapping_that_grew_down:0", TOOL_VALGRIND,
	  "it knows nothing of mappings that grow" },
	{ "mlock2_is_there_if_it_locks_a_page:0", TOOL_VALGRIND,
	  "mlock2 works in the library only" },
	{ "map_over_the_limit_*", TOOL_ANY, ITS_OWN },
	{ "map_under_a_limit_of_0_is_not_permitted:*", TOOL_ANY, ITS_OWN },
	{ "without_memory_for_the_ledger_*", TOOL_ANY, MEMORY },
	{ "ledger_that_runs_out_of_memory_*", TOOL_ANY, MEMORY },
	{ "too_many_areas_are_refused_*", TOOL_ANY, MEMORY },
	{ "future_over_the_limit_refuses_mappings:0", TOOL_NO_MLOCK2, BY_US },
	{ "munlockall2_that_could_not_lock_again_changes_nothing:0",
	  TOOL_NO_MLOCK2, BY_US },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:9",
	  TOOL_NO_MLOCK2, BY_US },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:23",
	  TOOL_NO_MLOCK2, BY_US },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:37",
	  TOOL_NO_MLOCK2, BY_US },
	{ "a_limit_of_a_page_less_refuses:9", TOOL_NO_MLOCK2, BY_US },
	{ "heap_that_grows_is_adopted_under_future:0", TOOL_NO_MLOCK2,
	  "what libc maps is locked by lof_sync() alone" },
	{ "query_sees_what_was_locked_unseen:0", TOOL_NO_MLOCK2, KIND },
	{ "query_sees_a_changed_kind:0", TOOL_NO_MLOCK2, KIND },
	{ "query_sees_a_mapping_that_grew_down:0", TOOL_NO_MLOCK2, KIND },
	{ "sync_adopts_and_forgets:0", TOOL_NO_MLOCK2, KIND },
	{ "secret_memory_is_locked_by_nature:0", TOOL_NO_MLOCK2, KIND },
	{ "munlock2_leaves_what_was_mapped_and_locked_anew:0", TOOL_NO_MLOCK2,
	  KIND },
	{ "move_that_stops_half_way_leaves_the_ledger_right:0",
	  TOOL_NO_MLOCK2, KIND },
	{ "giants_are_charged_right:0", TOOL_NO_MLOCK2,
	  "8 TiB and more are refused" },
	{ "what_unlocks_or_unmaps_ends_it:[13]", TOOL_NO_MLOCK2,
	  "what is swept is locked in full" },
	{ "the_number_of_areas_is_bounded:0", TOOL_NO_MLOCK2,
	  "to close a gap would populate it" },
	{ "ledger_that_runs_out_of_memory_*", TOOL_NO_MLOCK2, SLOW },
	{ "too_many_areas_are_refused_*", TOOL_NO_MLOCK2, SLOW },
	{ NULL, 0, NULL },
};

/*
 * In check_unit, handlers of synchronous signals assert and read /proc, by which
 * libcheck and stdio allocate. The library's own calls there stay watched.
 */
__attribute__((visibility("default")))
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "signal:^emalloc$\n"
	       "signal:^ppack$\n"
	       "signal:^send_loc_info$\n"
	       "signal:^truth_kind_at$\n";
}

static unsigned int tool(void)
{
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	return TOOL_ADDRESS;
#elif defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
	return TOOL_THREAD;
#else
	if (RUNNING_ON_VALGRIND)
		return TOOL_VALGRIND;
	return truth_lacks_mlock2() ? TOOL_NO_MLOCK2 : 0;
#endif
}

static const char *tool_name(void)
{
	switch (tool()) {
	case TOOL_ADDRESS:
		return "AddressSanitizer";
	case TOOL_THREAD:
		return "ThreadSanitizer";
	case TOOL_NO_MLOCK2:
		return "a filter without mlock2";
	default:
		return "valgrind";
	}
}

bool tool_is(unsigned int tools)
{
	return tool() & tools;
}

static const char *why_skipped(const char *name)
{
	for (size_t i = 0; skipped[i].pattern; i++)
		if (tool_is(skipped[i].tools) &&
		    fnmatch(skipped[i].pattern, name, 0) == 0)
			return skipped[i].why;
	return NULL;
}

void tool_add_test(TCase *tcase, const TTest *test, int start, int after)
{
	for (int i = start; i < after; i++) {
		const char *why;
		char name[128];

		snprintf(name, sizeof(name), "%s:%d", test->name, i);
		why = why_skipped(name);
		if (why)
			printf("skip: %s under %s: %s\n", name, tool_name(),
			       why);
		else
			_tcase_add_test(tcase, test, 0, 0, i, i + 1);
	}
}
