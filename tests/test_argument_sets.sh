#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each hooked call with each set of arguments (preload/argument_sets.c), without
# and with the shim: result, errno, VmLck and the state of the memory, page by
# page, must be equal, except for differences that a man page names. The rules
# below are these differences; the script prints how often each was needed. It
# does this for root and for user nobody under 8 MiB, 64 KiB and 0, converted
# and not. By default one set of 50 is made, chosen by LOF_TEST_SEED; with --all
# each of them (minutes). To see one set: ./argument_sets --match TEXT.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
seed=${LOF_TEST_SEED:-$(date +%s)}
one_in=50
[ "${1-}" != --all ] || one_in=1

# compare BARE SHIM, with the variables of awk that follow
compare() {
	bare=$1 other=$2
	shift 2
	awk -F '\t' "$@" '
	function differs(  i) {
		for (i = 2; i <= 8; i++)
			if (b[i] != s[i])
				return 1
		return 0
	}
	function rule(name) { needed[name]++ }
	function at(text, i) { return substr(text, i, 1) }
	function put(text, i, c) {
		return substr(text, 1, i - 1) c substr(text, i + 1)
	}

	# liblockonfault-preload(7), Converted calls: the lock is on fault, and
	# populates nothing. Only pages that hold nothing may be missing.
	function populated_later(i) {
		if (at(s[6], i) != "." || at(b[6], i) != "r" ||
		    at(b[8], i) !~ /[0.]/)
			return 0
		s[6] = put(s[6], i, "r")
		s[8] = put(s[8], i, at(b[8], i))
		return 1
	}
	function on_fault(  i, any) {
		for (i = 1; i <= length(b[5]); i++)
			if (at(b[5], i) == "F" && at(s[5], i) == "o") {
				s[5] = put(s[5], i, "F")
				any = 1
				populated_later(i)
			}
		if (any)
			rule("on fault")
	}
	# The same after a converted lock: the page was not populated before
	# the call. CAVEATS, Prefault.
	function not_populated_before(  i, any) {
		for (i = 1; i <= length(b[5]); i++)
			if (at(b[5], i) == at(s[5], i) && populated_later(i))
				any = 1
		if (any)
			rule("not populated by a call before")
	}

	# liblockonfault-preload(7), Other differences: MREMAP_DONTUNMAP unlocks
	# only the old range, and the charge is right.
	function dontunmap(  i) {
		if (s[4] ~ /wrong/ || s[2] != b[2] || s[2] == -1)
			return
		for (i = 1; i <= length(b[5]); i++)
			if (at(b[5], i) == "u" && at(s[5], i) ~ /[oF]/)
				s[5] = put(s[5], i, "u")
		s[4] = b[4]
		rule("dontunmap")
	}

	function is_writable(i) { return at(s[7], i) ~ /[2367abef]/ }

	# lockonfault(7), MCL_FUTURE by the library: under the limit only
	# writable memory is locked, what does not fit is not, and an eighth
	# is kept free.
	function may_be_left_out(i) {
		return !is_writable(i) || call == "remap_file_pages" ||
		       call == "mlockall" ||
		       (call ~ /^mmap/ && b[4] + 0 > limit / page * 7 / 8)
	}
	function emulated(  i, changed) {
		if (s[4] ~ /wrong/)
			return
		# "No call fails because of the emulation": it also does not
		# fail as it does under the MCL_FUTURE of the kernel.
		if (b[3] == "EAGAIN" && s[3] != "EAGAIN") {
			rule("MCL_FUTURE does not refuse")
			$0 = bare[title]
			split($0, s)
			return
		}
		for (i = 1; i <= length(b[5]); i++) {
			# MCL_CURRENT locks what fits; the kernel refused.
			if (is_refused && at(b[5], i) == "u" &&
			    at(s[5], i) == "o" &&
			    (is_writable(i) || call == "mprotect")) {
				s[5] = put(s[5], i, "u")
				changed = 1
			}
			if (at(b[5], i) == "F" && at(s[5], i) == "u" &&
			    may_be_left_out(i)) {
				s[5] = put(s[5], i, "F")
				populated_later(i)
				changed = 1
			}
		}
		if (changed || (is_refused && s[4] != b[4])) {
			s[4] = b[4]
			rule("MCL_FUTURE by the library")
		}
	}

	# The kernel locked nothing by mlockall(), the library did.
	function locked_in_spite() {
		# lockonfault(7), What the kernel does: EINVAL.
		if (call == "madvise" && s[3] == "EINVAL" &&
		    arg[3] ~ /^([489]|102)$/)
			rule("madvise of memory that mlockall locked")
		# lockonfault(7), MCL_FUTURE by the library: a lock of the
		# program that needs more than the eighth fails.
		else if ((call ~ /^mlock2?$/ && s[3] == "ENOMEM") ||
			 (call ~ /^(mmap|mremap)/ && s[3] == "EAGAIN"))
			rule("more than the eighth of the limit")
		# MCL_FUTURE by the library: locks in full become locks on
		# fault; so two VMAs become one, and the kernel moves it.
		else if (call == "mremap" && b[3] == "EFAULT")
			rule("one VMA")
		else
			return
		$0 = bare[title]
		split($0, s)
	}

	# liblockonfault-preload(7), Intercepted functions: after setuid the
	# process can still map memory, and the kernel refuses.
	function took_over(  i, j) {
		i = 21	# map_next() of argument_sets.c
		if (at(b[5], i) == "-" && at(s[5], i) ~ /[ou]/) {
			for (j = 5; j <= 8; j++)
				s[j] = put(s[j], i, "-")
			s[4] = b[4]
			rule("setuid")
		}
	}

	# liblockonfault-preload(7), Converted calls: madvise discards locked
	# pages, which stay locked; over a hole it discards the rest and fails
	# with ENOMEM, as on memory that is not locked.
	function discards() {
		rule("discards")
		$0 = bare[title]
		split($0, s)
	}

	FNR == NR { bare[$1] = $0; next }
	$2 ~ /^ended/ && bare[$1] == $0 { total++; same++; next }
	{
		split(bare[$1], b)
		split($0, s)
		total++
		if (!differs()) {
			same++
			next
		}
		title = call = args = before = $1
		sub(/:.*/, "", before)
		sub(/^[^:]*: /, "", call)
		sub(/#?\(.*/, "", call)
		sub(/^[^(]*\(/, "", args)
		sub(/\)$/, "", args)
		split(args, arg, ", ")

		# liblockonfault-preload(7), Other differences: a length that
		# wraps is EINVAL. The kernel may see the limit first.
		if (call ~ /^(mlock2?|munlock)$/ && s[3] == "EINVAL" &&
		    (arg[1] ~ /^-|^0xf/ || arg[2] ~ /^-/) &&
		    (b[2] == 0 || b[3] ~ /^(ENOMEM|EPERM)$/)) {
			s[2] = b[2]
			s[3] = b[3]
			rule("length wraps")
		}
		if (call == "mremap" && arg[4] ~ /^[457]$/)
			dontunmap()
		if (convert) {
			if (call == "madvise" && arg[3] ~ /^([489]|102)$/ &&
			    b[3] == "EINVAL" && s[4] !~ /wrong/ &&
			    (s[2] == 0 || s[3] ~ /^(ENOMEM|EACCES)$/))
				discards()
			# The kernel stops at the first locked page. Without it
			# the call takes all memory of the process.
			if (call == "madvise" && args ~ /^0, -4096, / &&
			    s[2] ~ /^ended/)
				discards()
			# liblockonfault-preload(7), Converted calls: a lock on
			# fault does not fail because of a page that cannot be
			# made resident.
			if (call == "mlock" && b[3] == "ENOMEM" && s[2] == 0) {
				s[2] = b[2]
				s[3] = b[3]
				rule("never resident")
			}
			# The kernel refuses MCL_CURRENT; the library locks
			# what fits.
			is_refused = limit && (before == "all" ||
					       call == "mlockall")
			if (call == "mlockall" && b[3] == "ENOMEM" &&
			    s[2] == 0 && limit) {
				s[2] = b[2]
				s[3] = b[3]
				rule("mlockall succeeds under the limit")
			}
			if (is_refused)
				locked_in_spite()
			# lof_madvise(3), CAVEATS: MADV_FREE discards a locked
			# page at once.
			if (is_refused && call == "madvise" && arg[3] == 8 &&
			    s[2] == 0)
				discards()
			if (limit && (before ~ /^(future|all)/ ||
				      call == "mlockall"))
				emulated()
			if (call ~ /^set.*uid$/ && before ~ /^(future|all)/)
				took_over()
			# liblockonfault-preload(7), Other differences: of two
			# errors, one of them the limit, the other is told.
			if (((call ~ /^mmap/ && args ~ /LOCKED|-1, fd/) ||
			     (call == "mremap" && before != "-")) &&
			    b[2] == -1 && s[2] == -1 &&
			    (b[3] s[3]) ~ /EAGAIN|EPERM/) {
				s[3] = b[3]
				rule("two errors")
			}
			if (call == "mlock" || call == "mlockall" ||
			    args ~ /LOCKED/ || before != "-")
				on_fault()
			if (before != "-")
				not_populated_before()
		}
		if (!differs())
			next
		left++
		print title
		for (i = 2; i <= 8; i++)
			if (b[i] != s[i])
				printf "    %-9s %s | %s\n", column[i], b[i],
				       s[i]
	}
	BEGIN { split("- result errno VmLck locks resident access content",
		      column, " ") }
	END {
		for (name in needed)
			printf "rule: %s: %d sets\n", name, needed[name]
		printf "%d sets, %d equal, %d by the rules, %d left\n", total,
			same, total - same - left, left
		exit left || !total
	}' "$bare" "$other"
}

# sets FILE [VARIABLE=VALUE...]: make the sets as $as.
sets() {
	file=$1
	shift
	$as env "$@" ./argument_sets --seed "$seed" --one-in "$one_in" \
		>"$work/$file"
}

# as_bare TITLE CONVERT LIMIT
as_bare() {
	if compare "$work/bare" "$work/$2" -v convert="$2" -v limit="$3" \
		-v page="$(getconf PAGESIZE)" \
		>"$work/compared"; then
		ok "$1, convert $2: $(tail -n 1 "$work/compared")"
	else
		fail "$1, convert $2: $(tail -n 1 "$work/compared")"
		head -n "${LOF_TEST_LINES:-100}" "$work/compared"
	fi
	grep '^rule: ' "$work/compared" | sort
}

# all_as_bare TITLE LIMIT: LIMIT is 0 if none applies.
all_as_bare() {
	sets bare &
	sets 1 LD_PRELOAD="$shim" &
	sets 0 LD_PRELOAD="$shim" LOCKONFAULT_CONVERT=0
	wait
	as_bare "$1" 1 "$2"
	as_bare "$1" 0 "$2"
}

[ -e "$shim" ] || skip 'no shim is built'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*) skip 'sanitizers map memory of their own' ;;
esac
[ -z "${LOF_TEST_NO_MLOCK2-}" ] || skip 'no mlock2'
has prlimit || skip 'there is no prlimit'
./argument_sets --one-in 1000000 >"$work/probe" || skip "$(cat "$work/probe")"

echo "LOF_TEST_SEED=$seed, one set of $one_in"
user=
if [ "$(id -u)" = 0 ]; then
	as='prlimit --memlock=8388608'
	all_as_bare root ''
	user='setpriv --reuid 65534 --regid 65534 --clear-groups'
	has setpriv && $user ./argument_sets --one-in 1000000 >"$work/probe" ||
		user=no
else
	left_out 'root: not root'
fi
for limit in 8388608 65536 0; do
	as="prlimit --memlock=$limit $user"
	if [ "$user" = no ] || ! $as true 2>"$work/probe"; then
		left_out "user under $limit: $(cat "$work/probe")"
		continue
	fi
	all_as_bare "user under $limit" "$limit"
done
finish
