// Exercises one file's data against a model in memory, in the way of fsx: reads, writes, direct
// I/O, truncation, mappings, fallocate, holes, zeroed ranges and copies, through descriptors of
// several kinds at once. What is read must always be what was written.
//   exerciser FILE OPERATIONS SEED [anew] [synced] [plain]
// An existing file is read first; the first fifth of the operations only read it, through a
// descriptor that stays open, so that a lower file is copied up under a reader.
// With `anew`, mappings for reading are made of descriptors opened for it: kernel overlayfs maps
// the lower file for a descriptor from before the copy-up, which its documentation says.
// With `synced`, pages are written before direct I/O, and it does not read across the end: xfs
// answers EIO where it meets blocks that are not allocated yet (iomap_dio_iter). With `plain`, fallocate is left out: it does not arrive everywhere.
// Ends with 0, or with 1 after saying which byte is wrong and what was done last.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT (768 * 1024)
#define BLOCK 4096
#define KEPT 40

static unsigned char model[LIMIT], *buffer;
static long size;
static bool anew, synced, plain;
static int early = -1, writer = -1, direct = -1;
static const char *path;
static uint64_t state;
static char history[KEPT][120];
static long step;

static uint32_t next(void) {
  state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (uint32_t)((z ^ (z >> 31)) >> 16);
}

static long below(long bound) { return bound > 0 ? (long)(next() % (uint32_t)bound) : 0; }

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(history[step % KEPT], sizeof history[0], format, arguments);
  va_end(arguments);
}

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
  va_list arguments;
  printf("%s, operation %ld: ", path, step);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\nsize %ld; the last operations:\n", size);
  for (long i = step < KEPT ? 0 : step - KEPT + 1; i <= step; i++)
    printf("  %ld: %s\n", i, history[i % KEPT]);
  fflush(stdout);
  exit(1);
}

static void must(bool held, const char *what) {
  if (!held) fail("%s: %s", what, strerror(errno));
}

static void compare(const unsigned char *found, long offset, long length, const char *how) {
  for (long i = 0; i < length; i++)
    if (found[i] != model[offset + i])
      fail("%s: byte %ld is 0x%02x, not 0x%02x (read %ld+%ld)", how, offset + i, found[i],
           model[offset + i], offset, length);
}

static void fill(long length) {
  uint32_t word = next();
  for (long i = 0; i < length; i++) buffer[i] = (unsigned char)((word >> (i % 4 * 8)) + i / 256);
}

static void grow(long to) {
  if (to > size) {
    memset(model + size, 0, (size_t)(to - size));
    size = to;
  }
}

// ---- reading ----

static void read_through(int fd, long offset, long length, const char *how) {
  ssize_t found = pread(fd, buffer, (size_t)length, offset);
  must(found >= 0, how);
  long expected = offset >= size ? 0 : size - offset < length ? size - offset : length;
  if (found != expected) fail("%s: %ld bytes, not %ld (%ld+%ld)", how, found, expected, offset, length);
  compare(buffer, offset, found, how);
}

static void do_read(void) {
  long offset = below(size + 5000), length = 1 + below(below(10) ? 20000 : LIMIT - 1);
  note("read %ld+%ld", offset, length);
  read_through(early, offset, length, "read by the early descriptor");
}

static void do_direct_read(void) {
  long offset = below(size / BLOCK + 2) * BLOCK, length = (1 + below(20)) * BLOCK;
  note("direct read %ld+%ld", offset, length);
  if (direct < 0) return;
  if (synced) {
    must(fsync(direct) == 0, "fsync");
    // What xfs allocates ahead lies behind the end.
    if (offset + length > size) length = (size - offset) / BLOCK * BLOCK;
    if (length <= 0) return;
  }
  read_through(direct, offset, length, "direct read");
}

static void do_map_read(void) {
  if (size == 0) return;
  long offset = below(size) / BLOCK * BLOCK;
  long length = 1 + below(size - offset < 100000 ? size - offset : 100000);
  note("mapped read %ld+%ld", offset, length);
  int fd = anew ? open(path, O_RDONLY) : early;
  unsigned char *map = mmap(NULL, (size_t)length, PROT_READ, MAP_SHARED, fd, offset);
  must(map != MAP_FAILED, "mmap");
  if (anew) close(fd);
  compare(map, offset, length, "mapped read");
  // Beyond the end, the rest of the last page is zero.
  long end = (size + BLOCK - 1) / BLOCK * BLOCK;
  long mapped = (offset + length + BLOCK - 1) / BLOCK * BLOCK;
  for (long i = size; i < end && i < mapped; i++)
    if (map[i - offset]) fail("mapped read: byte %ld beyond the end is not zero", i);
  munmap(map, (size_t)length);
}

