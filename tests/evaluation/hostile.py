"""Programs that try to get out, or to take more than they may. Each prints ESCAPED where it succeeds."""

ENDLESS = "while True:\n    pass\n"

FILES = {
    "reads passwords": "print('ESCAPED', open('/etc/passwd').read())",
    "reads by its handle": "import os\nprint('ESCAPED', os.read(os.open('/etc/hostname', 0), 9))",
    "reads a home": "import os\nprint('ESCAPED', os.listdir(os.path.expanduser('~root')))",
    "lists the root": "import os\nprint('ESCAPED', os.listdir('/'))",
    "lists its folder's neighbours": "import os\nprint('ESCAPED', os.listdir('..'))",
    "reads /proc": "print('ESCAPED', open('/proc/self/environ').read())",
    "reads its parent's memory": "import os\nprint('ESCAPED', open(f'/proc/{os.getppid()}/mem', 'rb'))",
    "reads its own memory": "print('ESCAPED', open('/proc/self/mem', 'rb').seek(0))",
    "reads its parent's handles": "import os\nprint('ESCAPED', os.listdir(f'/proc/{os.getppid()}/fd'))",
    "writes here": "open('mark', 'w').write('x')\nprint('ESCAPED')",
    "writes to /tmp": "open('/tmp/vlmcore-mark', 'w').write('x')\nprint('ESCAPED')",
    "appends": "open('/tmp/vlmcore-mark', 'a').write('x')\nprint('ESCAPED')",
    "truncates": "import os\nos.truncate('/tmp/vlmcore-mark', 0)\nprint('ESCAPED')",
    "makes a folder": "import os\nos.mkdir('folder')\nprint('ESCAPED')",
    "removes its folder": "import os\nos.rmdir(os.getcwd())\nprint('ESCAPED')",
    "links": "import os\nos.symlink('/etc/passwd', 'link')\nprint('ESCAPED', open('link').read())",
    "links hard": "import os\nos.link('/etc/passwd', 'link')\nprint('ESCAPED')",
    "renames": "import os\nos.rename('/etc/hostname', '/etc/hostname2')\nprint('ESCAPED')",
    "changes modes": "import os\nos.chmod('/etc/hostname', 0o777)\nprint('ESCAPED')",
    "changes its root": "import os\nos.chroot('.')\nprint('ESCAPED')",
    "walks out": "import os\nos.chdir('/etc')\nprint('ESCAPED')",
    "makes a pipe with a name": "import os\nos.mkfifo('pipe')\nprint('ESCAPED')",
    "opens a device": "print('ESCAPED', open('/dev/urandom', 'rb').read(1), open('/dev/mem', 'rb'))",
    "a file without a name": "import os\nos.memfd_create('x')\nprint('ESCAPED')",
    "shared memory": (
        "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=9)\nprint('ESCAPED')"
    ),
    "imports what is installed beside": "import pytest\nprint('ESCAPED', pytest.__file__)",
    "imports from its folder": "open('evil.py', 'w').write('x = 1')\nimport evil\nprint('ESCAPED')",
    "looks through inherited handles": (
        "import os\n"
        "for n in range(4, 1024):\n"
        "    try:\n"
        "        os.fstat(n)\n"
        "        print('ESCAPED', n)\n"
        "    except OSError:\n"
        "        pass\n"
        "raise PermissionError('nothing found')"
    ),
}

NETWORK = {
    "a socket": "import socket\nsocket.socket()\nprint('ESCAPED')",
    "a socket pair": "import socket\nsocket.socketpair()\nprint('ESCAPED')",
    "a UNIX socket": "import socket\nsocket.socket(socket.AF_UNIX)\nprint('ESCAPED')",
    "a raw socket": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\nprint('ESCAPED')",
    "a page": "import urllib.request\nprint('ESCAPED', urllib.request.urlopen('http://127.0.0.1:1').read())",
    "a name": "import socket\nprint('ESCAPED', socket.gethostbyname('localhost'))",
    "a server": "import http.server\nhttp.server.HTTPServer(('', 0), None)\nprint('ESCAPED')",
    "an event loop": "import asyncio\nasyncio.new_event_loop()\nprint('ESCAPED')",
}

