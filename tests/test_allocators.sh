#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A C++ program with jemalloc or tcmalloc does the same under the shim as
# without it. These allocators map, unmap and discard memory by their own rules.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

has "$CXX" || skip 'there is no C++ compiler'

cat >"$work/allocate.cc" <<'CC'
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// Allocate, resize and free blocks of all sizes. Returns a sum of their
// content.
static unsigned long churn(unsigned seed)
{
	std::vector<std::pair<char *, size_t>> blocks(200);
	std::map<std::string, std::unique_ptr<std::vector<int>>> names;
	unsigned long sum = 0, state = seed;

	for (int i = 0; i < 6000; i++) {
		state = state * 6364136223846793005ul + 1442695040888963407ul;
		auto &block = blocks[(state >> 33) % blocks.size()];
		size_t size = 1 + (state >> 40) % (i % 50 ? 5000 : 3000000);

		for (size_t at = 0; at < block.second; at += 997)
			sum += (unsigned char)block.first[at];
		if (i % 3) {
			block.first = (char *)realloc(block.first, size);
		} else {
			free(block.first);
			block.first = (char *)calloc(1, size);
		}
		memset(block.first, (int)(state >> 56), size);
		block.second = size;
		names[std::to_string(state >> 52)] =
			std::make_unique<std::vector<int>>(size % 100, i);
	}
	for (auto &block : blocks)
		free(block.first);
	for (auto &name : names)
		sum += name.second->size();
	return sum;
}

int main()
{
	std::vector<std::thread> threads;
	unsigned long sums[4];

	for (unsigned i = 0; i < 4; i++)
		threads.emplace_back([i, &sums] { sums[i] = churn(i + 1); });
	for (auto &thread : threads)
		thread.join();
	for (auto sum : sums)
		printf("%lu\n", sum);
}
CC
check 'it compiles' "$CXX" -O1 -pthread -o "$work/allocate" "$work/allocate.cc"

on_allocator() { alike "C++ on $1" allocate "$work/allocate"; }

# library NAME: the path of the library, from the cache of the dynamic linker
library() {
	/sbin/ldconfig -p | sed -n "s/^.*\b$1 .*x86-64.* => //p;
		s/^.*\b$1 (libc6) => //p" | sed -n 1p
}

for name in libc.so.6 libjemalloc.so.2 libtcmalloc.so.4 \
	libtcmalloc_minimal.so.4; do
	before=
	if [ $name != libc.so.6 ]; then
		before=$(library $name)
		if [ -z "$before" ]; then
			not_run "C++ on $name: it is not installed"
			continue
		fi
	fi
	locked_too on_allocator $name
done
finish
