// The floor of the benchmark: a FUSE server that has every answer ready in memory before it is
// asked, so that what a client waits for is the kernel's protocol and little else. Without an
// upper it opens files in passthrough; with one it reads lower files through the kernel's cache,
// and the files that it makes are real ones of the upper, in passthrough. It is a measure, not a
// filesystem for use: what no workload asks for is refused, and nothing survives it.
//
//   floor LOWER[:LOWER...] UPPER MOUNTPOINT     UPPER is empty for a read-only mount
//
// Returns when the mount serves; the server ends with the mount.
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "change.h"
#include "tree.h"

// Of protocols newer than the header may be: include/uapi/linux/fuse.h of Linux 6.9.
enum { MINOR = 40, OPEN_PASSTHROUGH = 1 << 7, INIT2_PASSTHROUGH = 1 << 5 };
struct init_out {
    uint32_t major, minor, max_readahead, flags;
    uint16_t max_background, congestion_threshold;
    uint32_t max_write, time_gran;
    uint16_t max_pages, map_alignment;
    uint32_t flags2, max_stack_depth, unused[6];
};
struct open_out {
    uint64_t fh;
    uint32_t open_flags;
    int32_t backing_id;
};
struct backing_map {
    int32_t fd;
    uint32_t flags;
    uint64_t padding;
};
#define BACKING_OPEN _IOW(FUSE_DEV_IOC_MAGIC, 1, struct backing_map)

enum { SPIN_NS = 60000, MOST_DATA = 1 << 20, BUFFER = MOST_DATA + 4096 };
// No server is left behind, whatever became of the benchmark.
enum { LIFE_SECONDS = 1800 };

static int device;
static bool writable;
static char request[BUFFER], data[MOST_DATA];

static void reply(uint64_t unique, int error, const void *body, size_t size) {
    struct fuse_out_header header = {sizeof header + size, error, unique};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)body, size}};
    // ENOENT: the request was interrupted, and nobody waits.
    if (writev(device, parts, size > 0 ? 2 : 1) < 0 && errno != ENOENT) err(1, "reply");
}

static void reply_error(uint64_t unique, int error) { reply(unique, error, NULL, 0); }

static void reply_entry(uint64_t unique, int64_t id) {
    if (id < 0) return reply_error(unique, id);
    struct fuse_entry_out entry;
    entry_of(&entry, id);
    reply(unique, 0, &entry, sizeof entry);
}

static void reply_attributes(uint64_t unique, uint64_t id) {
    struct fuse_attr_out out = {.attr_valid = UINT32_MAX, .attr = node_at(id)->attr};
    reply(unique, 0, &out, sizeof out);
}

static void init(uint64_t unique, const struct fuse_init_in *in) {
    struct init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = MINOR,
        .max_readahead = MOST_DATA,
        .flags = in->flags &
                 (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC | FUSE_DONT_MASK |
                  FUSE_DO_READDIRPLUS | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
                  FUSE_NO_OPENDIR_SUPPORT | FUSE_EXPLICIT_INVAL_DATA | FUSE_HANDLE_KILLPRIV_V2 |
                  FUSE_INIT_EXT),
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = MOST_DATA,
        .time_gran = 1,
        .max_pages = MOST_DATA / 4096,
        .flags2 = in->flags2 & INIT2_PASSTHROUGH,
        .max_stack_depth = 1,
    };
    if (out.flags2 == 0) errx(1, "the kernel offers no passthrough");
    reply(unique, 0, &out, sizeof out);
}

static void lookup(uint64_t unique, uint64_t parent, const char *name) {
    uint64_t id = tree_find(parent, name);
    if (id != 0) {
        refresh(id);
        return reply_entry(unique, id);
    }
    struct fuse_entry_out absent = {.entry_valid = UINT32_MAX};
    reply(unique, 0, &absent, sizeof absent);
}

static void list(uint64_t unique, uint64_t id, const struct fuse_read_in *in) {
    struct node *directory = node_at(id);
    // Changes are shown to who begins; a reader that is on its way keeps its list.
    if (writable && in->offset == 0) {
        for (size_t i = 0; directory->has_upper && i < directory->count; i++) {
            refresh(directory->children[i]);
        }
        tree_list(id);
    }
    if (in->offset >= directory->listing_size) return reply(unique, 0, NULL, 0);
    const char *start = directory->listing + in->offset, *end = start;
    const char *limit = directory->listing + directory->listing_size;
    if (limit > start + in->size) limit = start + in->size;
    while (end < limit) {
        const struct fuse_direntplus *plus = (const struct fuse_direntplus *)end;
        if (end + FUSE_DIRENTPLUS_SIZE(plus) > limit) break;
        end += FUSE_DIRENTPLUS_SIZE(plus);
    }
    reply(unique, 0, start, end - start);
}

