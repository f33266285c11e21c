/* Lesson 04: what the macro FD_SET of C does with descriptor 1,024, see select(2) (BUGS). */

#include <stdio.h>
#include <sys/select.h>

int main(void) {
  static struct {
    fd_set set;
    long behind;
  } memory;
  volatile int fd = FD_SETSIZE; /* unknown to the compiler, as a descriptor is */
  FD_SET(fd, &memory.set);
  printf("FD_SET(%d) has set a bit behind the set: %ld\n", fd, memory.behind);
  return 0;
}
