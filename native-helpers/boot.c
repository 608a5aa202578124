/* The boot program: a container's first process. It runs from the bootfs, beside its configuration
 * and what the kernel was when that was written; waits until it is told that the root filesystem
 * is there; looks for itself; and becomes the OCI runtime, after which nothing of the bootfs is in
 * use any more.
 *
 * Started in the container's folder: ./bootfs, ./rootfs, and ./config.json for the runtime. 0, 1
 * and 2 are the container's own, 3 says "go". What is wrong goes to ./runtime.log. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RDONLY 1 /* f_flags, as ST_RDONLY */

enum { GO = 3, MAX_WORDS = 64 };

static char configuration[16384];
static bool read_only;
static char *runtime[MAX_WORDS];

static void fail(const char *format, ...) {
  char text[512], line[600];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  int length = snprintf(line, sizeof line, "{\"level\":\"error\",\"msg\":\"boot: %s\"}\n", text);
  int fd = open("runtime.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  ssize_t wrote = write(fd, line, (size_t)length);
  (void)wrote;
  _exit(125);
}

static void read_file(const char *path, char *text, size_t room) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, room - 1);
  if (length < 0) fail("%s: %s", path, strerror(errno));
  close(fd);
  text[length] = '\0';
}

static void read_configuration(void) {
  int words = 0;
  read_file("bootfs/config", configuration, sizeof configuration);
  char *rest = configuration;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
    if (strcmp(line, "read-only=1") == 0) read_only = true;
    if (strncmp(line, "run=", 4) == 0 && words < MAX_WORDS - 1) runtime[words++] = line + 4;
  }
  if (words == 0) fail("the boot configuration names no runtime");
}

/* The kernel that was referred to is the one that runs. */
static void check_kernel(void) {
  char text[1024], expected[512];
  struct utsname name;
  read_file("bootfs/kernel", text, sizeof text);
  if (uname(&name) < 0) fail("uname: %s", strerror(errno));
  int length = snprintf(expected, sizeof expected, "release=%s\n", name.release);
  if (strncmp(text, expected, (size_t)length) != 0)
    fail("the kernel is %s, which is not the one of the boot configuration", name.release);
}

static void wait_for_go(void) {
  char byte;
  ssize_t got;
  do got = read(GO, &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) _exit(125);
  close(GO);
}

/* It is mounted, it answers, and it can be written exactly if it should be. */
static void check_root(void) {
  struct statfs space;
  struct statx root;
  if (statfs("rootfs", &space) < 0) fail("rootfs: %s", strerror(errno));
  if (((space.f_flags & RDONLY) != 0) != read_only)
    fail("rootfs is %s", read_only ? "writable" : "read-only");
  if (statx(AT_FDCWD, "rootfs", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &root) < 0)
    fail("rootfs: %s", strerror(errno));
  if (!S_ISDIR(root.stx_mode) || (root.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0)
    fail("rootfs is not mounted");
}

int main(void) {
  read_configuration();
  check_kernel();
  wait_for_go();
  check_root();
  execv(runtime[0], runtime);
  fail("%s: %s", runtime[0], strerror(errno));
}
