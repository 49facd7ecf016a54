#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that map and unmap much do the same under the shim as without: a
# compiler, an interpreter's tests of mmap, a packer of git objects.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
[ -e "$shim" ] || skip 'the shim was not built'

# both WHAT COMMAND...: the same output and status with the shim as without, in
# directories of their own, and as wanted of the log.
both() {
	what=$1
	shift
	rm -rf "$work/without" "$work/with"
	mkdir "$work/without" "$work/with"
	(cd "$work/without" && "$@" >../without.out 2>&1
		echo "status $?" >>../without.out)
	(cd "$work/with" && LOCKONFAULT_LOG=$work/log LD_PRELOAD=$shim "$@" \
		>../with.out 2>&1
		echo "status $?" >>../with.out)
	check "$what: the shim was there" grep -q ': start ' "$work/log"
	check "$what: the same output" diff "$work/without.out" \
		"$work/with.out"
	check "$what: the same files" diff -r "$work/without" "$work/with"
	same "$what: succeeds" 'status 0' "$(tail -n 1 "$work/with.out")"
	rm -f "$work/log"
}

# A large source: some thousand functions with tables and loops.
awk 'BEGIN {
	for (i = 0; i < 3000; i++) {
		printf "static const int t%d[] = {", i
		for (j = 0; j < 16; j++)
			printf "%d,", (i * 31 + j * 17) % 257
		printf "};\nint f%d(int n){int i,s=0;", i
		printf "for(i=0;i<n;i++)s+=t%d[i&15]*(i^%d);return s;}\n", i, i
	}
}' >"$work/large.c"
both 'compile with -O2' "$CC" -O2 -c -o large.o "$work/large.c"

python=
for candidate in /usr/bin/python3 python3; do
	if "$candidate" -c 'import test.test_mmap' 2>/dev/null; then
		python=$candidate
		break
	fi
done
if [ -n "$python" ]; then
	# Times differ from run to run.
	cat >"$work/mmap_tests" <<SH
"$python" -B -m test -v test_mmap >out 2>&1
status=\$?
sed -e 's/[0-9.]* *\(sec\|ms\|min\)\b.*//' -e '/^0:0/d' -e '/load avg/d' \
	-e '/^Total duration/d' -e 's/ in [0-9.]*s//' -e '/^== /d' \
	-e '/^Using random seed/d' \
	-e 's/test_python_[0-9]*/test_python/' out >out.1
rm out
mv out.1 out
exit \$status
SH
	both "python's tests of mmap" sh "$work/mmap_tests"
	check "python's tests of mmap: some ran" \
		grep -q '^test_.* ok$' "$work/with/out"
else
	echo "not run: python's tests of mmap: there is no test.test_mmap"
fi

if has git; then
	cat >"$work/repack" <<'SH'
set -e
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_AUTHOR_DATE='@1 +0000'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_COMMITTER_DATE='@1 +0000'
git -c init.defaultBranch=main init -q r
cd r
git config core.packedGitWindowSize 64k
git config core.packedGitLimit 256k
git config pack.threads 1
i=0
while [ $i -lt 30 ]; do
	awk -v n=$i 'BEGIN { for (j = 0; j < 2000; j++) print j * n % 1009 }' >f$i
	cat f* >all
	git add .
	git commit -q -m "$i"
	i=$((i + 1))
done
git repack -adfq --window=50
git fsck --full --strict
git rev-parse HEAD
ls .git/objects/pack
rm .git/index	# it holds the times of the files
SH
	both 'git repack' sh "$work/repack"
else
	echo 'not run: git repack: there is no git'
fi
finish
