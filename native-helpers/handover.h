/* Handing a command to a running daemon, and the frames that it answers with. */
#ifndef PLYFS_HANDOVER_H
#define PLYFS_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

/* The caller has to do by itself what was asked for. */
enum { NOT_HANDED_OVER = -1 };

/* Has the daemon do it; the exit status, `failure` where the daemon is lost on the way. */
int hand_over(const char *name, int argc, char **argv, int failure);

/* A letter, three zero bytes, a length (32 bits, big endian), and as many bytes. */
enum { FRAME_HEAD = 8 };

struct frame {
  char letter;
  size_t length;
  char *bytes; /* the caller's to free; two NULs follow them */
};

/* Waits for one frame; false when there is none any more. */
bool receive_frame(int fd, struct frame *frame);

/* A connection to a socket, however long its path; or -errno. */
int connect_socket(const char *path);

/* As much of it as the other side takes. */
void write_all(int fd, const char *bytes, size_t length);

#endif
