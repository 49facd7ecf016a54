/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tool that the tests run in, and the tests that cannot run in it. Without
 * a tool every test is added.
 */
#include "config.h"

#include "support/tool.h"

#include <fnmatch.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/truth.h"

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND	0
#endif

#ifndef __has_feature		/* only clang has it */
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
#define ITSELF	"it makes the call that is not there"
#define ASKS	"to lock on fault takes a look at smaps"
#define FLAGS	"it leaves out some flags of mmap"
#define ADVICE	"it takes any advice of madvise, and follows little"
#define PLACE	"its mmap that fails leaves the place taken"
#define SECCOMP	"it has no seccomp"
#define OUTSIDE	"a program that is run there runs outside of it"
#define READS	"it reads files itself"
#define SLOW	"tens of thousands of locks in one VMA take minutes"

/* Tests by name and number. */
static const struct {
	const char *pattern;
	unsigned int tools;
	const char *why;
} skipped[] = {
	{ "mlockall_locks_by_its_flags:[04]", SHADOWED, SHADOW },
	{ "munlockall_undoes_mlockall:[04]", SHADOWED, SHADOW },
	{ "mlockall_current_populates_without_on_fault:0", SHADOWED, SHADOW },
	{ "mlockall_in_two_steps_gives_two_kinds:0", SHADOWED, SHADOW },
	{ "munlockall2_of_future_keeps_current_locks:0", SHADOWED, SHADOW },
	{ "convert_adds_on_fault_to_mlockall:0", SHADOWED, SHADOW },
	{ "under_a_limit_the_stack_grows:0", SHADOWED, MEMORY },
	{ "under_a_limit_that_fits_the_stack_grows:0", SHADOWED, MEMORY },
	{ "under_a_bound_the_stack_grows:0", SHADOWED, MEMORY },
	{ "under_a_limit_current_alone_ends_future:0", SHADOWED, MEMORY },
	{ "remapped_pages_are_locked_*", TOOL_VALGRIND | TOOL_QEMU,
	  "it has no remap_file_pages" },
	{ "lock_of_a_thread_that_ended_*", TOOL_VALGRIND,
	  "it looks at the memory of a futex itself" },
	{ "lock_that_was_left_is_taken_again:*", TOOL_ADDRESS,
	  "its frames are so large that the next one lies deeper" },
	{ "lock_that_was_left_is_taken_again:*", TOOL_VALGRIND,
	  "it reports a futex below the stack pointer" },
	{ "locks_that_move_unseen_*", TOOL_VALGRIND,
	  "it does not follow an mremap that adds pages at a fixed place" },
	{ "scan_*_reads_*:*", TOOL_ADDRESS, SHADOW },
	{ "a_scan_with_too_many_vmas_is_short:0", TOOL_ADDRESS, SHADOW },
	{ "scan_*_reads_*:*", TOOL_THREAD | TOOL_VALGRIND,
	  "it does not know a thread that libc does not know" },
	{ "sync_thread_outlives_*:0", TOOL_THREAD | TOOL_VALGRIND,
	  "it does not know a thread that libc does not know" },
	{ "sync_thread_catches_up:0", TOOL_THREAD | TOOL_VALGRIND,
	  "it does not know a thread that libc does not know" },
	{ "idle_process_under_a_bound_stays_idle:0",
	  TOOL_THREAD | TOOL_VALGRIND,
	  "it does not know a thread that libc does not know" },
	{ "filter_takes_the_calls_that_it_refuses:0",
	  TOOL_VALGRIND | TOOL_QEMU, SECCOMP },
	{ "filter_with_a_listener_is_installed:0",
	  TOOL_VALGRIND | TOOL_QEMU, SECCOMP },
	{ "filter_that_the_kernel_refuses_takes_nothing:0",
	  TOOL_VALGRIND | TOOL_QEMU, SECCOMP },
	{ "publishes_that_no_thread_can_scan:0",
	  TOOL_VALGRIND | TOOL_QEMU, SECCOMP },
	{ "sync_ms_of_the_shim_starts_with_a_lock:0",
	  TOOL_THREAD | TOOL_VALGRIND,
	  "it does not know a thread that libc does not know" },
	{ "mclfuture_moves_over_before_setuid:0", SHADOWED, SHADOW },
	{ "mclfuture_moves_over_before_setuid:0", TOOL_VALGRIND, MEMORY },
	{ "under_a_limit_current_alone_locks_what_fits:0", TOOL_VALGRIND,
	  MEMORY },
	{ "sync_ms_without_a_thread_is_refused:0", TOOL_ADDRESS,
	  "its search for leaks needs a thread" },
	{ "munlockall2_of_future_works_under_a_small_limit:*", TOOL_VALGRIND,
	  MEMORY },
	{ "vfork_shares_the_ledger:0", TOOL_THREAD | TOOL_VALGRIND, VFORK },
	{ "dontunmap_*", TOOL_VALGRIND, MREMAP },
	{ "move_with_a_hole_*", TOOL_VALGRIND, MREMAP },
	{ "grow_in_place_takes_the_kind_of_the_grown_vma:0", TOOL_VALGRIND,
	  MREMAP },
	{ "grow_of_unlocked_beside_locked_stays_unlocked:0", TOOL_VALGRIND,
	  MREMAP },
	{ "old_length_0_duplicates_the_kind:0", TOOL_VALGRIND, MREMAP },
	{ "mremap_at_the_limit_moves:0", TOOL_VALGRIND, MREMAP },
	{ "mremap_of_shared_memory_over_the_limit_*", TOOL_VALGRIND, MREMAP },
	{ "mremap_over_the_limit_changes_nothing:0", TOOL_VALGRIND, MREMAP },
	{ "mremap_refuses_to_grow_two_vmas_or_a_hole:0", TOOL_VALGRIND,
	  MREMAP },
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
	{ "two_vmas_do_not_grow:0", TOOL_VALGRIND, MREMAP },
	{ "under_a_limit_memory_grows_unlocked:0", TOOL_VALGRIND, MREMAP },
	{ "under_a_limit_the_programs_own_lock_does_not_grow:0", TOOL_VALGRIND,
	  MREMAP },
	{ "memory_under_budget_grows:0", TOOL_VALGRIND, MREMAP },
	{ "memory_unlocked_during_a_scan_stays_unlocked:0", TOOL_VALGRIND,
	  "it runs one thread at a time" },
	{ "no_page_is_put_below_the_stack:0", TOOL_VALGRIND,
	  "the stack of its program is none of the kernel's" },
	{ "sealed_memory_is_locked_and_not_moved:0", TOOL_VALGRIND, MREMAP },
	{ "mmap_that_fails_changes_nothing:0", TOOL_VALGRIND,
	  "its own mmap says EINVAL, not ENOMEM" },
	{ "move_of_pages_another_thread_locks_*", TOOL_VALGRIND,
	  "it runs one thread at a time" },
	{ "query_sees_a_mapping_that_grew_down:0", TOOL_VALGRIND,
	  "it knows nothing of mappings that grow" },
	{ "mlock2_is_there_if_it_locks_a_page:0", TOOL_VALGRIND,
	  "mlock2 works in the library only" },
	{ "trim_*", TOOL_ANY | TOOL_QEMU, "it has a malloc of its own" },
	{ "trim_gives_free_blocks_of_all_heaps_of_an_arena_back:0",
	  TOOL_NO_MLOCK2, SLOW },
	{ "moved_memory_is_locked_although_a_reader_saw_it_unlocked:0",
	  TOOL_VALGRIND | TOOL_QEMU, MREMAP },
	{ "discarded_memory_is_locked_although_a_reader_saw_it_unlocked:0",
	  TOOL_NO_MLOCK2 | TOOL_QEMU, KIND },
	{ "map_over_the_limit_maps_nothing:1", TOOL_QEMU, PLACE },
	{ "map_under_a_limit_of_0_is_not_permitted:1", TOOL_QEMU, PLACE },
	{ "map_over_the_limit_*", TOOL_ANY | TOOL_QEMU, ITS_OWN },
	{ "map_under_a_limit_of_0_is_not_permitted:*", TOOL_ANY | TOOL_QEMU,
	  ITS_OWN },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:9", TOOL_VALGRIND,
	  ITS_OWN },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:23", TOOL_VALGRIND,
	  ITS_OWN },
	{ "just_the_limit_is_locked_and_a_page_more_is_refused:37", TOOL_VALGRIND,
	  ITS_OWN },
	{ "a_limit_of_a_page_less_refuses:9", TOOL_VALGRIND, ITS_OWN },
	{ "without_memory_for_the_ledger_*", TOOL_ANY, MEMORY },
	{ "ledger_that_runs_out_of_memory_*", TOOL_ANY, MEMORY },
	{ "too_many_vmas_are_refused_*", TOOL_ANY, MEMORY },
	{ "calls_take_one_system_call_and_a_reader_asks:0", TOOL_NO_MLOCK2,
	  ASKS },
	{ "overtaken_call_is_suspect:*", TOOL_NO_MLOCK2, ASKS },
	{ "without_proc_msync_tells_and_the_rest_stays_suspect:0",
	  TOOL_NO_MLOCK2, KIND },
	{ "call_in_flight_keeps_its_range_suspect:0", TOOL_NO_MLOCK2, KIND },
	{ "without_memory_nothing_fails_and_nothing_is_lost:0",
	  TOOL_NO_MLOCK2, SLOW },
	{ "kind_is_told_though_the_limit_refuses_*", TOOL_NO_MLOCK2, ITSELF },
	{ "mlock2_that_is_refused_later_is_absent:*", TOOL_NO_MLOCK2,
	  ITSELF },
	{ "refusal_for_another_reason_is_no_loss:*", TOOL_NO_MLOCK2, ITSELF },
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
	{ "query_sees_an_unseen_lock:0", TOOL_NO_MLOCK2, KIND },
	{ "query_sees_a_changed_kind:0", TOOL_NO_MLOCK2, KIND },
	{ "query_sees_a_mapping_that_grew_down:0", TOOL_NO_MLOCK2, KIND },
	{ "sync_adopts_and_forgets:0", TOOL_NO_MLOCK2, KIND },
	{ "secret_memory_is_always_locked:0", TOOL_NO_MLOCK2, KIND },
	{ "munlock2_keeps_plain_locks_of_a_new_mapping:0", TOOL_NO_MLOCK2,
	  KIND },
	{ "move_that_stops_half_way_leaves_the_ledger_right:0",
	  TOOL_NO_MLOCK2, KIND },
	{ "own_file_reads_as_stdio_reads_it:*", TOOL_NO_MLOCK2, KIND },
	{ "charge_is_the_sum_of_the_locks:0", TOOL_NO_MLOCK2, ITSELF },
	{ "heap_of_an_arena_is_found_up_to_its_end:0", TOOL_NO_MLOCK2, ITSELF },
	{ "parts_of_a_heap_that_are_not_locked_are_left_out:0", TOOL_NO_MLOCK2,
	  ITSELF },
	{ "memory_without_a_header_is_no_heap:0", TOOL_NO_MLOCK2, ITSELF },
	{ "heap_of_brk_is_found:0", TOOL_NO_MLOCK2, ITSELF },
	{ "holds_beside_many_ranges_read_no_file:0", TOOL_NO_MLOCK2, ASKS },
	{ "holds_beside_many_ranges_read_no_file:0", TOOL_VALGRIND, READS },
	{ "calls_beside_many_ranges_read_no_file:0", TOOL_VALGRIND, READS },
	{ "under_a_limit_few_mappings_read_the_charge:0", TOOL_VALGRIND,
	  READS },
	{ "locks_of_16_TiB_are_charged_right:0", TOOL_NO_MLOCK2,
	  "8 TiB and more are refused" },
	{ "unlock_or_unmap_ends_the_budget:[13]", TOOL_NO_MLOCK2,
	  "what is swept is locked in full" },
	{ "the_number_of_vmas_is_bounded:0", TOOL_NO_MLOCK2,
	  "to close a gap would populate it" },
	{ "ledger_that_runs_out_of_memory_*", TOOL_NO_MLOCK2, SLOW },
	{ "too_many_vmas_are_refused_*", TOOL_NO_MLOCK2, SLOW },
	{ "locks_are_full_without_conversion:1", TOOL_NO_MLOCK2, ITSELF },
	{ "droppable_memory_is_answered_as_by_the_kernel:0", TOOL_NO_MLOCK2,
	  ITSELF },
	{ "programs_that_lock_to_prefault_are_left_alone:*", TOOL_NO_MLOCK2,
	  ITSELF },
	{ "remapped_pages_are_tracked_as_full:*", TOOL_NO_MLOCK2, KIND },
	{ "bits_that_no_int_holds_are_answered_as_by_the_kernel:0",
	  TOOL_NO_MLOCK2, ITSELF },
	{ "program_with_its_own_calls_is_left_alone:1", TOOL_NO_MLOCK2,
	  ITSELF },
	{ "mmap_onfault_populates_nothing_under_future_on_fault:0",
	  TOOL_NO_MLOCK2, "the library does MCL_FUTURE, not the kernel" },
	{ "module_may_come_and_go:0", TOOL_QEMU, OUTSIDE },
	{ "sync_thread_catches_up:0", TOOL_QEMU,
	  "it aborts where a child of fork makes a thread" },
	{ "mmap_onfault_obeys_map_populate:0", TOOL_QEMU, FLAGS },
	{ "mmap_noreplace_replaces_nothing:0", TOOL_QEMU, FLAGS },
	{ "convert_keeps_or_drops_map_populate:1", TOOL_QEMU, FLAGS },
	{ "convert_leaves_map_populate_alone:*", TOOL_QEMU, FLAGS },
	{ "translated_discard_gives_back_and_stays_locked:0", TOOL_QEMU,
	  ADVICE },
	{ "discard_of_locked_pages_fails_as_the_kernel_does:0", TOOL_QEMU,
	  ADVICE },
	{ "translated_discard_goes_over_unlocked_and_locked:0", TOOL_QEMU,
	  ADVICE },
	{ "translated_discard_keeps_the_kernels_other_refusals:0", TOOL_QEMU,
	  ADVICE },
	{ "guard_pages_are_locked_on_fault_only:0", TOOL_QEMU, ADVICE },
	{ "advice_that_takes_pages_is_refused:0", TOOL_QEMU, ADVICE },
	{ "child_relocks_under_fork_relock:0", TOOL_QEMU, ADVICE },
	{ "unlock_calls_work_under_any_limit:0", TOOL_QEMU,
	  "it has no MADV_DONTNEED_LOCKED, and to lock again is refused" },
	{ "old_length_0_duplicates_the_kind:0", TOOL_QEMU, MREMAP },
	{ "remap_to_the_same_length_changes_nothing:0", TOOL_QEMU, MREMAP },
	{ "dontunmap_moves_to_a_free_hint:0", TOOL_QEMU, MREMAP },
	{ "dontunmap_that_fails_changes_nothing:0", TOOL_QEMU, MREMAP },
	{ "mremap_refuses_a_wrong_new_address:0", TOOL_QEMU, MREMAP },
	{ "mremap_refuses_wrong_lengths_and_flags:0", TOOL_QEMU, MREMAP },
	{ "mremap_of_shared_memory_over_the_limit_*", TOOL_QEMU, MREMAP },
	{ "munlockall2_takes_back_the_named_part:*", TOOL_QEMU, ITS_OWN },
	{ "munlockall2_of_future_works_under_a_small_limit:1", TOOL_QEMU,
	  ITS_OWN },
	{ "move_of_pages_another_thread_locks_*", TOOL_QEMU,
	  "its rounds take minutes" },
	{ "under_a_limit_future_can_be_left_to_the_kernel:0", TOOL_QEMU,
	  "its own mmap says ENOMEM, not EAGAIN" },
	{ "under_a_limit_the_stack_grows:0", TOOL_QEMU,
	  "its stack is mapped as a whole" },
	{ "under_a_limit_that_fits_the_stack_grows:0", TOOL_QEMU,
	  "its stack is mapped as a whole" },
	{ "under_a_bound_the_stack_grows:0", TOOL_QEMU,
	  "its stack is mapped as a whole" },
	{ "vfork_shares_the_ledger:0", TOOL_QEMU, VFORK },
	{ "clone_of_the_memory_shares_the_ledger:0", TOOL_QEMU,
	  "it knows no such clone" },
	{ "without_mlock2_on_fault_is_enosys_by_policy:*", TOOL_QEMU,
	  SECCOMP },
	{ "without_mlock2_convert_locks_in_full_by_policy:*", TOOL_QEMU,
	  SECCOMP },
	{ "kernels_own_errors_pass_through:0", TOOL_QEMU, SECCOMP },
	{ "calls_use_little_stack:0", TOOL_ANY | TOOL_NO_MLOCK2 | TOOL_QEMU,
	  "it takes more of the stack" },
	{ NULL, 0, NULL },
};