static int open_file(const struct node *node, int flags) {
    if (node->layer == UPPER) {
        return openat(node_at(node->parent)->upper_fd, node->name, flags | O_CLOEXEC);
    }
    return openat(lower_roots[node->layer], node->lower_path, flags | O_CLOEXEC);
}

static int32_t backing_of(int fd) {
    struct backing_map map = {.fd = fd};
    return ioctl(device, BACKING_OPEN, &map);
}

static void open_node(uint64_t unique, uint64_t id, const struct fuse_open_in *in) {
    struct open_out out = {.open_flags = FOPEN_KEEP_CACHE};
    int error = (in->flags & O_ACCMODE) == O_RDONLY ? 0 : copy_up(id);
    struct node *node = node_at(id);
    if (error == 0 && in->flags & O_TRUNC) {
        struct fuse_setattr_in cut = {.valid = FATTR_SIZE};
        error = change_attributes(id, &cut);
    }
    if (error < 0) return reply_error(unique, error);
    if (node->layer != UPPER && writable) {
        node->cached++;
        return reply(unique, 0, &out, sizeof out);
    }
    if (node->backing == 0) {
        int fd = open_file(node, writable ? O_RDWR : O_RDONLY);
        if (fd < 0) return reply_error(unique, -errno);
        node->backing = backing_of(fd);
        close(fd);
        if (node->backing <= 0) err(1, "a backing id");
    }
    out.open_flags = OPEN_PASSTHROUGH;
    out.backing_id = node->backing;
    reply(unique, 0, &out, sizeof out);
}

static void create(uint64_t unique, uint64_t parent, const struct fuse_create_in *in) {
    int fd;
    int64_t id = make_file(parent, (const char *)(in + 1), in, &fd);
    if (id < 0) return reply_error(unique, id);
    struct {
        struct fuse_entry_out entry;
        struct open_out open;
    } out = {.open.open_flags = OPEN_PASSTHROUGH};
    entry_of(&out.entry, id);
    out.open.backing_id = node_at(id)->backing = backing_of(fd);
    close(fd);
    reply(unique, 0, &out, sizeof out);
}

// Only cached files are read through us, and only when the kernel lacks their pages.
static void read_file(uint64_t unique, uint64_t id, const struct fuse_read_in *in) {
    struct node *node = node_at(id);
    if (node->read_fd == NONE) node->read_fd = open_file(node, O_RDONLY);
    if (node->read_fd < 0) return reply_error(unique, -errno);
    size_t wanted = in->size < MOST_DATA ? in->size : MOST_DATA;
    ssize_t got = pread(node->read_fd, data, wanted, in->offset);
    if (got < 0) return reply_error(unique, -errno);
    reply(unique, 0, data, got);
}

static void release(uint64_t unique, uint64_t id) {
    struct node *node = node_at(id);
    if (node->cached > 0) node->cached--;
    if (node->cached == 0 && node->read_fd != NONE) {
        close(node->read_fd);
        node->read_fd = NONE;
    }
    reply_error(unique, 0);
}

static void get_attributes(uint64_t unique, uint64_t id) {
    refresh(id);
    reply_attributes(unique, id);
}

static void set_attributes(uint64_t unique, uint64_t id, const struct fuse_setattr_in *in) {
    int error = change_attributes(id, in);
    if (error < 0) return reply_error(unique, error);
    reply_attributes(unique, id);
}

static void read_link(uint64_t unique, uint64_t id) {
    const char *target = node_at(id)->link;
    if (target == NULL) return reply_error(unique, -EINVAL);
    reply(unique, 0, target, strlen(target));
}

static void sync_file(uint64_t unique, uint64_t id) {
    int fd = open_file(node_at(id), O_RDONLY);
    if (fd < 0) return reply_error(unique, -errno);
    int error = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    reply_error(unique, error);
}

static void space(uint64_t unique) {
    struct statfs found;
    int root = writable ? node_at(ROOT)->upper_fd : lower_roots[0];
    if (fstatfs(root, &found) < 0) return reply_error(unique, -errno);
    struct fuse_statfs_out out = {.st = {
                                      .blocks = found.f_blocks,
                                      .bfree = found.f_bfree,
                                      .bavail = found.f_bavail,
                                      .files = found.f_files,
                                      .ffree = found.f_ffree,
                                      .bsize = found.f_bsize,
                                      .namelen = found.f_namelen,
                                      .frsize = found.f_frsize,
                                  }};
    reply(unique, 0, &out, sizeof out);
}

static const char *second(const char *name) { return name + strlen(name) + 1; }

