/* What a container writes, line by line, in the format of Kubernetes' container logs (CRI): time,
 * stream, F for a whole line or P for a part of one, and the bytes as they came. Unlike docker's
 * JSON it needs no escapes, so that no byte is lost, and `grep` reads it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "monitor.h"

/* Longer lines are written in parts (as containerd does). */
#define LINE 16384

struct line {
  const char *name;
  size_t length;
  char bytes[LINE];
};

static int file = -1;
static struct line lines[] = {{.name = "stdout"}, {.name = "stderr"}};

int open_log(void) {
  file = open("log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  return file < 0 ? -errno : 0;
}

static void write_line(struct line *line, char kind) {
  struct timespec at;
  struct tm day;
  char head[64];
  clock_gettime(CLOCK_REALTIME, &at);
  gmtime_r(&at.tv_sec, &day);
  size_t length = strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &day);
  length += (size_t)snprintf(head + length, sizeof head - length, ".%09ldZ %s %c ", at.tv_nsec,
                             line->name, kind);
  struct iovec parts[] = {{head, length}, {line->bytes, line->length}, {"\n", 1}};
  /* One write a line: readers see whole ones. A full disk loses lines, not the container. */
  ssize_t wrote = writev(file, parts, 3);
  (void)wrote;
  line->length = 0;
}

void log_bytes(enum stream stream, const char *bytes, size_t length) {
  struct line *line = &lines[stream];
  while (length > 0) {
    const char *newline = memchr(bytes, '\n', length);
    size_t piece = newline == NULL ? length : (size_t)(newline - bytes);
    bool fits = piece <= LINE - line->length;
    if (!fits) piece = LINE - line->length;
    memcpy(line->bytes + line->length, bytes, piece);
    line->length += piece;
    bytes += piece;
    length -= piece;
    if (!fits) {
      write_line(line, 'P');
    } else if (newline != NULL) {
      write_line(line, 'F');
      bytes++;
      length--;
    }
  }
}

void end_log(void) {
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (lines[i].length > 0) write_line(&lines[i], 'P');
}