/*
 * In check_unit, handlers of synchronous signals assert and read /proc, and so
 * libcheck and stdio allocate. The library's own calls are still checked.
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
	return (truth_lacks_mlock2() ? TOOL_NO_MLOCK2 : 0) |
	       (truth_is_emulated() ? TOOL_QEMU : 0);
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
	case TOOL_QEMU:
	case TOOL_QEMU | TOOL_NO_MLOCK2:
		return "qemu-user";
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
		if (!why) {
			_tcase_add_test(tcase, test, 0, 0, i, i + 1);
			continue;
		}
		printf("skip: %s under %s: %s\n", name, tool_name(), why);
		snprintf(name, sizeof(name), "under %s: %s", tool_name(), why);
		skip_count(name);
	}
}

/*
 * Lock one page more than the limit, without access: if the limit applies,
 * mlock fails before it locks a page. If not, it fails later, and pages stay
 * locked.
 */
bool tool_is_limited(void)
{
	size_t charged = truth_vmlck(), len;
	struct rlimit limit;
	bool limited;
	void *addr;

	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (limit.rlim_cur == RLIM_INFINITY)
		return false;
	len = (size_t)limit.rlim_cur + (size_t)sysconf(_SC_PAGESIZE);
	addr = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(addr, MAP_FAILED);
	ck_assert_int_eq(syscall(SYS_mlock, addr, len), -1);
	limited = truth_vmlck() == charged;
	ck_assert_int_eq(munmap(addr, len), 0);
	return limited;
}
