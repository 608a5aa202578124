// Operations on open files: data, space, offsets, locks and mappings.
#define _GNU_SOURCE
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void op_open(struct tokens *in) {
  int slot = (int)take_number(in);
  struct place place = take_place(in);
  int flags = (int)take_number(in);
  mode_t mode = (mode_t)take_number(in);
  if (slot < 0 || slot >= SLOTS) {
    errno = EINVAL;
    answer(-1);
    return;
  }
  if (slots[slot] >= 0) close(slots[slot]);
  // O_NONBLOCK: a FIFO must not stop the sequence. It changes nothing for the other types.
  int fd = openat(place.directory, place.name, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, mode);
  slots[slot] = fd;
  forget_positions(slot);
  answer(fd < 0 ? -1 : 0);
}

void op_close(struct tokens *in) {
  int slot = (int)take_number(in);
  int fd = slot >= 0 && slot < SLOTS ? slots[slot] : -1;
  if (fd >= 0) slots[slot] = -1;
  answer(close(fd));
}

static void answer_data(ssize_t length, const unsigned char *buffer) {
  if (!answer(length)) return;
  out(" %016llx", (unsigned long long)hash_more(HASH_START, buffer, (size_t)length));
}

void op_read(struct tokens *in) {
  int fd = take_slot(in);
  size_t length = (size_t)take_number(in);
  unsigned char *buffer = data_buffer(length);
  answer_data(read(fd, buffer, length), buffer);
}

void op_pread(struct tokens *in) {
  int fd = take_slot(in);
  size_t length = (size_t)take_number(in);
  off_t offset = take_number(in);
  unsigned char *buffer = data_buffer(length);
  answer_data(pread(fd, buffer, length, offset), buffer);
}

void op_write(struct tokens *in) {
  int fd = take_slot(in);
  size_t length = (size_t)take_number(in);
  unsigned char *buffer = data_buffer(length);
  pattern(buffer, length, (uint32_t)take_number(in));
  answer(write(fd, buffer, length));
}

void op_pwrite(struct tokens *in) {
  int fd = take_slot(in);
  size_t length = (size_t)take_number(in);
  off_t offset = take_number(in);
  unsigned char *buffer = data_buffer(length);
  pattern(buffer, length, (uint32_t)take_number(in));
  answer(pwrite(fd, buffer, length, offset));
}

void op_truncate(struct tokens *in) {
  char room[4200];
  struct place place = take_place(in);
  answer(truncate(place_path(place, room), take_number(in)));
}

void op_ftruncate(struct tokens *in) {
  int fd = take_slot(in);
  answer(ftruncate(fd, take_number(in)));
}

void op_fallocate(struct tokens *in) {
  int fd = take_slot(in);
  int mode = (int)take_number(in);
  off_t offset = take_number(in);
  answer(fallocate(fd, mode, offset, take_number(in)));
}

void op_lseek(struct tokens *in) {
  int fd = take_slot(in);
  off_t offset = take_number(in);
  answer(lseek(fd, offset, (int)take_number(in)));
}

// Where data or a hole begins; the position stays, since it is each filesystem's own.
void op_seekdata(struct tokens *in) {
  int fd = take_slot(in);
  off_t offset = take_number(in), before = lseek(fd, 0, SEEK_CUR);
  off_t found = lseek(fd, offset, (int)take_number(in));
  int error = errno;
  if (before >= 0) lseek(fd, before, SEEK_SET);
  errno = error;
  answer(found);
}

void op_copy(struct tokens *in) {
  int from = take_slot(in);
  off64_t from_offset = take_number(in);
  int to = take_slot(in);
  off64_t to_offset = take_number(in);
  size_t length = (size_t)take_number(in), done = 0;
  ssize_t copied = 0;
  // To the end: a filesystem that can share blocks stops at the last whole one.
  do {
    copied = copy_file_range(from, from_offset < 0 ? NULL : &from_offset, to,
                             to_offset < 0 ? NULL : &to_offset, length - done, 0);
    if (copied > 0) done += (size_t)copied;
  } while (copied > 0 && done < length);
  answer(copied < 0 && done == 0 ? -1 : (long long)done);
}

void op_fsync(struct tokens *in) {
  int fd = take_slot(in);
  answer(take_number(in) ? fdatasync(fd) : fsync(fd));
}

void op_syncfs(struct tokens *in) { answer(syncfs(take_slot(in))); }

// ---- locks ----

void op_flock(struct tokens *in) {
  int fd = take_slot(in);
  answer(flock(fd, (int)take_number(in) | LOCK_NB));
}

static struct flock take_lock(struct tokens *in) {
  struct flock lock = {0};
  lock.l_type = (short)take_number(in);
  lock.l_whence = SEEK_SET;
  lock.l_start = take_number(in);
  lock.l_len = take_number(in);
  return lock;
}

void op_lock(struct tokens *in) {
  int fd = take_slot(in);
  int command = take_number(in) ? F_OFD_SETLK : F_SETLK;
  struct flock lock = take_lock(in);
  answer(fcntl(fd, command, &lock));
}

