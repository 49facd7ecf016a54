#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run the inputs that the fuzzers found (corpus). "./dev fuzz" looks for more.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

for fuzzer in range_tree smaps; do
	check "the corpus of $fuzzer" \
		"./fuzz_${fuzzer}_replay" "$srcdir/tests/corpus/$fuzzer"/*
done
finish
