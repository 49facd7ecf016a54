# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Jobs: servers under the load of their own clients, on ports of 127.0.0.1.

# as_user USER COMMAND...: with the real privileges of USER
as_user() {
	user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups -- "$@"
}

job_postgresql() {
	bin=$(echo /usr/lib/postgresql/*/bin)
	mkdir -m 700 data
	chown postgres data
	chmod 755 .
	as_user postgres "$bin/initdb" -D data --no-sync >/dev/null
	as_user postgres "$bin/pg_ctl" -D data -w -s -l data/log \
		-o '-k /tmp -c fsync=off -c listen_addresses=' start
	psql="as_user postgres psql -h /tmp -X -t -A"
	as_user postgres pgbench -h /tmp -i -q -s 2 postgres 2>/dev/null
	as_user postgres pgbench -h /tmp -c 8 -j 2 -t 200 postgres 2>&1 |
		grep -E 'actually processed|failed'
	$psql postgres -c 'select count(*), sum(abalance) = (select sum(delta)
		from pgbench_history) from pgbench_accounts'
	$psql postgres -c "set work_mem = '64kB'; select count(*) from (select
		* from generate_series(1, 200000) g order by md5(g::text)) s"
	$psql postgres -c 'set max_parallel_workers_per_gather = 4;
		set parallel_setup_cost = 0; set min_parallel_table_scan_size = 0;
		select sum(aid % 7) from pgbench_accounts'
	$psql postgres -c 'select 1 / 0' || echo "status $?"
	as_user postgres "$bin/pg_ctl" -D data -w -s -m fast stop
	grep -cE 'PANIC|terminated by signal' data/log || true
}

job_mariadb() {
	chmod 755 .
	mkdir data
	chown mysql data
	mariadb-install-db --user=mysql --datadir="$PWD/data" \
		--skip-test-db 2>&1 >/dev/null | sed 's/^[-0-9 :]*//'
	mariadbd --no-defaults --user=mysql --datadir="$PWD/data" --memlock \
		--socket=/tmp/sock --skip-networking --large-pages=0 \
		--innodb-buffer-pool-size=64M >log 2>&1 &
	server=$!
	wait_for mariadb-admin --no-defaults -S /tmp/sock ping
	mariadb-slap --no-defaults -S /tmp/sock --concurrency=8 --iterations=2 \
		--auto-generate-sql --number-of-queries=2000 |
		grep -E 'clients|per client'
	mariadb --no-defaults -S /tmp/sock -N -e 'create database d; use d;
		create table t (a int primary key, b char(40)) engine=innodb;
		insert into t select seq, md5(seq) from seq_1_to_50000;
		alter table t add index (b);
		select count(*), sum(a), max(b) from t;
		delete from t where a % 3 = 0; optimize table t;
		select count(*), min(b) from t where b > "8"; check table t'
	mariadb --no-defaults -S /tmp/sock -e 'select * from none.none' ||
		echo "status $?"
	mariadb-admin --no-defaults -S /tmp/sock shutdown
	wait $server && status=0 || status=$?
	echo "server: status $status"
	grep -cE 'ERROR|signal' log || true
}

job_redis() {
	redis-server --port 7000 --save '' --daemonize no --dir "$PWD" \
		>log 2>&1 &
	server=$!
	wait_for redis-cli -p 7000 ping
	redis-benchmark -p 7000 -q -n 5000 -c 30 -r 5000 \
		-t set,get,lpush,lpop,zadd | tr '\r' '\n' |
		grep -oE '^[A-Z]+: [0-9.]+ requests' | sed 's/: .*//' | sort -u
	redis-cli -p 7000 eval 'for i = 1, 20000 do redis.call("set", "k" .. i,
		i) end return redis.call("get", "k777")' 0
	redis-cli -p 7000 save
	redis-cli -p 7000 bgrewriteaof
	wait_for sh -c 'redis-cli -p 7000 info persistence |
		grep -q aof_rewrite_in_progress:0'
	redis-cli -p 7000 info persistence |
		grep -oE '^(rdb_last_bgsave|aof_last_bgrewrite)_status:[a-z]+'
	redis-cli -p 7000 debug reload
	redis-cli -p 7000 get k20000
	redis-cli -p 7000 shutdown nosave || true
	wait $server && status=0 || status=$?
	echo "server: status $status"
}

