#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sqlite3 does the same under the shim as without it, with a mapped database
# that grows and shrinks.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

has sqlite3 || skip 'sqlite3 is not installed'

rows=4000
[ -z "$in_full" ] || rows=40000

# sqlite3 calls mremap when the file has grown, and unmaps the file before it
# truncates it. In WAL mode it also maps the -shm file.
sql() {
	cat <<SQL
pragma mmap_size=268435456;
pragma page_size=4096;
pragma cache_size=20;
pragma journal_mode=$1;
create table t(a integer primary key, b text, c blob);
create index tb on t(b);
with recursive n(i) as (select 1 union all select i+1 from n where i<$rows)
	insert into t select i, printf('%d-%d', i*7919%$rows, i), zeroblob(i%900)
	from n;
pragma integrity_check;
update t set b = b||'x', c = zeroblob(length(c)*2) where a%3=0;
begin;
delete from t where a%5=0;
select count(*), sum(length(c)) from t where b like '1%';
rollback;
delete from t where a%2=0;
pragma integrity_check;
vacuum;
pragma integrity_check;
pragma mmap_size;
insert into t select a+$rows, b, c from t;
pragma mmap_size=65536;
select count(*), sum(a), max(b), sum(length(c)) from t;
pragma mmap_size=268435456;
select count(*), sum(a), max(b), sum(length(c)) from t;
vacuum into 'copy.db';
attach 'copy.db' as copy;
select count(*) from t natural join copy.t as u;
select a, b, length(c) from t where a%97=1 order by b desc;
drop table t;
vacuum;
pragma integrity_check;
SQL
}

for journal in delete wal; do
	sql $journal >"$work/$journal.sql"
	# The file itself has random content: so its dump is compared.
	cat >"$work/$journal.sh" <<SH
set -e
sqlite3 -batch -bail here.db ".read $work/$journal.sql"
sqlite3 -batch -bail copy.db 'pragma mmap_size=268435456;' .dump
SH
done
sqlite_alike() {
	alike "sqlite3, journal_mode=$1" sqlite3 sh "$work/$1.sh"
}
locked_too sqlite_alike delete
locked_too sqlite_alike wal
check 'it mapped' grep -qx 268435456 "$work/without/out"
check 'it found no damage' grep -qx ok "$work/without/out"
finish
