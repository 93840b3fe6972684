"""Programs that stand in for a worker, each of which goes wrong in its own way."""

from __future__ import annotations

PRELUDE = """\
import os, signal, socket, struct, sys, time
line = socket.socket(fileno=int(sys.argv[1]))
def take():
    head = line.recv(13, socket.MSG_WAITALL)
    if len(head) < 13:
        sys.exit(0)
    kind, number, length = struct.unpack("!cQI", head)
    return kind, number, line.recv(length, socket.MSG_WAITALL) if length else b""
def say(kind, content=b"", number=0):
    line.sendall(struct.pack("!cQI", kind, number, len(content)) + content)
def begin(built=b"built"):
    take(); say(b"B", built); take(); say(b"R")
def answer(pulse=b"{}", seconds=0.0):
    kind, number, _ = take()
    if kind == b"M":
        time.sleep(seconds)
    say(kind, pulse if kind == b"P" else b"counted %d" % number, number)
def serve(**how):
    while True:
        answer(**how)
"""
GOOD = "begin(); serve()"

# What the program does -> the reason that is told of its end.
BAD = {
    "begin(); answer(); os.kill(os.getpid(), signal.SIGKILL)": "signal",
    "begin(); answer(); os.kill(os.getpid(), signal.SIGSEGV)": "signal",
    "begin(); answer(); sys.exit(0)": "exit",
    "begin(); os.kill(os.getpid(), signal.SIGSTOP)": "silent",
    "begin(); answer(); answer(); os.kill(os.getpid(), signal.SIGSTOP)": "silent",
    "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); begin(); time.sleep(99)": "silent",
    "begin()\nwhile True: pass": "silent",
    "begin(); take(); line.sendall(struct.pack('!cQI', b'P', 1, 2)); time.sleep(99)": "silent",
    "sys.exit(3)": "start",
    "take(); say(b'B', b'built'); take(); sys.exit(1)": "start",
    "os.kill(os.getpid(), signal.SIGSTOP)": "start",
    "time.sleep(99)": "start",
    "take(); say(b'B', b'built'); take(); time.sleep(99)": "start",
    "begin(b'other'); serve()": "tables",
    "begin(b''); serve()": "tables",
    "begin(); line.close(); time.sleep(99)": "control",
    "begin(); line.shutdown(socket.SHUT_WR); time.sleep(99)": "control",
    "line.close(); time.sleep(99)": "control",
    "line.sendall(b'ready\\n' * 9); time.sleep(99)": "control",
    "begin(); line.sendall(b'metrics 17\\nxxxxxxxxxxxxxxxxx'); time.sleep(99)": "control",
    "begin()\nwhile True: line.sendall(b'x' * 65536)": "control",
    "begin()\nwhile True: say(b'R')": "control",
    "begin(); line.sendall(struct.pack('!cQI', b'M', 1, 2**32 - 1)); time.sleep(99)": "control",
    "begin(); take(); say(b'P', b'{}', 77); time.sleep(99)": "control",
    "begin(); serve(pulse=b'no JSON')": "control",
    "begin(); serve(pulse=b'[' * 60000)": "control",
    "begin(); serve(pulse=b'{\"accepting\": 7}')": "control",
    "begin(); serve(pulse=b'{\"accepting\": false}')": "deaf",
    "begin(); serve(pulse=b'{\"draining\": true}')": "drain",
}
