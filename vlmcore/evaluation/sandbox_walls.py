"""The walls around a program that nobody has read: each is put up if the system can, and told of if it cannot.

::

    limits         of memory, CPU time, file size and open files; no core dumps
    privileges     no capabilities, root or not, and no_new_privs: none will come back
    files          Landlock: Python's own library can be read, nothing can be written, nothing else opened
    system calls   seccomp: what computing needs is allowed, all else refused: sockets, programs, processes, threads,
                   signals to others, ptrace, mount, io_uring, and whatever comes to be invented
    namespaces     a network without anything in it, of the whole server

They are put up in a child that has just been forked, and none can be taken down again.

Source: man pages seccomp(2), landlock(7), prctl(2), unshare(2); the libraries pyseccomp and landlock make the calls.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
import sysconfig
from collections.abc import Callable

try:  # both before the walls stand, which would hide them
    import landlock
except (ImportError, OSError):  # not Linux, or not installed
    landlock = None
try:
    import pyseccomp as seccomp
except (ImportError, OSError, RuntimeError):  # RuntimeError: the library that it calls is missing
    seccomp = None

COMPILED = sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix})  # not the virtual environment's
READABLE = sorted(
    path for path in {sysconfig.get_path("stdlib"), COMPILED, "/usr/lib", "/lib", "/lib64"} if os.path.isdir(path)
)  # Python's own library, and what that is linked to
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_DUMPABLE = 38, 24, 4
CAPABILITIES_VERSION = 0x20080522  # of capset's structures: two words for each of three sets
CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x04000000, 0x08000000, 0x10000000, 0x40000000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND  # files are opened without any of these
FIOCLEX, FIONCLEX = 0x5451, 0x5450  # are what Python asks of ioctl

# What a program that computes and prints needs of the kernel; names that an architecture lacks are passed over.
NEEDED = [
    "read", "readv", "pread64", "write", "writev", "close", "fstat", "newfstatat", "stat", "lstat", "statx", "lseek",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "fcntl", "dup", "mmap",
    "munmap", "mprotect", "mremap", "madvise", "brk", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "clock_gettime", "clock_getres",
    "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrusage", "getrlimit", "getrandom", "futex",
    "set_robust_list", "rseq", "set_tid_address", "exit", "exit_group", "sched_yield", "sched_getaffinity", "uname",
    "sysinfo", "select", "pselect6", "poll", "ppoll", "restart_syscall",
]  # fmt: skip


class Missing(Exception):
    """This system cannot put up that wall."""


def put_up(memory: int, seconds: float) -> tuple[list[str], list[str]]:
    """All walls around this process → (those that stand, those that are missing and why)."""
    walls: dict[str, Callable[[], None]] = {
        "limits": lambda: limits(memory, seconds),
        "privileges": privileges,
        "files": files,
        "system calls": system_calls,
    }
    standing, missing = [], []
    for name, wall in walls.items():
        try:
            wall()
            standing.append(name)
        except Missing as reason:
            missing.append(f"{name} ({reason})")
    return standing, missing


def limits(memory: int, seconds: float) -> None:
    """Bytes of address space, whole seconds of CPU time, and nothing to write to."""
    import resource

    wanted = {
        resource.RLIMIT_CPU: int(seconds) + 1, resource.RLIMIT_FSIZE: 1 << 20, resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 32, resource.RLIMIT_AS: memory,
    }  # fmt: skip
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of address space
            resource.setrlimit(kind, (value, value))


def privileges() -> None:
    """No capabilities, and none to come. (Root may read its own library, and could not as nobody.)"""
    if sys.platform != "linux":
        raise Missing("no prctl: this is not Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # refused to all but root, who alone has any
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
    if libc.capset(header, none) != 0 or libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise Missing(os.strerror(ctypes.get_errno()))
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no other process may look into this one


def files() -> None:
    """Landlock: the standard library and what it links to may be read, and no more."""
    if sys.platform != "linux":
        raise Missing("no Landlock: this is not Linux")
    if landlock is None:
        raise Missing("the library landlock is not installed")
    ctypes.set_errno(0)
    try:
        readable = landlock.FSAccess.READ_FILE | landlock.FSAccess.READ_DIR
        rules = landlock.Ruleset()
        rules.allow(*READABLE, rules=readable)
        rules.apply()
    except (OSError, landlock.LandlockError) as error:
        raise Missing(f"no Landlock: {error}".splitlines()[0]) from error


def system_calls() -> None:
    """seccomp: what is needed is allowed, all else fails as if forbidden; a foreign architecture is the end."""
    if seccomp is None:
        raise Missing("the library pyseccomp, or its libseccomp, is not installed")
    wall = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in NEEDED:
        with contextlib.suppress(OSError):  # an architecture has no such call
            wall.add_rule(seccomp.ALLOW, name)
    reading = [seccomp.Arg(2, seccomp.MASKED_EQ, WRITING, 0)]
    wall.add_rule(seccomp.ALLOW, "openat", *reading)
    with contextlib.suppress(OSError):
        wall.add_rule(seccomp.ALLOW, "open", seccomp.Arg(1, seccomp.MASKED_EQ, WRITING, 0))
    for asked in (FIOCLEX, FIONCLEX):
        wall.add_rule(seccomp.ALLOW, "ioctl", seccomp.Arg(1, seccomp.EQ, asked))
    wall.add_rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))  # to ask for a limit, not to set one
    try:
        wall.load()
    except OSError as error:
        raise Missing(f"no seccomp: {error.strerror}") from error


def namespaces() -> None:
    """A network, names and queues of this process's own, with nothing in them."""
    if sys.platform != "linux":
        raise Missing("no namespaces: this is not Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    apart = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    if libc.unshare(apart) != 0 and libc.unshare(CLONE_NEWUSER | apart) != 0:
        raise Missing(f"no namespaces: {os.strerror(ctypes.get_errno())}")