static void answer(const struct fuse_in_header *in, const void *body) {
    uint64_t unique = in->unique, id = in->nodeid;
    switch (in->opcode) {
    case FUSE_INIT: return init(unique, body);
    case FUSE_LOOKUP: return lookup(unique, id, body);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    case FUSE_GETATTR: return get_attributes(unique, id);
    case FUSE_SETATTR: return set_attributes(unique, id, body);
    case FUSE_READLINK: return read_link(unique, id);
    case FUSE_READDIRPLUS: return list(unique, id, body);
    case FUSE_OPEN: return open_node(unique, id, body);
    case FUSE_READ: return read_file(unique, id, body);
    case FUSE_RELEASE: return release(unique, id);
    case FUSE_FSYNC: return sync_file(unique, id);
    case FUSE_STATFS: return space(unique);
    case FUSE_GETXATTR: return reply_error(unique, -ENODATA);
    case FUSE_LISTXATTR: {
        struct fuse_getxattr_out none = {0};
        bool asks_size = ((const struct fuse_getxattr_in *)body)->size == 0;
        return reply(unique, 0, &none, asks_size ? sizeof none : 0);
    }
    case FUSE_SETXATTR: return reply_error(unique, -EOPNOTSUPP);
    case FUSE_CREATE: return create(unique, id, body);
    case FUSE_MKDIR: {
        const struct fuse_mkdir_in *made = body;
        uint32_t mode = made->mode & ~made->umask;
        return reply_entry(unique, make_directory(id, (const char *)(made + 1), mode));
    }
    case FUSE_SYMLINK: return reply_entry(unique, make_link(id, body, second(body)));
    case FUSE_UNLINK: return reply_error(unique, remove_name(id, body, 0));
    case FUSE_RMDIR: return reply_error(unique, remove_name(id, body, 1));
    case FUSE_RENAME: {
        const struct fuse_rename_in *to = body;
        const char *name = (const char *)(to + 1);
        return reply_error(unique, rename_name(id, name, to->newdir, second(name)));
    }
    // The kernel then stops asking, or does it by itself.
    default: return reply_error(unique, -ENOSYS);
    }
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Returns when the mount has gone.
static void serve(int ready) {
    int64_t asked = nanoseconds();
    for (;;) {
        ssize_t got = read(device, request, BUFFER);
        if (got > 0) {
            const struct fuse_in_header *in = (const struct fuse_in_header *)request;
            answer(in, request + sizeof *in);
            if (in->opcode == FUSE_INIT && write(ready, "", 1) == 1) close(ready);
            asked = nanoseconds();
            continue;
        }
        if (errno == ENODEV) return;
        if (errno == EAGAIN && nanoseconds() - asked >= SPIN_NS) {
            struct pollfd wait = {.fd = device, .events = POLLIN};
            poll(&wait, 1, -1);
            asked = nanoseconds();
        }
        if (errno != EAGAIN && errno != EINTR && errno != ENOENT) err(1, "the device");
    }
}

static int split(char *text, char **parts, int room) {
    int count = 0;
    for (char *part = strtok(text, ":"); part != NULL; part = strtok(NULL, ":")) {
        if (count == room) errx(2, "at most %d lowers", room);
        parts[count++] = part;
    }
    return count;
}

static void mount_device(const char *mount_point) {
    char options[200];
    device = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0) err(2, "/dev/fuse");
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device);
    unsigned long flags = writable ? 0 : MS_RDONLY;
    if (mount("floor", mount_point, "fuse.floor", flags, options) < 0) err(2, "%s", mount_point);
}

// Readahead is 128 KiB whatever INIT agreed on, until it is raised here.
static void raise_readahead(const char *mount_point) {
    struct stat st;
    char path[100];
    if (stat(mount_point, &st) < 0) err(2, "%s", mount_point);
    snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
             minor(st.st_dev));
    FILE *file = fopen(path, "w");
    if (file == NULL) return;
    fprintf(file, "%d", MOST_DATA >> 10);
    fclose(file);
}

int main(int argc, char **argv) {
    static char *lowers[MOST_LAYERS];
    if (argc != 4) errx(2, "floor LOWER[:LOWER...] UPPER MOUNTPOINT");
    int count = split(argv[1], lowers, MOST_LAYERS);
    writable = *argv[2] != '\0';
    tree_load(lowers, count);
    if (writable) upper_open(argv[2]);
    mount_device(argv[3]);
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0) err(2, "pipe");
    pid_t server = fork();
    if (server < 0) err(2, "fork");
    if (server == 0) {
        close(ready[0]);
        setsid();
        alarm(LIFE_SECONDS);
        // Who waits for the end of our output waits for the command's.
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) {
            return 1;
        }
        serve(ready[1]);
        return 0;
    }
    close(device);
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 1) errx(2, "the server ended");
    raise_readahead(argv[3]);
    return 0;
}
