# SPDX-License-Identifier: LGPL-2.1-or-later
# The clients of real.sh that are not installed as programs: each asks a server
# and prints its answer, which is the same each time. It fails if the server
# does not answer yet, and real.sh asks again.
#
#	ask.py PROTOCOL SOCKET-OR-PORT
import json
import socket
import struct
import sys


def stream(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s.makefile("rwb")


def say(f, text):
    f.write(text)
    f.flush()
    return f.readline().decode().strip()


def memcached(path):
    f = stream(path)
    big = b"x" * 500000
    print(say(f, b"set a 0 0 5\r\nhello\r\n"))
    print(say(f, b"get a\r\n"), f.readline(), f.readline())
    print(say(f, b"set big 0 0 %d\r\n%s\r\n" % (len(big), big)))
    print(say(f, b"get big\r\n"), f.readline() == big + b"\r\n", f.readline())


def tor(path):
    f = stream(path)
    print(say(f, b"AUTHENTICATE\r\n"))
    for what in b"version", b"config-file", b"process/user":
        print(say(f, b"GETINFO %s\r\n" % what), f.readline())
    print(say(f, b"SIGNAL NEWNYM\r\n"))
    print(say(f, b"SETCONF MaxCircuitDirtiness=700\r\n"))
    print(say(f, b"GETCONF MaxCircuitDirtiness\r\n"))


def tor_halt(path):
    f = stream(path)
    print(say(f, b"AUTHENTICATE\r\n"), say(f, b"SIGNAL HALT\r\n"))


# 100 connections at once, each with its own part of the disk.
def nbd(path):
    import nbd
    handles = [nbd.NBD() for _ in range(100)]
    for h in handles:
        h.connect_unix(path)
    for i, h in enumerate(handles):
        h.pwrite(bytes([i]) * 65536, i * 65536)
    same = [h.pread(65536, i * 65536) == bytes([i]) * 65536
            for i, h in enumerate(reversed(handles))]
    print(handles[0].get_size(), same.count(True))
    for h in handles:
        h.shutdown()


def qmp(path):
    f = stream(path)
    print("QMP" in json.loads(f.readline()))

    def execute(command):
        f.write(json.dumps({"execute": command}).encode() + b"\n")
        f.flush()
        while True:
            answer = json.loads(f.readline())
            if "event" not in answer:
                return answer

    for command in "qmp_capabilities", "query-status", "cont", \
            "query-status", "stop", "query-memory-size-summary":
        print(command, execute(command))


def dns(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    name = b"\3www\7example\3com\0"
    s.sendto(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + name +
             struct.pack(">2H", 1, 1), ("127.0.0.1", int(port)))
    answer = s.recv(512)
    print(answer[:12].hex(), socket.inet_ntoa(answer[-4:]))


def line(path):
    print(say(stream(path), b"ask\n"))


globals()[sys.argv[1]](sys.argv[2])