static void do_check_all(void) {
  struct stat s;
  note("check of everything");
  must(fstat(early, &s) == 0 && stat(path, &s) == 0, "stat");
  if (s.st_size != size) fail("stat says %ld bytes, not %ld", (long)s.st_size, size);
  for (long offset = 0; offset < size || offset == 0; offset += 100000)
    read_through(early, offset, 100000, "check of everything");
}

// Where a hole is reported, there are only zeros.
static void do_seek(void) {
  note("seek for holes");
  off_t at = 0;
  while (at < size) {
    off_t data = lseek(early, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) data = size;
    must(data >= at, "SEEK_DATA");
    for (off_t i = at; i < data && i < size; i++)
      if (model[i]) fail("byte %ld is said to be in a hole", (long)i);
    if (data >= size) return;
    at = lseek(early, data, SEEK_HOLE);
    must(at > data, "SEEK_HOLE");
  }
}

// ---- writing ----

static long take_length(long offset) {
  long length = 1 + below(below(10) ? 12000 : 200000);
  return offset + length > LIMIT ? LIMIT - offset : length;
}

static void do_write(void) {
  long offset = below(size + 8000 < LIMIT ? size + 8000 : LIMIT - 1), length = take_length(offset);
  note("write %ld+%ld", offset, length);
  fill(length);
  must(pwrite(writer, buffer, (size_t)length, offset) == length, "pwrite");
  grow(offset + length);
  memcpy(model + offset, buffer, (size_t)length);
}

static void do_append(void) {
  long length = take_length(size);
  if (length < 1) return;
  note("append %ld", length);
  fill(length);
  int fd = open(path, O_WRONLY | O_APPEND);
  must(fd >= 0 && write(fd, buffer, (size_t)length) == length, "append");
  close(fd);
  grow(size + length);
  memcpy(model + size - length, buffer, (size_t)length);
}

static void do_direct_write(void) {
  long offset = below(LIMIT / BLOCK / 2) * BLOCK, length = (1 + below(16)) * BLOCK;
  if (direct < 0) return;
  note("direct write %ld+%ld", offset, length);
  fill(length);
  if (synced) must(fsync(direct) == 0, "fsync");
  must(pwrite(direct, buffer, (size_t)length, offset) == length, "direct write");
  grow(offset + length);
  memcpy(model + offset, buffer, (size_t)length);
}

static void do_truncate(void) {
  long to = below(3) ? below(LIMIT) : below(size + 1);
  note("truncate %ld to %ld", size, to);
  must((below(2) ? ftruncate(writer, to) : truncate(path, to)) == 0, "truncate");
  if (to > size) grow(to);
  size = to;
}

static void do_map_write(void) {
  if (size == 0) return;
  long offset = below(size) / BLOCK * BLOCK;
  long length = 1 + below(size - offset < 50000 ? size - offset : 50000);
  note("mapped write %ld+%ld", offset, length);
  fill(length);
  unsigned char *map = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_SHARED, writer, offset);
  must(map != MAP_FAILED, "mmap for writing");
  memcpy(map, buffer, (size_t)length);
  memcpy(model + offset, buffer, (size_t)length);
  if (below(2)) must(msync(map, (size_t)length, MS_SYNC) == 0, "msync");
  munmap(map, (size_t)length);
}

static void do_allocate(void) {
  if (plain) return;
  long offset = below(size + 8000 < LIMIT ? size + 8000 : LIMIT - 1), length = take_length(offset);
  int keep = (int)below(2) ? FALLOC_FL_KEEP_SIZE : 0;
  note("fallocate %ld+%ld%s", offset, length, keep ? ", size kept" : "");
  must(fallocate(writer, keep, offset, length) == 0, "fallocate");
  if (!keep) grow(offset + length);
}

static void zero(long offset, long length) {
  long end = offset + length < size ? offset + length : size;
  if (end > offset) memset(model + offset, 0, (size_t)(end - offset));
}