void op_getlock(struct tokens *in) {
  int fd = take_slot(in);
  int command = take_number(in) ? F_OFD_GETLK : F_GETLK;
  struct flock lock = take_lock(in);
  if (!answer(fcntl(fd, command, &lock))) return;
  out(" %d", lock.l_type);
  if (lock.l_type != F_UNLCK) out(" %lld %lld", (long long)lock.l_start, (long long)lock.l_len);
}

// ---- mappings ----

static sigjmp_buf bus_error;
static void on_bus_error(int signal) {
  (void)signal;
  siglongjmp(bus_error, 1);
}

// Touches the mapping; 0, or -1 with EFAULT where the file has no such page (SIGBUS).
static int touch(unsigned char *map, size_t length, unsigned char *buffer, bool write) {
  struct sigaction action = {.sa_handler = on_bus_error}, before;
  sigaction(SIGBUS, &action, &before);
  int result = 0;
  if (sigsetjmp(bus_error, 1)) {
    errno = EFAULT;
    result = -1;
  } else if (write) {
    memcpy(map, buffer, length);
  } else {
    memcpy(buffer, map, length);
  }
  int keep = errno;
  sigaction(SIGBUS, &before, NULL);
  errno = keep;
  return result;
}

// On the disk, with the times that come with it: FUSE without passthrough writes mapped pages
// at a time of its own choosing.
static int settle(unsigned char *at, size_t length) {
  size_t before = (uintptr_t)at & 4095;
  return msync(at - before, length + before, MS_SYNC);
}

// How many of the bytes mapped lie within the file. Not compared: 'mapped bytes beyond the end'.
static size_t within_file(int fd, off_t offset, size_t length) {
  struct stat attributes;
  if (fstat(fd, &attributes) < 0 || attributes.st_size <= offset) return 0;
  off_t rest = attributes.st_size - offset;
  return rest < (off_t)length ? (size_t)rest : length;
}

static void map_once(struct tokens *in, bool write) {
  int fd = take_slot(in);
  off_t offset = take_number(in) & ~4095LL;
  size_t length = (size_t)take_number(in);
  unsigned char *buffer = data_buffer(length);
  if (write) pattern(buffer, length, (uint32_t)take_number(in));
  bool settles = write && take_number(in);
  int protection = write ? PROT_READ | PROT_WRITE : PROT_READ;
  unsigned char *map = mmap(NULL, length, protection, MAP_SHARED, fd, offset);
  if (map == MAP_FAILED) {
    answer(-1);
    return;
  }
  int result = touch(map, length, buffer, write);
  if (result == 0 && settles) result = settle(map, length);
  int keep = errno;
  munmap(map, length);
  size_t compared = within_file(fd, offset, length);
  errno = keep;
  if (answer(result) && !write)
    out(" %016llx", (unsigned long long)hash_more(HASH_START, buffer, compared));
}

void op_map_read(struct tokens *in) { map_once(in, false); }
void op_map_write(struct tokens *in) { map_once(in, true); }

// Mappings that stay: numbered like slots, each its own table.
static struct {
  unsigned char *at;
  size_t length;
  // The file stays open as long as the mapping is there, if asked for; else 0.
  int file;
} maps[SLOTS];

static int drop_map(int number) {
  int result = munmap(maps[number].at, maps[number].length);
  int keep = errno;
  if (maps[number].file) close(maps[number].file);
  maps[number].at = NULL;
  maps[number].file = 0;
  errno = keep;
  return result;
}

void op_map(struct tokens *in) {
  int number = (int)take_number(in) % SLOTS;
  int fd = take_slot(in);
  off_t offset = take_number(in) & ~4095LL;
  size_t length = (size_t)take_number(in);
  int protection = take_number(in) ? PROT_READ | PROT_WRITE : PROT_READ;
  bool holds = take_number(in);
  if (maps[number].at) drop_map(number);
  void *map = mmap(NULL, length, protection, MAP_SHARED, fd, offset);
  if (map != MAP_FAILED) {
    maps[number].at = map;
    maps[number].length = length;
    if (holds) maps[number].file = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  }
  answer(map == MAP_FAILED ? -1 : 0);
}

void op_unmap(struct tokens *in) {
  int number = (int)take_number(in) % SLOTS;
  errno = EBADF;
  answer(maps[number].at ? drop_map(number) : -1);
}

static void map_touch(struct tokens *in, bool write) {
  int number = (int)take_number(in) % SLOTS;
  size_t offset = (size_t)take_number(in), length = (size_t)take_number(in);
  unsigned char *buffer = data_buffer(length);
  if (write) pattern(buffer, length, (uint32_t)take_number(in));
  bool settles = write && take_number(in);
  if (!maps[number].at || offset + length > maps[number].length) {
    errno = EBADF;
    answer(-1);
    return;
  }
  int result = touch(maps[number].at + offset, length, buffer, write);
  if (result == 0 && settles) result = settle(maps[number].at + offset, length);
  if (answer(result) && !write)
    out(" %016llx", (unsigned long long)hash_more(HASH_START, buffer, length));
}

void op_mapped_read(struct tokens *in) { map_touch(in, false); }
void op_mapped_write(struct tokens *in) { map_touch(in, true); }
