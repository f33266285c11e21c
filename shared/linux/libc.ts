/**
 * The C library, through Deno's foreign function interface: the only `dlopen` of the project.
 *
 * There is a table for each family of functions, in which every symbol stands below its C
 * prototype. Sizes are declared as 32 bits (`u32`, `i32`) where C has `size_t` and `ssize_t`,
 * because those would be bigints here and would take a slow path. The callers make sure that no
 * length comes near 2 GiB.
 *
 * @module
 */

/** Bytes for C functions, which no other thread shares. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** close(2) and errno(3): what every script calls. */
export const COMMON = {
  /** int close(int fd); */
  close: { parameters: ["i32"], result: "i32" },
  /** int *__errno_location(void); the address of this thread's errno */
  __errno_location: { parameters: [], result: "pointer" },
  /** char *strerror(int errnum); */
  strerror: { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode COMMON}, opened. */
export const common: Deno.DynamicLibrary<typeof COMMON>["symbols"] = load(COMMON);

/** socket(7): what a server does with sockets. */
export const SOCKETS = {
  /** int socket(int domain, int type, int protocol); */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int setsockopt(int fd, int level, int name, const void *value, socklen_t length); */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** int bind(int fd, const struct sockaddr *addr, socklen_t length); */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int listen(int fd, int backlog); */
  listen: { parameters: ["i32", "i32"], result: "i32" },
  /** int getsockname(int fd, struct sockaddr *addr, socklen_t *length); */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** int accept4(int fd, struct sockaddr *addr, socklen_t *length, int flags); */
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  /** ssize_t recv(int fd, void *buffer, size_t length, int flags); */
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  /** ssize_t send(int fd, const void *buffer, size_t length, int flags); */
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode SOCKETS}, opened. */
export const sockets: Deno.DynamicLibrary<typeof SOCKETS>["symbols"] = load(SOCKETS);

/** socket(7): what is rarely needed, or by clients alone. */
export const MORE_SOCKETS = {
  /** int connect(int fd, const struct sockaddr *addr, socklen_t length); */
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int getpeername(int fd, struct sockaddr *addr, socklen_t *length); */
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** int getsockopt(int fd, int level, int name, void *value, socklen_t *length); */
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  /** int shutdown(int fd, int how); */
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode MORE_SOCKETS}, opened. */
export const moreSockets: Deno.DynamicLibrary<typeof MORE_SOCKETS>["symbols"] = load(MORE_SOCKETS);

/** recvmsg(2). */
export const MESSAGES = {
  /** ssize_t recvmsg(int fd, struct msghdr *message, int flags); */
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode MESSAGES}, opened. */
export const messages: Deno.DynamicLibrary<typeof MESSAGES>["symbols"] = load(MESSAGES);

/** fcntl(2). */
export const FLAGS = {
  /** int fcntl(int fd, int command, ...); every command that is used takes an int */
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int fcntl(int fd, int command, void *argument); the same function, for a structure */
  fcntl_pointer: { parameters: ["i32", "i32", "buffer"], result: "i32", name: "fcntl" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode FLAGS}, opened. */
export const flags: Deno.DynamicLibrary<typeof FLAGS>["symbols"] = load(FLAGS);

/** Files: open(2), read(2), write(2) and the like. */
export const FILES = {
  /** int open(const char *path, int flags, mode_t mode); */
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  /** int posix_fallocate(int fd, off_t offset, off_t length); returns the error number */
  posix_fallocate: { parameters: ["i32", "i64", "i64"], result: "i32" },
  /** ssize_t read(int fd, void *buffer, size_t length); */
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** ssize_t write(int fd, const void *buffer, size_t length); */
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** off_t lseek(int fd, off_t offset, int whence); */
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode FILES}, opened. */
export const files: Deno.DynamicLibrary<typeof FILES>["symbols"] = load(FILES);

/** pipe(7), splice(2) and sendfile(2): bytes that move inside the kernel. */
export const PIPES = {
  /** int pipe2(int *ends, int flags); */
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  /** ssize_t splice(int in, off_t *from, int out, off_t *to, size_t length, unsigned flags); */
  splice: { parameters: ["i32", "buffer", "i32", "buffer", "u32", "u32"], result: "i32" },
  /** ssize_t sendfile(int out, int in, off_t *offset, size_t length); */
  sendfile: { parameters: ["i32", "i32", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode PIPES}, opened. */
export const pipes: Deno.DynamicLibrary<typeof PIPES>["symbols"] = load(PIPES);

/** memfd_create(2). */
export const MEMORY_FILES = {
  /** int memfd_create(const char *name, unsigned int flags); */
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode MEMORY_FILES}, opened. */
export const memoryFiles: Deno.DynamicLibrary<typeof MEMORY_FILES>["symbols"] = load(MEMORY_FILES);

/** mmap(2). */
export const MEMORY = {
  /** void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset); */
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  /** int munmap(void *addr, size_t length); */
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode MEMORY}, opened. */
export const memory: Deno.DynamicLibrary<typeof MEMORY>["symbols"] = load(MEMORY);

/** getrlimit(2). */
export const LIMITS = {
  /** int getrlimit(int resource, struct rlimit *limit); */
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  /** int setrlimit(int resource, const struct rlimit *limit); */
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode LIMITS}, opened. */
export const limits: Deno.DynamicLibrary<typeof LIMITS>["symbols"] = load(LIMITS);

/** select(2). */
export const SELECTING = {
  /** int select(int nfds, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout); */
  select: { parameters: ["i32", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode SELECTING}, opened. */
export const selecting: Deno.DynamicLibrary<typeof SELECTING>["symbols"] = load(SELECTING);

/** poll(2). */
export const POLLING = {
  /** int poll(struct pollfd *list, nfds_t length, int timeout); */
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode POLLING}, opened. */
export const polling: Deno.DynamicLibrary<typeof POLLING>["symbols"] = load(POLLING);

/** epoll(7). */
export const EPOLLS = {
  /** int epoll_create1(int flags); */
  epoll_create1: { parameters: ["i32"], result: "i32" },
  /** int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event); */
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** int epoll_wait(int epfd, struct epoll_event *events, int capacity, int timeout); */
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode EPOLLS}, opened. */
export const epolls: Deno.DynamicLibrary<typeof EPOLLS>["symbols"] = load(EPOLLS);

/** eventfd(2), whose descriptors are read and written as files are. */
export const EVENTS = {
  /** int eventfd(unsigned int initial, int flags); */
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode EVENTS}, opened. */
export const events: Deno.DynamicLibrary<typeof EVENTS>["symbols"] = load(EVENTS);

/** io_uring(7), for which the C library has no functions: these are bare system calls. */
export const RINGS = {
  /** int io_uring_setup(u32 entries, struct io_uring_params *params); */
  io_uring_setup: { parameters: ["i32", "u32", "buffer"], result: "i32", name: "syscall" },
  /** int io_uring_enter(int fd, u32 submit, u32 complete, u32 flags, void *set, size_t size); */
  io_uring_enter: {
    parameters: ["i32", "i32", "u32", "u32", "u32", "pointer", "u32"],
    result: "i32",
    name: "syscall",
  },
  /** int io_uring_register(int fd, u32 operation, void *argument, u32 count); */
  io_uring_register: {
    parameters: ["i32", "i32", "u32", "buffer", "u32"],
    result: "i32",
    name: "syscall",
  },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode RINGS}, opened. */
export const rings: Deno.DynamicLibrary<typeof RINGS>["symbols"] = load(RINGS);

/** signal(7). */
export const SIGNALS = {
  /** int pthread_sigmask(int how, const sigset_t *set, sigset_t *old); returns the error number */
  pthread_sigmask: { parameters: ["i32", "buffer", "pointer"], result: "i32" },
  /** int signalfd(int fd, const sigset_t *set, int flags); */
  signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode SIGNALS}, opened. */
export const signals: Deno.DynamicLibrary<typeof SIGNALS>["symbols"] = load(SIGNALS);

/** timerfd_create(2). */
export const TIMERS = {
  /** int timerfd_create(int clock, int flags); */
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  /** int timerfd_settime(int fd, int flags, struct itimerspec *to, struct itimerspec *old); */
  timerfd_settime: { parameters: ["i32", "i32", "buffer", "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode TIMERS}, opened. */
export const timers: Deno.DynamicLibrary<typeof TIMERS>["symbols"] = load(TIMERS);

/** execve(2), and what a program inherits. */
export const PROGRAMS = {
  /** int execv(const char *path, char *const *argv); does not return, unless it fails */
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  /** char *getenv(const char *name); */
  getenv: { parameters: ["buffer"], result: "pointer" },
  /** int dup2(int fd, int number); */
  dup2: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode PROGRAMS}, opened. */
export const programs: Deno.DynamicLibrary<typeof PROGRAMS>["symbols"] = load(PROGRAMS);

/** Threads: gettid(2), getrusage(2), and sched_setaffinity(2), which chooses their cores. */
export const THREADS = {
  /** pid_t gettid(void); */
  gettid: { parameters: [], result: "i32" },
  /** int getrusage(int who, struct rusage *usage); */
  getrusage: { parameters: ["i32", "buffer"], result: "i32" },
  /** int sched_getaffinity(pid_t thread, size_t size, cpu_set_t *set); */
  sched_getaffinity: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  /** int sched_setaffinity(pid_t thread, size_t size, const cpu_set_t *set); */
  sched_setaffinity: { parameters: ["i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode THREADS}, opened. */
export const threads: Deno.DynamicLibrary<typeof THREADS>["symbols"] = load(THREADS);

/** Processes: posix_spawn(3), waitpid(2), kill(2), prctl(2). */
export const PROCESSES = {
  /**
   * int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
   * const posix_spawnattr_t *attr, char *const *argv, char *const *envp); returns the error number
   */
  posix_spawn: {
    parameters: ["buffer", "buffer", "pointer", "pointer", "buffer", "pointer"],
    result: "i32",
  },
  /** extern char **environ; a variable: this is the address of the pointer to the environment */
  environ: { type: "pointer" },
  /** pid_t waitpid(pid_t pid, int *status, int options); */
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** int kill(pid_t pid, int signal); */
  kill: { parameters: ["i32", "i32"], result: "i32" },
  /** int prctl(int operation, ...); every operation that is used takes an unsigned long */
  prctl: { parameters: ["i32", "u64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode PROCESSES}, opened. */
export const processes: Deno.DynamicLibrary<typeof PROCESSES>["symbols"] = load(PROCESSES);

/** clock_gettime(2). */
export const CLOCKS = {
  /** int clock_gettime(clockid_t clock, struct timespec *time); */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** {@linkcode CLOCKS}, opened. */
export const clocks: Deno.DynamicLibrary<typeof CLOCKS>["symbols"] = load(CLOCKS);

// In an ordinary object: what is put in the place of a function is called instead. A script that
// lacks the platform or the permission ends with one line, not with a stack trace.
function load<Table extends Deno.ForeignLibraryInterface>(table: Table) {
  const [linux, os] = ["a Linux container, in WSL 2 or in a virtual machine", Deno.build.os];
  try {
    if (os === "linux") return { ...Deno.dlopen("libc.so.6", table).symbols };
    console.error(`this makes Linux system calls, which ${os} does not have: run it in ${linux}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    console.error("calling libc needs a permission: run it again with --allow-ffi");
  }
  Deno.exit(1);
}