job_memcached() {
	memcached -u root -l 127.0.0.1 -p 7001 -k -m 64 -t 4 >log 2>&1 &
	server=$!
	wait_for bash -c 'exec 3<>/dev/tcp/127.0.0.1/7001'
	cat >load.py <<'P'
import socket, threading

def load(n):
    f = socket.create_connection(('127.0.0.1', 7001)).makefile('rwb')
    for i in range(3000):
        value = b'%d' % (i * n) * 50
        f.write(b'set k%d-%d 0 0 %d\r\n%s\r\n' % (n, i, len(value), value))
    f.flush()
    stored[n] = sum(f.readline() == b'STORED\r\n' for _ in range(3000))
    f.write(b'get k%d-2999\r\n' % n)
    f.flush()
    stored[n] += len(f.readline() + f.readline())

stored = [0] * 8
threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(stored)
P
	python3 load.py
	kill $server
	wait $server && status=0 || status=$?
	echo "server: status $status"
	sort log
}

job_nginx() {
	mkdir www
	chmod 755 .
	head -c 3000000 /dev/zero | tr '\0' x >www/big
	echo hello >www/index.html
	cat >conf <<-CONF
		user www-data;
		worker_processes 3;
		pid /tmp/pid;
		error_log /tmp/job/errors;
		events { worker_connections 256; }
		http {
			access_log off;
			sendfile on;
			aio threads;
			gzip on;
			gzip_types *;
			server { listen 127.0.0.1:7002; root /tmp/job/www; }
		}
	CONF
	nginx -c "$PWD/conf" -e "$PWD/errors"
	wait_for curl -s http://127.0.0.1:7002/
	curl -s http://127.0.0.1:7002/ http://127.0.0.1:7002/none
	for i in $(seq 30); do
		curl -s http://127.0.0.1:7002/big | sha256sum
		curl -s --compressed http://127.0.0.1:7002/big | wc -c
	done | sort | uniq -c
	nginx -c "$PWD/conf" -e "$PWD/errors" -s reload
	sleep 1
	curl -s http://127.0.0.1:7002/
	nginx -c "$PWD/conf" -e "$PWD/errors" -s quit
	wait_for sh -c '! test -e /tmp/pid'
	sed 's/.*\[\(.*\)\] [0-9]*#[0-9]*: /\1: /' errors |
		grep -vE '^notice|none' || true
}

job_ssh() {
	mkdir -p /run/sshd keys
	chmod 700 keys
	ssh-keygen -q -t ed25519 -N '' -f keys/host
	ssh-keygen -q -t rsa -b 2048 -N '' -f keys/user
	cp keys/user.pub keys/authorized
	cat >sshd.conf <<-CONF
		Port 7003
		ListenAddress 127.0.0.1
		HostKey $PWD/keys/host
		AuthorizedKeysFile $PWD/keys/authorized
		PermitRootLogin yes
		StrictModes no
		Subsystem sftp internal-sftp
	CONF
	/usr/sbin/sshd -f sshd.conf -E log
	eval "$(ssh-agent -s)" >/dev/null
	ssh-add -q keys/user
	ssh="ssh -q -p 7003 -o StrictHostKeyChecking=no
		-o UserKnownHostsFile=/dev/null root@127.0.0.1"
	for i in 1 2 3 4; do
		$ssh "echo run $i; exit $i" || echo "status $?"
	done
	head -c 5000000 /dev/zero | $ssh 'wc -c; kill -9 $$' || echo "status $?"
	scp -q -P 7003 -o StrictHostKeyChecking=no -o \
		UserKnownHostsFile=/dev/null root@127.0.0.1:/etc/passwd copy
	cmp /etc/passwd copy
	$ssh -tt 'test -t 0 && echo terminal' | tr -d '\r'
	ssh-agent -k >/dev/null
}

job_sqlite() {
	sqlite3 data.db 'pragma journal_mode=wal; pragma mmap_size=100000000;
		create table t (a integer primary key, b text);
		with recursive n(i) as (select 1 union all select i + 1 from n
		where i < 100000) insert into t select i, hex(i * i) from n;
		create index tb on t (b); delete from t where a % 5 = 0;
		select count(*), max(b) from t; vacuum; pragma integrity_check;'
	for i in 1 2 3 4; do
		sqlite3 -cmd '.timeout 60000' data.db "update t set b = b || $i
			where a % 4 = $i - 1" &
	done
	wait
	sqlite3 data.db 'select count(*), sum(length(b)) from t; select x' ||
		echo "status $?"
}
