/**
 * Signals as notifications of I/O, and as requests to end: F_SETOWN and F_SETSIG of fcntl(2),
 * pthread_sigmask(3) and signalfd(2). See signal(7).
 *
 * @module
 */

import { F_SETFL, fcntl, O_NONBLOCK } from "./descriptors.ts";
import { EAGAIN, EINTR, orErrno, orThrow, systemError } from "./errno.ts";
import { execv, ownArguments } from "./exec.ts";
import { files, flags, signals as libc, threads } from "./libc.ts";

/** fcntl(2): the kernel sends a signal for each event of the descriptor. */
export const O_ASYNC = 0o20000;
/** fcntl(2): which process receives the signal. */
export const F_SETOWN = 8;
/** fcntl(2): which signal is sent instead of SIGIO. */
export const F_SETSIG = 10;
/** fcntl(2): which thread, process or group receives the signal. */
export const F_SETOWN_EX = 15;
/** F_SETOWN_EX: a thread. */
export const F_OWNER_TID = 0;

/** Somebody asks the program to end. It ends a process that has no handler for it. */
export const SIGTERM = 15;
/** Something can be read or written. It ends a process that has no handler for it. */
export const SIGIO = 29;
/** The first real-time signal that the C library leaves to programs. These wait in a queue. */
export const SIGRTMIN = 34;
/** pthread_sigmask(3): block these signals as well, so that they stay pending. */
export const SIG_BLOCK = 0;
/** signalfd(2): the descriptor is not inherited by programs that this one executes. */
export const SFD_CLOEXEC = 0o2000000;
/** signalfd(2): a read does not wait. */
export const SFD_NONBLOCK = 0o4000;
/** getrlimit(2): how many signals may be queued, for all processes of a user together. */
export const RLIMIT_SIGPENDING = 11;

/** `sizeof(sigset_t)`. */
export const SIGSET_T_SIZE = 128;
/** `sizeof(struct signalfd_siginfo)`. */
export const SIGNALFD_SIGINFO_SIZE = 128;
/** Where the fields of `struct signalfd_siginfo` are. */
export const SIGNALFD_SIGINFO = { signo: 0, fd: 20, band: 28 };
/** `sizeof(struct f_owner_ex)`. */
export const F_OWNER_EX_SIZE = 8;
/** Where the fields of `struct f_owner_ex` are. */
export const F_OWNER_EX = { type: 0, pid: 4 };

/** Makes a socket non-blocking, and its events send SIGIO to this process. See fcntl(2). */
export function signalProcess(fd: number): void {
  fcntl(fd, F_SETOWN, Deno.pid);
  fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}

/**
 * Makes a socket non-blocking, and its events send `signal` to this thread. The signal carries the
 * descriptor's number. See F_SETSIG and F_SETOWN_EX in fcntl(2).
 */
export function signalThread(fd: number, signal: number): void {
  const owner = Int32Array.of(F_OWNER_TID, threads.gettid());
  orThrow("fcntl", orErrno(flags.fcntl_pointer(fd, F_SETOWN_EX, owner)), fd);
  fcntl(fd, F_SETSIG, signal);
  fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}

/**
 * Blocks signals for this thread, and returns a descriptor from which they can be read instead. See
 * pthread_sigmask(3) and signalfd(2).
 */
export function signalfd(...numbers: number[]): number {
  const set = new Uint8Array(SIGSET_T_SIZE);
  for (const signal of numbers) set[(signal - 1) >> 3] |= 1 << ((signal - 1) & 7);
  const number = libc.pthread_sigmask(SIG_BLOCK, set, null);
  if (number !== 0) throw systemError("pthread_sigmask", number);
  return orThrow("signalfd", orErrno(libc.signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK)));
}

/**
 * Like {@linkcode signalfd}, but for a signal that is sent to the process. Must be called before a
 * script does anything, since the script may begin anew here.
 *
 * Such a signal goes to any thread that does not block it, and the engine has started threads
 * before the script begins. But a thread inherits its mask from the one that starts it, and a
 * program from the one that executes it. So this blocks the signal in one thread, and executes the
 * same program again, all of whose threads block it.
 */
export function processSignalfd(signal: number): number {
  const mask = new Uint8Array(SIGSET_T_SIZE); // which signals this thread blocks already
  libc.pthread_sigmask(SIG_BLOCK, null, Deno.UnsafePointer.of(mask));
  const fd = signalfd(signal);
  const wasBlocked = mask[(signal - 1) >> 3] & 1 << ((signal - 1) & 7);
  if (!wasBlocked) execv("/proc/self/exe", ownArguments());
  return fd;
}

/** Room for the signals that one call reads. */
export class SignalInfos {
  /** The memory that the kernel writes, an array of `struct signalfd_siginfo`. */
  readonly words: Int32Array<ArrayBuffer>;

  /** Makes room for `capacity` signals. */
  constructor(capacity: number) {
    this.words = new Int32Array(capacity * SIGNALFD_SIGINFO_SIZE / 4);
  }

  /** The number of the signal at `index`. */
  signal(index: number): number {
    return this.words[(index * SIGNALFD_SIGINFO_SIZE + SIGNALFD_SIGINFO.signo) / 4];
  }

  /** The descriptor that caused it; only for a signal that was chosen with F_SETSIG. */
  fd(index: number): number {
    return this.words[(index * SIGNALFD_SIGINFO_SIZE + SIGNALFD_SIGINFO.fd) / 4];
  }

  /** What has happened to the descriptor, as in poll(2): POLLIN, POLLOUT, … */
  events(index: number): number {
    return this.words[(index * SIGNALFD_SIGINFO_SIZE + SIGNALFD_SIGINFO.band) / 4];
  }
}

/** Reads the signals that are pending, without waiting. Returns how many there were. */
export function readSignals(signalfd: number, infos: SignalInfos): number {
  const { words } = infos;
  const result = orErrno(files.read(signalfd, words, words.byteLength));
  if (result === -EAGAIN || result === -EINTR) return 0;
  return orThrow("read", result, signalfd) / SIGNALFD_SIGINFO_SIZE;
}
