#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# mariadbd --memlock with a pool of 1 GiB, under the command: it becomes ready,
# keeps a table, and has at most an eighth of the memory resident.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/servers.sh
. "${srcdir:-.}/tests/servers.sh"

has mariadbd || skip 'mariadbd is not installed'
free=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
[ "$free" -gt 3000000 ] || skip 'less than 3 GB of memory are free'

sql() {
	mariadb --no-defaults --socket="$dir/socket" -u root -D mysql -NBe "$1"
}

$as_user mariadb-install-db --no-defaults --datadir="$dir/data" \
	--auth-root-authentication-method=normal --skip-test-db \
	>"$dir/install" 2>&1 || {
	fail 'mariadb-install-db'
	sed 's/^/    /' "$dir/install"
	finish
}

# serve LABEL PREFIX: run the server and use a table. Sets resident, in kB.
serve() {
	# shellcheck disable=SC2086
	start $2 mariadbd --no-defaults --datadir="$dir/data" \
		--socket="$dir/socket" --skip-networking --memlock \
		--innodb-buffer-pool-size=1G
	if ! wait_until sql 'select 1'; then
		fail "$1: mariadbd comes up"
		sed 's/^/    /' "$dir/output"
		finish
	fi
	check "$1: a table is written" sql "create or replace table t
		(a int primary key, b varchar(200)) engine=innodb;
		insert into t select seq, repeat('x', 100)
		from seq_1_to_1000"
	same "$1: and read back" '1000 500500 100000' "$(sql 'select count(*),
		sum(a), sum(length(b)) from t' | tr '\t' ' ')"
	resident=$(status_kb VmRSS)
	charged=$(status_kb VmLck)
	stop
}

serve 'eager' ''
eager=$resident
[ "$charged" -gt 0 ] || skip 'mariadbd could not lock its memory here'
serve 'on fault' "$lockonfault run --"
at_most "mariadbd: kB resident, an eighth of eager ($eager)" $((eager / 8)) \
	"$resident"
check 'mariadbd: its memory is locked' test "$charged" -gt 1000000
finish
