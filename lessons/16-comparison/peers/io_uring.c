// Lesson 09's server in C, with which TypeScript is compared: bare system calls, and no library. It
// is compiled by cc -O3 io_uring.c. As in the lesson, each client has memory of its own, and is not
// read from before it has been sent its reply.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIZE = 64 * 1024, CLIENTS = 32768, SQ_ENTRIES = 256, CQ_ENTRIES = 2048 };

static int ring, listener, lengths[CLIENTS];
static unsigned char *memory; // SIZE bytes for each client; pages exist once they are used
static unsigned *sq_head, *sq_tail, sq_mask, *cq_head, *cq_tail, cq_mask, tail, submitted;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;

// Without a branch, since a loop with one has no vector instructions.
static void shout(unsigned char *bytes, int length) {
  for (int i = 0; i < length; i++) bytes[i] -= (bytes[i] >= 'a' && bytes[i] <= 'z') << 5;
}

static void submit_and_wait(unsigned least) {
  __atomic_store_n(sq_tail, tail, __ATOMIC_RELEASE);
  int flags = least ? IORING_ENTER_GETEVENTS : 0;
  int taken = syscall(SYS_io_uring_enter, ring, tail - submitted, least, flags, NULL, 0);
  if (taken > 0) submitted += taken;
}

// The completion names the operation and its descriptor again.
static struct io_uring_sqe *prepare(int operation, int fd) {
  while (tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE) > sq_mask) submit_and_wait(0);
  struct io_uring_sqe *sqe = &sqes[tail++ & sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = operation;
  sqe->fd = fd;
  sqe->user_data = (unsigned long long) operation << 32 | (unsigned) fd;
  return sqe;
}

static void prepare_accept(void) {
  prepare(IORING_OP_ACCEPT, listener)->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void prepare_pause(void) {
  static struct __kernel_timespec pause = {.tv_nsec = 100000000};
  struct io_uring_sqe *sqe = prepare(IORING_OP_TIMEOUT, -1);
  sqe->addr = (unsigned long long) &pause;
  sqe->len = 1;
}

static void prepare_recv(int fd) {
  struct io_uring_sqe *sqe = prepare(IORING_OP_RECV, fd);
  sqe->addr = (unsigned long long) (memory + (size_t) SIZE * fd);
  sqe->len = SIZE;
}

static void prepare_send(int fd, int length) {
  struct io_uring_sqe *sqe = prepare(IORING_OP_SEND, fd);
  sqe->addr = (unsigned long long) (memory + (size_t) SIZE * fd);
  sqe->len = lengths[fd] = length;
  sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL; // until all of it has been sent
}

static void accepted(int fd, int more) {
  if (fd >= CLIENTS) close(fd);
  else if (fd >= 0) prepare_recv(fd);
  if (more) return; // one accept is for all clients, until it fails
  if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) prepare_pause();
  else prepare_accept();
}

static void completed(int operation, int fd, int result, unsigned flags) {
  if (operation == IORING_OP_RECV) {
    if (result <= 0) close(fd);
    else shout(memory + (size_t) SIZE * fd, result), prepare_send(fd, result);
  } else if (operation == IORING_OP_SEND) {
    if (result < lengths[fd]) close(fd); // the connection is broken
    else prepare_recv(fd);
  } else if (operation == IORING_OP_ACCEPT) accepted(result, flags & IORING_CQE_F_MORE);
  else prepare_accept(); // the pause is over
}

static void *map(size_t size, int flags, int fd, off_t offset) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
}

static int setup(void) {
  struct io_uring_params params = {
    .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
             IORING_SETUP_DEFER_TASKRUN,
    .cq_entries = CQ_ENTRIES,
  };
  ring = syscall(SYS_io_uring_setup, SQ_ENTRIES, &params);
  if (ring < 0) return -1;
  size_t size = params.cq_off.cqes + params.cq_entries * sizeof *cqes;
  size_t other = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  char *rings = map(size > other ? size : other, MAP_SHARED | MAP_POPULATE, ring, 0);
  size = params.sq_entries * sizeof *sqes;
  sqes = map(size, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
  memory = map((size_t) SIZE * CLIENTS, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  sq_head = (void *) (rings + params.sq_off.head), sq_tail = (void *) (rings + params.sq_off.tail);
  cq_head = (void *) (rings + params.cq_off.head), cq_tail = (void *) (rings + params.cq_off.tail);
  sq_mask = params.sq_entries - 1, cq_mask = params.cq_entries - 1;
  cqes = (void *) (rings + params.cq_off.cqes);
  unsigned *array = (void *) (rings + params.sq_off.array);
  for (unsigned i = 0; i < params.sq_entries; i++) array[i] = i;
  return 0;
}

int main(void) {
  if (setup()) return perror("io_uring is not available: io_uring_setup"), 1;
  int one = 1;
  listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(listener, (void *) &address, length) || listen(listener, 4096)) return 1;
  getsockname(listener, (void *) &address, &length);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  prepare_accept();
  for (;;) {
    submit_and_wait(1);
    unsigned head = *cq_head, end = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
    for (; head != end; head++) {
      struct io_uring_cqe *cqe = &cqes[head & cq_mask];
      completed(cqe->user_data >> 32, cqe->user_data, cqe->res, cqe->flags);
    }
    __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
  }
}
