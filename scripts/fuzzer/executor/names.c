// Operations on names, and running a program.
#define _GNU_SOURCE
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

void op_link(struct tokens *in) {
  struct place from = take_place(in), to = take_place(in);
  int flags = (int)take_number(in);
  answer(linkat(from.directory, from.name, to.directory, to.name, flags | from.flags));
}

// Gives an open file a name: through /proc/self/fd, or by AT_EMPTY_PATH (needs privilege).
void op_linkslot(struct tokens *in) {
  int fd = take_slot(in);
  struct place to = take_place(in);
  if (take_number(in)) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    answer(linkat(AT_FDCWD, path, to.directory, to.name, AT_SYMLINK_FOLLOW));
  } else {
    answer(linkat(fd, "", to.directory, to.name, AT_EMPTY_PATH));
  }
}

void op_unlink(struct tokens *in) {
  struct place place = take_place(in);
  answer(unlinkat(place.directory, place.name, 0));
}

void op_rmdir(struct tokens *in) {
  struct place place = take_place(in);
  answer(unlinkat(place.directory, place.name, AT_REMOVEDIR));
}

void op_mkdir(struct tokens *in) {
  struct place place = take_place(in);
  answer(mkdirat(place.directory, place.name, (mode_t)take_number(in)));
}

void op_mknod(struct tokens *in) {
  struct place place = take_place(in);
  mode_t mode = (mode_t)take_number(in);
  unsigned major_number = (unsigned)take_number(in), minor_number = (unsigned)take_number(in);
  answer(mknodat(place.directory, place.name, mode, makedev(major_number, minor_number)));
}

void op_symlink(struct tokens *in) {
  const char *target = take(in);
  struct place place = take_place(in);
  answer(symlinkat(target, place.directory, place.name));
}

void op_readlink(struct tokens *in) {
  static char target[PATH_MAX];
  struct place place = take_place(in);
  ssize_t length = readlinkat(place.directory, place.name, target, sizeof target);
  if (!answer(length)) return;
  out(" ");
  out_bytes(target, (size_t)length);
}

void op_rename(struct tokens *in) {
  struct place from = take_place(in), to = take_place(in);
  unsigned flags = (unsigned)take_number(in);
  answer(syscall(SYS_renameat2, from.directory, from.name, to.directory, to.name, flags));
}

// Runs the file; the answer is its exit status, or execve's errno.
void op_exec(struct tokens *in) {
  struct place place = take_place(in);
  int report[2], status = 0, error = 0;
  if (pipe2(report, O_CLOEXEC) < 0) {
    answer(-1);
    return;
  }
  pid_t child = fork();
  if (child == 0) {
    char *arguments[] = {"program", NULL}, *environment[] = {NULL};
    // Not through the numbers of the conductor's own descriptors: they close on exec.
    syscall(SYS_execveat, place.directory, place.name, arguments, environment, place.flags);
    error = errno;
    if (write(report[1], &error, sizeof error) < 0) _exit(126);
    _exit(127);
  }
  close(report[1]);
  ssize_t reported = read(report[0], &error, sizeof error);
  close(report[0]);
  if (child < 0 || waitpid(child, &status, 0) < 0) {
    answer(-1);
  } else if (reported == (ssize_t)sizeof error) {
    errno = error;
    answer(-1);
  } else {
    answer(status);
  }
}
