// Lesson 06's server in C, with which TypeScript is compared. It is compiled by cc -O3 epoll.c:
// gcc 12 makes vector instructions of the loop in shout with -O3, and not with -O2.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64 * 1024, CLIENTS = 32768, PAUSE = 100 };

// epoll_loops.c has several loops.
#ifndef PER_LOOP
#define PER_LOOP
#endif

static struct { char *bytes; size_t start, end; } unsent[CLIENTS];
static PER_LOOP unsigned char buffer[SIZE];
static PER_LOOP int epoll, listener;
static PER_LOOP long paused_until; // 0: it accepts clients

static long now(void) { // in milliseconds
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Without a branch, since a loop with one has no vector instructions.
static void shout(unsigned char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) bytes[i] -= (bytes[i] >= 'a' && bytes[i] <= 'z') << 5;
}

static void watch(int operation, int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  epoll_ctl(epoll, operation, fd, &event);
}

static void end_pause(void) {
  if (paused_until) watch(EPOLL_CTL_MOD, listener, EPOLLIN);
  paused_until = 0;
}

static void accept_one(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd >= CLIENTS) close(fd);
  else if (fd >= 0) watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    // The listener stays ready, so going on would be a busy loop until a client has gone.
    watch(EPOLL_CTL_MOD, listener, 0);
    paused_until = now() + PAUSE;
  }
}

static void drop(int fd) {
  free(unsent[fd].bytes);
  memset(&unsent[fd], 0, sizeof unsent[fd]);
  close(fd);
  end_pause();
}

static void answer(int fd) {
  ssize_t length = recv(fd, buffer, SIZE, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) return drop(fd);
  shout(buffer, length);
  ssize_t sent = send(fd, buffer, length, MSG_NOSIGNAL);
  if (sent == length) return;
  if (sent < 0 && errno != EAGAIN) return drop(fd);
  if (sent < 0) sent = 0;
  unsent[fd].start = 0;
  unsent[fd].end = length - sent;
  unsent[fd].bytes = memcpy(malloc(length - sent), buffer + sent, length - sent);
  watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void flush(int fd) {
  size_t length = unsent[fd].end - unsent[fd].start;
  ssize_t sent = send(fd, unsent[fd].bytes + unsent[fd].start, length, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return drop(fd);
  if (sent > 0) unsent[fd].start += sent;
  if (unsent[fd].start < unsent[fd].end) return;
  free(unsent[fd].bytes);
  unsent[fd].bytes = NULL;
  watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

// Makes what a loop needs: an epoll instance, and in it a listener on a port of 127.0.0.1, with an
// option of SOL_SOCKET or 0. Returns the port.
static int prepare(int port, int option) {
  int one = 1;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (option) setsockopt(listener, SOL_SOCKET, option, &one, sizeof one);
  if (bind(listener, (void *) &address, length) || listen(listener, 4096)) exit(1);
  getsockname(listener, (void *) &address, &length);
  epoll = epoll_create1(0);
  watch(EPOLL_CTL_ADD, listener, EPOLLIN);
  return ntohs(address.sin_port);
}

static void serve(void) {
  static PER_LOOP struct epoll_event events[1024];
  for (;;) {
    int ready = epoll_wait(epoll, events, 1024, paused_until ? PAUSE : -1);
    if (paused_until && now() >= paused_until) end_pause();
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_one();
      else if (unsent[fd].bytes) flush(fd);
      else answer(fd);
    }
  }
}

#ifndef LOOPS
int main(void) {
  printf("listening on 127.0.0.1:%d\n", prepare(0, 0));
  fflush(stdout);
  serve();
}
#endif
