#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two trees of Debian, one with the shim in /etc/ld.so.preload while apt
# installs the packages and after. The same jobs run in both, and once more with
# a budget in each process: exit status and output must be the same.
#
#	whole-debian.sh BUILD-DIRECTORY DIRECTORY [JOB...]
#
# With a JOB: only these jobs, in the trees that DIRECTORY has already.
#
# Each job runs in namespaces of its own: after it, also if it is killed, nothing
# stays mounted, no server stays alive, and no port is taken.
set -eu
cd "$(dirname "$0")/.."
build=$(realpath "$1")
mkdir -p "$2"
dir=$(realpath "$2")
shift 2
export LC_ALL=C

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
suite=bookworm
mirror=http://deb.debian.org/debian
packages='build-essential clang libclang-rt-14-dev gfortran golang rustc ghc
	openjdk-17-jdk-headless sbcl nodejs ruby php-cli python3 perl lua5.4 tcl
	r-base-core octave postgresql mariadb-server redis-server memcached
	sqlite3 nginx-light curl git gnupg openssh-server openssh-client rsync
	openssl valgrind libc6-dbg gdb strace cmake ninja-build xz-utils zstd
	busybox-static procps libjemalloc2 bsdextrautils'

say() { printf '\n== %s\n' "$*"; }

# spaces TREE COMMAND...: run COMMAND as root of TREE, without a network.
spaces() {
	unshare --mount --net --ipc --pid --fork --kill-child sh -c '
		cd "$0" && mount -t proc proc proc &&
		mount --bind /dev dev && mount -t tmpfs shm dev/shm &&
		mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts &&
		mount -t tmpfs run run && mount -t tmpfs tmp tmp &&
		ip link set lo up && chroot . "$@"' "$@"
}

# in_tree TREE [NAME=VALUE...] COMMAND...: the same, in a clean environment.
in_tree() {
	tree=$1
	shift
	spaces "$dir/$tree" env -i PATH=$PATH HOME=/tmp LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# The packages are downloaded once, into the base tree that both trees copy.
make_base() {
	[ ! -e "$dir/base/complete" ] || return 0
	say "debootstrap: $suite"
	rm -rf "$dir/base"
	debootstrap --variant=minbase $suite "$dir/base" $mirror \
		>"$dir/debootstrap.log"
	printf '#!/bin/sh\nexit 101\n' >"$dir/base/usr/sbin/policy-rc.d"
	chmod 755 "$dir/base/usr/sbin/policy-rc.d"
	say 'the packages'
	# shellcheck disable=SC2086
	chroot "$dir/base" sh -c 'apt-get update -qq && apt-get install -y -qq \
		--no-install-recommends --download-only "$@"' - $packages \
		>"$dir/download.log"
	touch "$dir/base/complete"
}

put_shim() {
	make -s -C "$build" install DESTDIR="$dir/shim" >"$dir/make.log" 2>&1
	chroot "$dir/shim" ldconfig
	echo /usr/local/lib/liblockonfault-preload.so \
		>"$dir/shim/etc/ld.so.preload"
}

# result_of TREE STATUS: print what must be the same in both: the packages, the
# files, and the lines of the maintainer scripts without numbers and host keys.
result_of() {
	echo "exit status $2"
	in_tree "$1" dpkg -l
	(cd "$dir/$1" && find . -path ./usr/local -prune -o -print |
		grep -vx ./etc/ld.so.preload | sort)
	sed '/SHA256:/d; s/[0-9]//g' "$dir/install.$1" | sort
}

# install_in TREE: by apt
install_in() {
	start=$(date +%s)
	# shellcheck disable=SC2086
	in_tree "$1" apt-get install -y -q --no-install-recommends \
		--no-download -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-unsafe-io $packages \
		>"$dir/install.$1" 2>&1 && status=0 || status=$?
	result_of "$1" $status >"$dir/result.$1"
	echo "$1: exit status $status after $(($(date +%s) - start)) s"
}

# Both copies install at once.
make_trees() {
	make_base
	say 'the two trees'
	for tree in bare shim; do
		rm -rf "${dir:?}/$tree"
		cp -a "$dir/base" "$dir/$tree"
	done
	put_shim
	install_in bare &
	install_in shim
	wait
	diff "$dir/result.bare" "$dir/result.shim" || return 1
	echo "$(grep -c ^ii "$dir/result.shim") packages," \
		"$(grep -c '^\./' "$dir/result.shim") files in both"
}

# run JOB TREE LABEL [NAME=VALUE]: leaves output and exit status in a file.
run() {
	job=$1 label=$3 tree_of_job=$2
	shift 3
	in_tree "$tree_of_job" "$@" timeout -k 10 600 sh /jobs/run.sh "$job" \
		>"$dir/out/$job.$label" 2>&1 </dev/null && status=0 || status=$?
	echo "exit status $status" >>"$dir/out/$job.$label"
}

# Two differences are in the man pages. A program with gcc's shared
# AddressSanitizer refuses to start if a library is loaded before the sanitizer
# (lockonfault(1), run). With a budget mlock() succeeds and locks later, at most
# the budget (LOCKONFAULT_MAX).
is_known() {
	case $1.$2 in
	gcc_asan.*) grep -q 'runtime does not come first' "$dir/out/$1.$2" ;;
	locks.budget) [ "$(exit_status "$1" "$2")" = 0 ] ;;
	*) return 1 ;;
	esac
}

# compare JOB LABEL: print "same", "known" or "DIFFERS".
compare() {
	if cmp -s "$dir/out/$1.bare" "$dir/out/$1.$2"; then
		echo same
	elif is_known "$1" "$2"; then
		echo known
	else
		echo DIFFERS
	fi
}

# exit_status JOB LABEL
exit_status() { sed -n '$s/exit status //p' "$dir/out/$1.$2"; }

run_job() {
	run "$1" bare bare &
	run "$1" shim shim
	wait
	# After the others: a job may change its tree.
	run "$1" shim budget LOCKONFAULT_MAX=64M
	shim=$(compare "$1" shim) budget=$(compare "$1" budget)
	printf '%-18s %4s %4s %6s  %-8s %s\n' "$1" "$(exit_status "$1" bare)" \
		"$(exit_status "$1" shim)" "$(exit_status "$1" budget)" \
		"$shim" "$budget"
	case $shim$budget in
	*DIFFERS*) wrong="$wrong $1" ;;
	esac
}

run_jobs() {
	say 'the jobs: exit status in each tree, and is the output as in bare?'
	printf '%-18s %4s %4s %6s  %-8s %s\n' job bare shim budget shim budget
	rm -rf "$dir/out"
	mkdir -p "$dir/out"
	for tree in bare shim; do
		rm -rf "$dir/$tree/jobs"
		cp -r tests/whole-debian "$dir/$tree/jobs"
	done
	wrong=
	for job; do
		run_job "$job"
	done
	for job in $wrong; do
		for label in shim budget; do
			diff -u "$dir/out/$job.bare" "$dir/out/$job.$label" |
				head -n 40 || true
		done
	done
	[ -z "$wrong" ]
}

began=$(date +%s)
if [ $# = 0 ]; then
	make_trees
	# The names of the functions are words.
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^job_\([a-z0-9_]*\)() {.*/\1/p' tests/whole-debian/*.sh)
else
	put_shim
fi
run_jobs "$@" && status=0 || status=$?
say "$# jobs in $((($(date +%s) - began) / 60)) minutes"
exit $status
