/**
 * What is said about I/O models: the claims, their sources, and the scripts that try them.
 *
 * C1 to C13 are the claims of a widely read introduction; those from C14 on are commonly taught.
 *
 * @module
 */

/** A claim and its experiment. */
export interface Claim {
  /** Its name: C and a number. */
  id: string;
  /** What people say. */
  claim: string;
  /** Where it can be looked up. UNP is Stevens, _UNIX Network Programming_, vol. 1, 3rd edition. */
  source: string;
  /** The experiment, in this folder. */
  script: string;
  /** What the script may do, as options of `deno run`. */
  permissions: string[];
}

const ffi = ["--allow-ffi"];
const everything = ["-A"]; // to start servers, or to open all of /proc

/** All claims, in their order. */
export const claims: readonly Claim[] = [
  {
    id: "C1",
    claim: "a blocking server cannot accept anyone while it waits for one client",
    source: "listen(2); UNP 6.2 and ch. 30",
    script: "c01-second-client.ts",
    permissions: everything,
  },
  {
    id: "C2",
    claim: "a thread per client cures that, but each thread still waits in both phases",
    source: "pthreads(7), proc_pid_syscall(5); UNP ch. 26 and 30",
    script: "c02-threads.ts",
    permissions: everything,
  },
  {
    id: "C3",
    claim: "once the listening socket is non-blocking, nothing on the server blocks",
    source: "accept(2), NOTES: the new socket does not inherit O_NONBLOCK",
    script: "c03-accepted-blocks.ts",
    permissions: ffi,
  },
  {
    id: "C4",
    claim: "the polling loop wastes memory",
    source: "UNP 6.2: polling is often a waste of CPU time",
    script: "c04-polling-memory.ts",
    permissions: ffi,
  },
  {
    id: "C5",
    claim: "non-blocking I/O removes the wait, not the copy",
    source: "recv(2), tcp(7) (MSG_TRUNC); UNP 6.2",
    script: "c05-copy-remains.ts",
    permissions: ffi,
  },
  {
    id: "C6",
    claim: "select gets slower as its list grows",
    source: "select(2), epoll(7); UNP 6.3",
    script: "c06-select-list.ts",
    permissions: ffi,
  },
  {
    id: "C7",
    claim: "poll is select with more sockets",
    source: "select(2), BUGS (FD_SETSIZE); poll(2), ERRORS (EINVAL); UNP 6.3 and 6.10",
    script: "c07-poll-limit.ts",
    permissions: ffi,
  },
  {
    id: "C8",
    claim: "epoll runs the callbacks of ready sockets at the same time",
    source: "epoll_wait(2): it fills in an array; Linux, fs/eventpoll.c (ep_poll_callback)",
    script: "c08-one-after-another.ts",
    permissions: ffi,
  },
  {
    id: "C9",
    claim: "with few connections, multiplexing need not beat threads with blocking I/O",
    source: "UNP 6.2: two system calls instead of one",
    script: "c09-few-connections.ts",
    permissions: everything,
  },
  {
    id: "C10",
    claim: "multiplexing is for many connections, not for one",
    source: "UNP 6.2: the advantage is to wait for more than one descriptor",
    script: "c10-one-connection.ts",
    permissions: ffi,
  },
  {
    id: "C11",
    claim: "asynchronous I/O has neither the wait nor the copy",
    source: "io_uring(7), io_uring_enter(2); UNP 6.2",
    script: "c11-who-copies.ts",
    permissions: ffi,
  },
  {
    id: "C12",
    claim: "Tornado and Twisted, and the like, are asynchronous I/O",
    source: "epoll(7), proc_pid_fdinfo(5); Tornado, tornado.ioloop; Twisted, Choosing a Reactor",
    script: "c12-denos-epoll.ts",
    permissions: ["--allow-ffi", "--allow-net", "--allow-run=python3"],
  },
  {
    id: "C13",
    claim: "single-threaded coroutines make a server concurrent",
    source: "Pike, Concurrency Is Not Parallelism, 2012; Python, Developing with asyncio; " +
      "MDN, run-to-completion",
    script: "c13-computing.ts",
    permissions: ["--allow-net"],
  },
  {
    id: "C14",
    claim: "epoll shares memory with the kernel",
    source: "epoll_wait(2); io_uring(7), which does; proc_pid_maps(5)",
    script: "c14-shared-memory.ts",
    permissions: everything,
  },
  {
    id: "C15",
    claim: "a thread costs 8 MB",
    source: "pthread_create(3), mmap(2), proc_pid_smaps(5)",
    script: "c15-stacks.ts",
    permissions: everything,
  },
  {
    id: "C16",
    claim: "edge-triggered epoll fires only once until the socket is drained",
    source: "epoll(7), Level-triggered and edge-triggered",
    script: "c16-edges.ts",
    permissions: ffi,
  },
  {
    id: "C17",
    claim: "closing a descriptor always removes it from epoll",
    source: "epoll(7), Questions and answers, Q6",
    script: "c17-duplicate.ts",
    permissions: ffi,
  },
  {
    id: "C18",
    claim: "there is one SIGIO for each arrival",
    source: "signal(7), Queueing and delivery semantics; fcntl(2) (F_SETSIG); UNP ch. 25",
    script: "c18-signals.ts",
    permissions: ffi,
  },
  {
    id: "C19",
    claim: "O_NONBLOCK makes files asynchronous",
    source: "open(2) (O_NONBLOCK); epoll_ctl(2), ERRORS (EPERM)",
    script: "c19-files.ts",
    permissions: ffi,
  },
  {
    id: "C20",
    claim: "await always yields",
    source: "ECMA-262, Await; Python, PEP 492",
    script: "c20-await.ts",
    permissions: ["--allow-run=python3"],
  },
  {
    id: "C21",
    claim: "io_uring always beats epoll",
    source: "io_uring(7), epoll(7)",
    script: "c21-uring-or-epoll.ts",
    permissions: ffi,
  },
  {
    id: "C22",
    claim: "epoll always beats select",
    source: "epoll(7); Gammo et al., Comparing and Evaluating epoll, select, and poll, 2004",
    script: "c22-epoll-or-select.ts",
    permissions: ffi,
  },
  {
    id: "C23",
    claim: "with SO_REUSEPORT, the kernel balances connections evenly",
    source: "socket(7) (SO_REUSEPORT); Linux, net/core/sock_reuseport.c (reuseport_select_sock)",
    script: "c23-reuseport.ts",
    permissions: ffi,
  },
  {
    id: "C24",
    claim: "epoll has a thundering herd",
    source: "epoll_ctl(2) (EPOLLEXCLUSIVE); Linux, fs/eventpoll.c (ep_poll_callback)",
    script: "c24-herd.ts",
    permissions: everything,
  },
  {
    id: "C25",
    claim: "more threads are faster",
    source: "sched(7), pthreads(7); UNP ch. 30",
    script: "c25-more-threads.ts",
    permissions: [],
  },
  {
    id: "C26",
    claim: "processes need more memory than threads",
    source: "proc_pid_smaps(5), Rss and Pss; posix_spawn(3), pthreads(7)",
    script: "c26-process-memory.ts",
    permissions: everything,
  },
  {
    id: "C27",
    claim: "sendfile is zero copy",
    source: "sendfile(2), NOTES: the file must not change before it has been delivered",
    script: "c27-sendfile.ts",
    permissions: ffi,
  },
  {
    id: "C28",
    claim: "MSG_ZEROCOPY sends without a copy",
    source: "Linux, Documentation/networking/msg_zerocopy.rst, Loopback",
    script: "c28-msg-zerocopy.ts",
    permissions: ffi,
  },
  {
    id: "C29",
    claim: "io_uring has zero copy",
    source: "io_uring_enter(2) (IORING_OP_SEND_ZC)",
    script: "c29-uring-zero-copy.ts",
    permissions: ffi,
  },
  {
    id: "C30",
    claim: "splice is always faster",
    source: "splice(2)",
    script: "c30-splice.ts",
    permissions: everything,
  },
];