PROCESSES = {
    "forks": "import os\nos.fork()\nprint('ESCAPED')",
    "a fork bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n        print('ESCAPED')\n"
        "    except OSError:\n        pass"
    ),
    "spawns": "import os\nos.posix_spawn('/bin/ls', ['ls'], {})\nprint('ESCAPED')",
    "a shell": "import os\nif os.system('echo') == 0:\n    print('ESCAPED')\nraise PermissionError('no shell')",
    "a program": "import subprocess\nprint('ESCAPED', subprocess.run(['/bin/ls'], capture_output=True))",
    "becomes another program": "import os\nos.execv('/bin/echo', ['echo', 'ESCAPED'])",
    "a pool": "import multiprocessing\nmultiprocessing.Process(target=print).start()\nprint('ESCAPED')",
    "a thread": "import threading\nthreading.Thread(target=print).start()\nprint('ESCAPED')",
    "a low-level thread": "import _thread\n_thread.start_new_thread(print, ())\nprint('ESCAPED')",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)\nprint('ESCAPED')",
    "kills everybody": "import os\nos.kill(-1, 9)\nprint('ESCAPED')",
    "signals its group": "import os\nos.killpg(0, 15)\nprint('ESCAPED')",
    "traces its parent": (
        "import ctypes, os\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0:\n    print('ESCAPED')\n"
        "raise PermissionError('no ptrace')"
    ),
    "a session of its own": "import os\nos.setsid()\nprint('ESCAPED')",
    "forks past Python": (
        "import ctypes\nif ctypes.CDLL(None).fork() >= 0:\n    print('ESCAPED')\nraise PermissionError('no fork')"
    ),
    "a system call by its number": (
        "import ctypes, platform\nnumber = {'x86_64': 57, 'aarch64': 220}[platform.machine()]\n"
        "if ctypes.CDLL(None).syscall(number, 17, 0, 0, 0, 0) >= 0:\n    print('ESCAPED')\n"
        "raise PermissionError('no such call')"
    ),
    "io_uring": (
        "import ctypes\nif ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(512)) >= 0:\n"
        "    print('ESCAPED')\nraise PermissionError('no ring')"
    ),
    "mounts": (
        "import ctypes\nif ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0:\n    print('ESCAPED')\n"
        "raise PermissionError('no mount')"
    ),
    "becomes somebody": "import os\nos.setuid(1)\nprint('ESCAPED')",
    "raises its limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)\nprint('ESCAPED')"
    ),
    "namespaces": (
        "import ctypes\nif ctypes.CDLL(None).unshare(0x10000000) == 0:\n    print('ESCAPED')\n"
        "raise PermissionError('no namespace')"
    ),
}

GREED = {
    "never ends": (ENDLESS, "timeout"),
    "sleeps": ("import time\ntime.sleep(100)", "timeout"),
    "ignores signals and never ends": (
        "import signal\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n"
        f"    except Exception:\n        pass\n{ENDLESS}",
        "timeout",
    ),
    "catches everything and never ends": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        "timeout",
    ),
    "closes all handles and never ends": (f"import os\nos.closerange(0, 99)\n{ENDLESS}", "timeout"),
    "much memory": ("x = 'a' * 10**11", "memory"),
    "more and more memory": ("x = []\nwhile True:\n    x.append(bytearray(10**7))", "memory"),
    "a large number": ("print(len(bin(10 ** (10 ** 9))))", ("memory", "timeout")),
    "endless output": ("while True:\n    print('x' * 1000)", "refused"),
    "endless errors": ("import os\nwhile True:\n    os.write(2, b'x' * 1000)", "refused"),
    "a flood of results": ("import os\nwhile True:\n    os.write(3, b'x' * 1000)", "refused"),
    "deep recursion": ("def f():\n    return f()\nf()", "error"),
    "deeper recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    return [f()]\nf()",
        ("error", "memory", "timeout"),
    ),
    "a crash": ("import ctypes\nctypes.string_at(0)", "error"),
    "a regular expression without end": ("import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", "timeout"),
    "no program": ("def f(:", "error"),
    "a zero byte": ("x = 1\0", "error"),
    "nesting without end": ("(" * 100_000, ("error", "memory")),
}

FORGERY = {  # each claims that f(2) is 4, which it never computes, or hides that it does not
    "leaves at once": "import os\nos._exit(0)",
    "leaves politely": "raise SystemExit(0)",
    "writes a result itself": (
        'import os\nos.write(3, b\'{"outcome": "finished", "values": [4]}\')\nos.close(3)\nos._exit(0)'
    ),
    "says passed": 'import os\nos.write(3, b\'{"outcome": "passed", "values": [4]}\')\nos._exit(0)',
    "says nonsense": "import os\nos.write(3, b'[' * 50_000)\nos._exit(0)",
    "is equal to everything": (
        "class Anything:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n\n"
        "def f(x):\n    return Anything()"
    ),
    "is a number that is equal to everything": (
        "class Anything(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\n\n"
        "def f(x):\n    return Anything(5)"
    ),
    "patches what is built in": (
        "import builtins\nbuiltins.isinstance = lambda *_: True\nbuiltins.type = lambda *_: int\n\n"
        "def f(x):\n    return 5"
    ),
    "walks the frames": (
        "import sys\nframe = sys._getframe()\nwhile frame:\n"
        "    if 'encode' in frame.f_globals:\n        frame.f_globals['encode'] = lambda value: 5\n"
        "    frame = frame.f_back\n\n"
        "def f(x):\n    return 4"
    ),
    "looks for the right answers": (
        "import gc\nfound = [o for o in gc.get_objects() if isinstance(o, dict) and 'expected' in o]\n\n"
        "def f(x):\n    return found[0]['expected']"
    ),
    "prints a result": 'def f(x):\n    print(\'{"outcome": "finished", "values": [4]}\')',
    "returns what is no value": "def f(x):\n    return f",
    "returns itself without end": "def f(x):\n    y = []\n    y.append(y)\n    return y",
    "returns a word for a set": "def f(x):\n    return {'set': [[1]]}",
}