static void do_punch(void) {
  if (plain) return;
  long offset = below(size + 1), length = 1 + below(60000);
  note("punch %ld+%ld", offset, length);
  must(fallocate(writer, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) == 0, "punch");
  zero(offset, length);
}

static void do_zero(void) {
  if (plain) return;
  long offset = below(size + 1 < LIMIT ? size + 1 : LIMIT - 1), length = take_length(offset);
  int keep = (int)below(2) ? FALLOC_FL_KEEP_SIZE : 0;
  note("zero %ld+%ld%s", offset, length, keep ? ", size kept" : "");
  must(fallocate(writer, FALLOC_FL_ZERO_RANGE | keep, offset, length) == 0, "zero range");
  if (!keep) grow(offset + length);
  zero(offset, length);
}

static void do_copy(void) {
  if (size < 2) return;
  long from = below(size), to = below(size + 5000 < LIMIT ? size + 5000 : LIMIT - 1);
  long length = 1 + below(60000);
  if (from + length > size) length = size - from;
  if (to + length > LIMIT) length = LIMIT - to;
  // Within one file the ranges must not overlap.
  long apart = from < to ? to - from : from - to;
  if (apart < length) length = apart;
  if (length < 1) return;
  note("copy %ld to %ld, %ld bytes", from, to, length);
  off64_t in = from, out = to;
  for (long left = length; left > 0;) {
    ssize_t copied = copy_file_range(early, &in, writer, &out, (size_t)left, 0);
    must(copied > 0, "copy_file_range");
    left -= copied;
  }
  grow(to + length);
  memcpy(model + to, model + from, (size_t)length);
}

static void do_sync(void) {
  note("fsync");
  must((below(2) ? fsync(writer) : fdatasync(writer)) == 0, "fsync");
}

// What is clean leaves the page cache, so that the next read comes from below.
static void do_drop(void) {
  note("drop the pages");
  must(fsync(writer) == 0, "fsync");
  posix_fadvise(early, 0, 0, POSIX_FADV_DONTNEED);
}

static void open_writers(void) {
  writer = open(path, O_RDWR);
  must(writer >= 0, "open for writing");
  direct = open(path, O_RDWR | O_DIRECT);
  must(direct >= 0, "open for direct I/O");
}

static void do_reopen(void) {
  note("close and open");
  if (below(2)) {
    close(early);
    early = open(path, O_RDONLY);
    must(early >= 0, "open for reading");
  }
  close(writer);
  close(direct);
  open_writers();
}

// ---- the run ----

typedef void operation(void);
static operation *const reading[] = {do_read, do_map_read, do_read, do_check_all, do_seek};
static operation *const all[] = {
    do_read,  do_read,     do_direct_read,  do_map_read,  do_write,    do_write,   do_write,
    do_append, do_direct_write, do_direct_write, do_truncate, do_map_write, do_map_write, do_allocate,
    do_punch, do_punch,    do_zero,         do_copy,      do_copy,     do_sync,    do_drop,
    do_seek,  do_reopen,   do_check_all};

static void load(void) {
  struct stat s;
  early = open(path, O_RDONLY | O_CREAT, 0644);
  must(early >= 0 && fstat(early, &s) == 0, "open");
  if (s.st_size > LIMIT) fail("%ld bytes are too many", (long)s.st_size);
  size = s.st_size;
  must(pread(early, model, LIMIT, 0) == size, "first read");
}

int main(int count, char **arguments) {
  if (count < 4) return 2;
  for (int i = 4; i < count; i++) {
    if (strcmp(arguments[i], "anew") == 0) anew = true;
    if (strcmp(arguments[i], "synced") == 0) synced = true;
    if (strcmp(arguments[i], "plain") == 0) plain = true;
  }
  path = arguments[1];
  long operations = atol(arguments[2]);
  state = strtoull(arguments[3], NULL, 10);
  buffer = aligned_alloc(BLOCK, LIMIT);
  if (!buffer) return 2;
  load();
  long quiet = size > 0 ? operations / 5 : 0;
  for (; step < quiet; step++) reading[below(sizeof reading / sizeof reading[0])]();
  open_writers();
  for (; step < operations; step++) all[below(sizeof all / sizeof all[0])]();
  do_check_all();
  return 0;
}
