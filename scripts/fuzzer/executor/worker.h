// What the parts of the executor share: one worker, its credentials and its open files.
#ifndef WORKER_H
#define WORKER_H

#include <sys/types.h>

struct identity {
  uid_t uid;
  gid_t gid;
  gid_t groups[16];
  size_t group_count;
  mode_t umask;
};

// Serves lines from the socket until it is closed; never returns.
void worker(int socket, const struct identity *identity) __attribute__((noreturn));

#endif
