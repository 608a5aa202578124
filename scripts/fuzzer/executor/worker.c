// One worker: a process with given credentials that performs one operation a line and answers
// with one line. The conductor starts it; see conductor.c.
#define _GNU_SOURCE
#include "operations.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

int slots[SLOTS];

static const struct {
  const char *name;
  operation *run;
} table[] = {
    {"open", op_open},
    {"close", op_close},
    {"read", op_read},
    {"pread", op_pread},
    {"write", op_write},
    {"pwrite", op_pwrite},
    {"truncate", op_truncate},
    {"ftruncate", op_ftruncate},
    {"fallocate", op_fallocate},
    {"lseek", op_lseek},
    {"seekdata", op_seekdata},
    {"copy", op_copy},
    {"fsync", op_fsync},
    {"syncfs", op_syncfs},
    {"flock", op_flock},
    {"lock", op_lock},
    {"getlock", op_getlock},
    {"mapread", op_map_read},
    {"mapwrite", op_map_write},
    {"map", op_map},
    {"unmap", op_unmap},
    {"mappedread", op_mapped_read},
    {"mappedwrite", op_mapped_write},
    {"link", op_link},
    {"linkslot", op_linkslot},
    {"unlink", op_unlink},
    {"rmdir", op_rmdir},
    {"mkdir", op_mkdir},
    {"mknod", op_mknod},
    {"symlink", op_symlink},
    {"readlink", op_readlink},
    {"rename", op_rename},
    {"exec", op_exec},
    {"stat", op_stat},
    {"lstat", op_lstat},
    {"fstat", op_fstat},
    {"chmod", op_chmod},
    {"fchmod", op_fchmod},
    {"chown", op_chown},
    {"fchown", op_fchown},
    {"utimes", op_utimes},
    {"futimes", op_futimes},
    {"statfs", op_statfs},
    {"access", op_access},
    {"getflags", op_getflags},
    {"setflags", op_setflags},
    {"getxflags", op_getxflags},
    {"setxflags", op_setxflags},
    {"setxattr", op_setxattr},
    {"getxattr", op_getxattr},
    {"listxattr", op_listxattr},
    {"removexattr", op_removexattr},
    {"fsetxattr", op_fsetxattr},
    {"fgetxattr", op_fgetxattr},
    {"flistxattr", op_flistxattr},
    {"fremovexattr", op_fremovexattr},
    {"list", op_list},
    {"dirread", op_dirread},
    {"dirseek", op_dirseek},
    {"tree", op_tree},
    {"program", op_program},
    {"umask", op_umask},
    {"root", op_root},
    {"leave", op_leave},
};

struct place take_place(struct tokens *in) {
  while (*in->next == ' ') in->next++;
  // An `@` that belongs to a name arrives as %40.
  bool below_slot = *in->next == '@';
  char *token = take(in);
  struct place place = {AT_FDCWD, token, 0};
  if (!below_slot) return place;
  char *rest;
  long slot = strtol(token + 1, &rest, 10);
  place.directory = slot >= 0 && slot < SLOTS ? slots[slot] : -1;
  place.name = *rest == '/' ? rest + 1 : rest;
  if (!*place.name) place.flags = AT_EMPTY_PATH;
  return place;
}

const char *place_path(struct place place, char room[4200]) {
  if (place.directory == AT_FDCWD) return place.name;
  const char *between = *place.name ? "/" : "";
  snprintf(room, 4200, "/proc/self/fd/%d%s%s", place.directory, between, place.name);
  return room;
}

int take_slot(struct tokens *in) {
  long long slot = take_number(in);
  return slot >= 0 && slot < SLOTS ? slots[slot] : -1;
}

bool answer(long long result) {
  if (result < 0) out("-%d", errno);
  else out("%lld", result);
  return result >= 0;
}

unsigned char *data_buffer(size_t length) {
  static unsigned char *buffer;
  static size_t room;
  if (length > room || !buffer) {
    free(buffer);
    room = (length | 0xffff) + 1;
    buffer = aligned_alloc(4096, room);
    if (!buffer) abort();
  }
  return buffer;
}

void op_umask(struct tokens *in) {
  umask((mode_t)take_number(in));
  answer(0);
}

// The saved id is root's, so that the root of a mount can be entered whatever its mode.
void op_root(struct tokens *in) {
  uid_t uid = geteuid();
  int raised = seteuid(0);
  int result = chdir(take(in));
  int error = errno;
  if (raised < 0 || seteuid(uid) < 0) abort();
  errno = error;
  answer(result);
}

void op_leave(struct tokens *in) {
  (void)in;
  for (int slot = 0; slot < SLOTS; slot++) {
    if (slots[slot] >= 0) close(slots[slot]);
    slots[slot] = -1;
  }
  for (int number = 0; number < SLOTS; number++) {
    char line[16];
    snprintf(line, sizeof line, "%d", number);
    struct tokens unmap = {line};
    out_reset();
    op_unmap(&unmap);
  }
  out_reset();
  answer(chdir("/"));
}

static void become(const struct identity *identity) {
  if (setgroups(identity->group_count, identity->groups) < 0 ||
      setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
      setresuid(identity->uid, identity->uid, 0) < 0) {
    perror("credentials");
    exit(1);
  }
  // Otherwise /proc/self would belong to root for a process that changed its ids.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  umask(identity->umask);
}

static void perform(char *line) {
  struct tokens in = {line};
  const char *name = take(&in);
  out_reset();
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    if (strcmp(table[i].name, name) == 0) {
      table[i].run(&in);
      return;
    }
  }
  out("unknown operation %s", name);
}

static void send_line(int socket) {
  size_t length;
  const char *line = out_line(&length);
  while (length > 0) {
    ssize_t sent = write(socket, line, length);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) exit(0);
    line += sent;
    length -= (size_t)sent;
  }
}

void worker(int socket, const struct identity *identity) {
  prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0);
  become(identity);
  for (int i = 0; i < SLOTS; i++) slots[i] = -1;
  FILE *lines = fdopen(dup(socket), "r");
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while (lines && (length = getline(&line, &room, lines)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    perform(line);
    send_line(socket);
  }
  exit(0);
}
