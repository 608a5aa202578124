/* Hands a command line to a running daemon: with the words, the directory and the environment it was
 * called with, over the daemon's socket, as docs/daemon.md describes POST /v1/commands. Whenever that
 * is not to be had, and nothing has been done yet, the caller goes on by itself. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach.h"

extern char **environ;

#define ROOT_SOCKET "/run/plyfs/plyfs.sock"
#define SCHEME "unix://"
/* Bytes of the head of an answer. */
#define MOST_HEAD 4096
/* Of one frame: an error may show what a whole image lacks. */
#define MOST_FRAME (16 * 1024 * 1024)

/* ---- where the daemon is ---------------------------------------------------------------------- */

struct place {
  char path[PATH_MAX];
  bool explicit; /* the user has named it */
};

/* False when no daemon is to be asked. */
static bool find_socket(struct place *place) {
  const char *host = getenv("PLYFS_HOST");
  place->explicit = host != NULL && *host != '\0';
  if (place->explicit) {
    if (strncmp(host, SCHEME, strlen(SCHEME)) == 0) host += strlen(SCHEME);
    snprintf(place->path, PATH_MAX, "%s", host);
    return strcmp(host, "none") != 0;
  }
  if (geteuid() == 0) {
    strcpy(place->path, ROOT_SOCKET);
    return true;
  }
  const char *runtime = getenv("XDG_RUNTIME_DIR");
  int length = runtime != NULL && *runtime == '/'
                   ? snprintf(place->path, PATH_MAX, "%s/plyfs/plyfs.sock", runtime)
                   : snprintf(place->path, PATH_MAX, "/run/user/%u/plyfs/plyfs.sock", geteuid());
  return length < PATH_MAX;
}

/* The folder's descriptor in `folder`, since an address has 108 bytes, which a path may exceed. */
int connect_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (*path != '/' || slash == NULL) return -EINVAL;
  snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return -errno;
  int length = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d%s", at, slash);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result = fd < 0 ? -errno : length >= (int)sizeof address.sun_path ? -ENAMETOOLONG : 0;
  /* One that does not accept is as good as none. */
  struct timeval patience = {.tv_sec = 2};
  if (result == 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (result == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) result = -errno;
  close(at);
  if (result == 0) return fd;
  if (fd >= 0) close(fd);
  return result;
}

/* What another user's daemon mounts would be that user's. */
static bool is_served_by_us(int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

/* ---- what is asked ---------------------------------------------------------------------------- */

struct text {
  char *bytes;
  size_t length, room;
  bool failed;
};

/* One field and the NUL behind it. */
static void add(struct text *text, const char *field) {
  size_t more = strlen(field) + 1;
  if (text->length + more > text->room) {
    size_t room = 2 * text->room + more;
    char *larger = realloc(text->bytes, room);
    if (larger == NULL) text->failed = true;
    if (larger == NULL) return;
    text->bytes = larger;
    text->room = room;
  }
  memcpy(text->bytes + text->length, field, more);
  text->length += more;
}

static bool describe(struct text *text, const char *name, int argc, char **argv) {
  char directory[PATH_MAX], count[16], terminals[4] = "---";
  if (getcwd(directory, sizeof directory) == NULL || directory[0] != '/') return false;
  snprintf(count, sizeof count, "%d", argc - 1);
  for (int fd = 0; fd < 3; fd++)
    if (isatty(fd)) terminals[fd] = 't';
  const char *const first[] = {PLYFS_VERSION, name, terminals, directory, count};
  for (size_t i = 0; i < sizeof first / sizeof *first; i++) add(text, first[i]);
  for (int i = 1; i < argc; i++) add(text, argv[i]);
  for (char **one = environ; *one != NULL; one++) add(text, *one);
  return !text->failed;
}

static bool send_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

static bool send_request(int fd, const struct text *body) {
  char head[160];
  int length = snprintf(head, sizeof head,
                        "POST /v1/commands HTTP/1.0\r\nHost: plyfs\r\nContent-Length: %zu\r\n\r\n",
                        body->length);
  return send_all(fd, head, (size_t)length) && send_all(fd, body->bytes, body->length);
}

/* ---- what is answered ------------------------------------------------------------------------- */

/* Exactly so many bytes; false when there are fewer. */
static bool receive(int fd, char *bytes, size_t length) {
  while (length > 0) {
    ssize_t got = recv(fd, bytes, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    length -= (size_t)got;
  }
  return true;
}

/* The status of an HTTP answer, its head taken off; 0 for none. */
static int receive_status(int fd) {
  char head[MOST_HEAD];
  int status = 0;
  for (size_t length = 0; length < sizeof head - 1;) {
    if (!receive(fd, head + length, 1)) return 0;
    head[++length] = '\0';
    if (length >= 4 && strcmp(head + length - 4, "\r\n\r\n") == 0)
      return sscanf(head, "HTTP/1.%*d %d", &status) == 1 ? status : 0;
  }
  return 0;
}

static uint32_t length_of(const char *head) {
  const unsigned char *at = (const unsigned char *)head + 4;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool receive_frame(int fd, struct frame *frame) {
  char head[FRAME_HEAD];
  if (!receive(fd, head, sizeof head)) return false;
  frame->letter = head[0];
  frame->length = length_of(head);
  if (frame->length > MOST_FRAME) return false;
  frame->bytes = malloc(frame->length + 2);
  if (frame->bytes == NULL) return false;
  memset(frame->bytes + frame->length, 0, 2);
  if (receive(fd, frame->bytes, frame->length)) return true;
  free(frame->bytes);
  return false;
}

void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t wrote = write(fd, bytes, length);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;
    bytes += wrote;
    length -= (size_t)wrote;
  }
}

/* Does what the frames say until the last one; the exit status. */
static int follow(int fd, int failure) {
  struct frame frame;
  while (receive_frame(fd, &frame)) {
    char letter = frame.letter;
    int status = atoi(frame.bytes);
    /* Letters, a NUL, the folder. */
    if (letter == 'a') status = attach(fd, frame.bytes, frame.bytes + strlen(frame.bytes) + 1);
    if (letter == 'o') write_all(STDOUT_FILENO, frame.bytes, frame.length);
    if (letter == 'e') write_all(STDERR_FILENO, frame.bytes, frame.length);
    free(frame.bytes);
    if (letter == 'x' || (letter == 'a' && status >= 0)) return status;
  }
  fprintf(stderr, "plyfs: the daemon ended before it had answered\n");
  return failure;
}

int hand_over(const char *name, int argc, char **argv, int failure) {
  struct place place;
  if (!find_socket(&place)) return NOT_HANDED_OVER;
  int fd = connect_socket(place.path);
  if (fd < 0 && place.explicit) {
    fprintf(stderr, "plyfs: no daemon answers at %s: %s; PLYFS_HOST=none goes on without one\n",
            place.path, strerror(-fd));
    return failure;
  }
  if (fd < 0) return NOT_HANDED_OVER;
  struct text body = {0};
  int status = NOT_HANDED_OVER;
  if (is_served_by_us(fd) && describe(&body, name, argc, argv) && send_request(fd, &body) &&
      receive_status(fd) == 200)
    status = follow(fd, failure);
  free(body.bytes);
  close(fd);
  return status;
}
