/* The bootfs: a filesystem in memory with the boot program, its configuration and what is known of
 * the kernel that runs. It is filled before it has a place, made read-only, and mounted in a
 * namespace of the monitor's own, so that no other process can inherit a copy of the mount. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "monitor.h"

#define BOOTFS "bootfs"

int enter_namespace(void) {
  if (unshare(CLONE_NEWNS) < 0) return -errno;
  /* Mounts of the host go on to arrive and to leave; ours do not go there. */
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return -errno;
  return 0;
}

static int set_option(int context, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

static int command(int context, unsigned what) {
  return (int)syscall(SYS_fsconfig, context, what, NULL, NULL, 0);
}

static int write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t wrote = write(fd, bytes, length);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return -errno;
    bytes += wrote;
    length -= (size_t)wrote;
  }
  return 0;
}

static int create(int root, const char *name, mode_t mode) {
  int fd = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  return fd < 0 ? -errno : fd;
}

static int copy_program(int root, const char *path) {
  int from = open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) return -errno;
  int to = create(root, "boot", 0555);
  ssize_t sent = to < 0 ? -1 : 1;
  while (sent > 0) sent = sendfile(to, from, NULL, 1 << 20);
  int result = to < 0 ? to : sent < 0 ? -errno : 0;
  if (to >= 0) close(to);
  close(from);
  return result;
}

static int write_text(int root, const char *name, const char *text, size_t length) {
  int fd = create(root, name, 0444);
  if (fd < 0) return fd;
  int result = write_all(fd, text, length);
  close(fd);
  return result;
}

/* One line a fact; the words of the runtime's command each on a line of their own. */
static int write_configuration(int root, const struct boot_settings *settings) {
  char text[16384];
  size_t used = (size_t)snprintf(text, sizeof text, "id=%s\nread-only=%d\n", settings->id,
                                 settings->read_only);
  for (char *const *word = settings->run; *word != NULL && used < sizeof text; word++) {
    if (strchr(*word, '\n') != NULL) return -EINVAL;
    used += (size_t)snprintf(text + used, sizeof text - used, "run=%s\n", *word);
  }
  return used >= sizeof text ? -E2BIG : write_text(root, "config", text, used);
}

static int write_kernel(int root) {
  struct utsname name;
  char text[1024];
  if (uname(&name) < 0) return -errno;
  int length = snprintf(text, sizeof text, "release=%s\nversion=%s\nmachine=%s\n", name.release,
                        name.version, name.machine);
  return write_text(root, "kernel", text, (size_t)length);
}

static int fill(int root, const struct boot_settings *settings) {
  int result = copy_program(root, settings->program);
  if (result == 0) result = write_configuration(root, settings);
  if (result == 0) result = write_kernel(root);
  return result;
}

static int make_read_only(int context, int tree) {
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0) return -errno;
  if (command(context, FSCONFIG_CMD_RECONFIGURE) < 0) return -errno;
  struct mount_attr attributes = {
      .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    return -errno;
  return 0;
}

static int fill_and_place(int context, const struct boot_settings *settings) {
  int tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  if (tree < 0) return -errno;
  int result = fill(tree, settings);
  if (result == 0) result = make_read_only(context, tree);
  if (result == 0 &&
      syscall(SYS_move_mount, tree, "", AT_FDCWD, BOOTFS, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    result = -errno;
  close(tree);
  return result;
}

int mount_bootfs(const struct boot_settings *settings) {
  int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  int result = 0;
  if (set_option(context, "source", "bootfs") < 0 || set_option(context, "mode", "0755") < 0 ||
      set_option(context, "size", "16m") < 0 || command(context, FSCONFIG_CMD_CREATE) < 0)
    result = -errno;
  if (result == 0) result = fill_and_place(context, settings);
  close(context);
  return result;
}

uint64_t bootfs_bytes(void) {
  struct statfs space;
  if (statfs(BOOTFS, &space) < 0 || space.f_type != 0x01021994) return 0;
  return (uint64_t)(space.f_blocks - space.f_bfree) * (uint64_t)space.f_bsize;
}

int unmount_bootfs(void) {
  return umount2(BOOTFS, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}
