/* How a container ended: the status, and the record of it. The record's place on the disk is taken
 * before the container starts, so that one that fills the disk ends with its own status. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor.h"

enum { RECORD = 256 };

static int record = -1;

static int write_record(char text[RECORD]) {
  ssize_t wrote;
  do wrote = pwrite(record, text, RECORD, 0);
  while (wrote < 0 && errno == EINTR);
  return wrote == RECORD ? 0 : wrote < 0 ? -errno : -ENOSPC;
}

int reserve_exit(void) {
  char blank[RECORD];
  record = open("exit.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (record < 0) return -errno;
  /* On a filesystem that writes anew what is overwritten, only this keeps the place. */
  if (fallocate(record, 0, 0, RECORD) == 0) return 0;
  if (errno != EOPNOTSUPP) return -errno;
  memset(blank, ' ', sizeof blank);
  return write_record(blank);
}

/* Replaced as a whole: whoever reads it sees how the container ended, or nothing. */
int record_exit(int code, bool started) {
  struct timespec at;
  struct tm day;
  char time_text[64], text[RECORD];
  if (record < 0) return -EBADF;
  clock_gettime(CLOCK_REALTIME, &at);
  gmtime_r(&at.tv_sec, &day);
  strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &day);
  int length = snprintf(text, sizeof text,
                        "{\"code\":%d,\"started\":%s,\"finishedAt\":\"%s.%09ldZ\"}", code,
                        started ? "true" : "false", time_text, at.tv_nsec);
  memset(text + length, ' ', sizeof text - (size_t)length);
  text[RECORD - 1] = '\n';
  int result = write_record(text);
  if (result == 0 && fsync(record) < 0) result = -errno;
  if (result == 0 && rename("exit.json.new", "exit.json") < 0) result = -errno;
  return result;
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int failure_code(void) {
  static char text[65536];
  int fd = open("runtime.log", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return 125;
  text[length] = '\0';
  if (strstr(text, "permission denied") != NULL || strstr(text, "is a directory") != NULL ||
      strstr(text, "Permission denied") != NULL)
    return 126;
  if (strstr(text, "executable file") != NULL || strstr(text, "no such file") != NULL) return 127;
  return 125;
}
