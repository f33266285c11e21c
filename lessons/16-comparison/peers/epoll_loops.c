// Lesson 20's server in C: epoll.c with a thread for each of two loops, each with a listener of its
// own on the same port. The bytes that a client has to get are kept by its descriptor, and so by the
// loop that accepted it.
#define LOOPS 2
#define PER_LOOP _Thread_local
#include "epoll.c"
#include <pthread.h>

static pthread_barrier_t prepared; // by all, before clients come and take descriptors

static void *begin(void *port) {
  prepare(*(int *) port, SO_REUSEPORT);
  pthread_barrier_wait(&prepared);
  serve();
  return NULL;
}

int main(void) {
  int port = prepare(0, SO_REUSEPORT);
  pthread_t thread;
  pthread_barrier_init(&prepared, NULL, LOOPS);
  for (int i = 1; i < LOOPS; i++) {
    if (pthread_create(&thread, NULL, begin, &port)) return 1;
  }
  pthread_barrier_wait(&prepared);
  printf("listening on 127.0.0.1:%d\n", port);
  fflush(stdout);
  serve();
}
