#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that map and unmap much memory do the same under the shim as without
# it: a compiler, and git, which packs objects.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

# A large source: some hundred functions with tables and loops.
awk 'BEGIN {
	for (i = 0; i < 500; i++) {
		printf "static const int t%d[] = {", i
		for (j = 0; j < 16; j++)
			printf "%d,", (i * 31 + j * 17) % 257
		printf "};\nint f%d(int n){int i,s=0;", i
		printf "for(i=0;i<n;i++)s+=t%d[i&15]*(i^%d);return s;}\n", i, i
	}
}' >"$work/large.c"
compiler=$(command -v "$CC") || compiler=$CC
cc_alike() {
	alike 'compile with -O2' "${compiler##*/}" \
		$CC -O2 -c -o large.o "$work/large.c"
}
locked_too cc_alike

cat >"$work/repack" <<'SH'
set -e
export GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_AUTHOR_DATE='@1 +0000'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_COMMITTER_DATE='@1 +0000'
git -c init.defaultBranch=main init -q r
cd r
git config core.packedGitWindowSize 64k
git config core.packedGitLimit 256k
git config pack.threads 1
i=0
while [ $i -lt 15 ]; do
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
rm .git/index	# the index holds the times of the files
SH
git_alike() { alike 'git repack' git sh "$work/repack"; }
if has git; then
	locked_too git_alike
else
	not_run 'git repack: there is no git'
fi
finish
