#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh JOB: run job_JOB of the other files here, in a new directory.
#
# A job prints the same each time: no times, PIDs, addresses or random names.
set -eu
jobs=$(dirname "$0")
for kind in compilers interpreters servers tools; do
	# shellcheck source=/dev/null
	. "$jobs/$kind.sh"
done
mkdir -p /tmp/job
cd /tmp/job

# wait_for COMMAND...: until COMMAND succeeds, for a minute.
wait_for() {
	for _ in $(seq 300); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	echo "not within a minute: $*"
	return 1
}

"job_$1"
