// Changes of the tree, each made in the upper first.
#include "change.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

static const char WHITEOUT[] = "#whiteout";

void upper_open(const char *folder) {
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) err(2, "%s", folder);
    node_at(ROOT)->upper_fd = fd;
}

int upper_directory(uint64_t id) {
    struct node *node = node_at(id);
    if (node->upper_fd != NONE) return node->upper_fd;
    int parent = upper_directory(node->parent);
    if (parent < 0) return parent;
    if (mkdirat(parent, node->name, node->attr.mode & 07777) < 0 && errno != EEXIST) return -errno;
    node->upper_fd = openat(parent, node->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return node->upper_fd < 0 ? -errno : node->upper_fd;
}

void refresh(uint64_t id) {
    struct node *node = node_at(id);
    if (node->layer != UPPER || node->gone) return;
    struct stat st;
    int parent = node_at(node->parent)->upper_fd;
    if (fstatat(parent, node->name, &st, AT_SYMLINK_NOFOLLOW) == 0) attr_from(&node->attr, &st);
}

static bool write_all(int from, int to) {
    ssize_t done;
    while ((done = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0) continue;
    return done == 0;
}

int copy_up(uint64_t id) {
    struct node *node = node_at(id);
    if (node->layer == UPPER) return 0;
    if (node->cached > 0) return -EBUSY;
    if (!S_ISREG(node->attr.mode)) return -EOPNOTSUPP;
    int directory = upper_directory(node->parent);
    if (directory < 0) return directory;
    int from = openat(lower_roots[node->layer], node->lower_path, O_RDONLY | O_CLOEXEC);
    int to = openat(directory, node->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, node->attr.mode);
    bool copied = from >= 0 && to >= 0 && write_all(from, to);
    int error = copied ? 0 : -errno;
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    if (!copied) return error;
    node->layer = UPPER;
    node_at(node->parent)->has_upper = true;
    refresh(id);
    return 0;
}

// Whether something of a lower comes to light when the name goes.
static bool hidden_below(uint64_t parent, const char *name) {
    uint64_t id = tree_find(parent, name);
    return id != 0 && node_at(id)->hides;
}

static int64_t added(uint64_t parent, const char *name, int directory) {
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
    uint64_t id = tree_add(parent, name, &st, UPPER);
    struct node *node = node_at(parent);
    struct stat own;
    if (fstatat(directory, "", &own, AT_EMPTY_PATH) == 0) {
        node->attr.mtime = node->attr.ctime = own.st_mtim.tv_sec;
        node->attr.mtimensec = node->attr.ctimensec = own.st_mtim.tv_nsec;
    }
    return id;
}

int64_t make_file(uint64_t parent, const char *name, const struct fuse_create_in *in, int *fd) {
    int directory = upper_directory(parent);
    if (directory < 0) return directory;
    // A backing file has the rights of its opening, and a later open for reading joins it.
    *fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, in->mode & ~in->umask);
    if (*fd < 0) return -errno;
    int64_t id = added(parent, name, directory);
    if (id < 0) close(*fd);
    return id;
}

int64_t make_directory(uint64_t parent, const char *name, uint32_t mode) {
    int directory = upper_directory(parent);
    if (directory < 0) return directory;
    if (mkdirat(directory, name, mode) < 0) return -errno;
    int64_t id = added(parent, name, directory);
    if (id < 0) return id;
    tree_list(id);
    int fd = upper_directory(id);
    return fd < 0 ? fd : id;
}

int64_t make_link(uint64_t parent, const char *name, const char *target) {
    int directory = upper_directory(parent);
    if (directory < 0) return directory;
    if (symlinkat(target, directory, name) < 0) return -errno;
    int64_t id = added(parent, name, directory);
    if (id > 0) node_at(id)->link = strdup(target);
    return id;
}

static struct timespec time_of(bool given, bool now, uint64_t seconds, uint32_t nanoseconds) {
    if (!given) return (struct timespec){.tv_nsec = UTIME_OMIT};
    if (now) return (struct timespec){.tv_nsec = UTIME_NOW};
    return (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
}

static int set_size(int directory, const char *name, uint64_t size) {
    int fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return -errno;
    int error = ftruncate(fd, size) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int change_attributes(uint64_t id, const struct fuse_setattr_in *in) {
    struct node *node = node_at(id);
    bool is_directory = S_ISDIR(node->attr.mode);
    int error = is_directory ? upper_directory(id) : copy_up(id);
    if (error < 0) return error;
    // The directory's own attributes are those of the upper from now on.
    node->layer = UPPER;
    if (id != ROOT) node_at(node->parent)->has_upper = true;
    int directory = id == ROOT ? node->upper_fd : node_at(node->parent)->upper_fd;
    const char *name = id == ROOT ? "." : node->name;
    if (in->valid & (FATTR_UID | FATTR_GID)) {
        uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
        gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;
        if (fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
    }
    if (in->valid & FATTR_MODE && fchmodat(directory, name, in->mode & 07777, 0) < 0) return -errno;
    if (in->valid & FATTR_SIZE && (error = set_size(directory, name, in->size)) < 0) return error;
    if (in->valid & (FATTR_ATIME | FATTR_MTIME)) {
        struct timespec times[2] = {
            time_of(in->valid & FATTR_ATIME, in->valid & FATTR_ATIME_NOW, in->atime, in->atimensec),
            time_of(in->valid & FATTR_MTIME, in->valid & FATTR_MTIME_NOW, in->mtime, in->mtimensec),
        };
        if (utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
    }
    refresh(id);
    return 0;
}

// As overlayfs does, one device that is linked to every name removed.
static int leave_whiteout(int directory, const char *name) {
    int root = node_at(ROOT)->upper_fd;
    if (linkat(root, WHITEOUT, directory, name, 0) == 0) return 0;
    if (mknodat(root, WHITEOUT, S_IFCHR, 0) < 0 && errno != EEXIST) return -errno;
    return linkat(root, WHITEOUT, directory, name, 0) < 0 ? -errno : 0;
}

// The upper of a directory that is empty in the merged tree holds whiteouts only.
static int clear_upper(uint64_t id) {
    struct node *node = node_at(id);
    if (node->upper_fd == NONE) return 0;
    int fd = openat(node->upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) return -errno;
    for (struct dirent *found; (found = readdir(stream)) != NULL;) {
        if (found->d_type == DT_CHR) unlinkat(node->upper_fd, found->d_name, 0);
    }
    closedir(stream);
    close(node->upper_fd);
    node->upper_fd = NONE;
    return 0;
}

int remove_name(uint64_t parent, const char *name, int is_directory) {
    uint64_t id = tree_find(parent, name);
    if (id == 0) return -ENOENT;
    struct node *node = node_at(id);
    if (is_directory && node->count > 0) return -ENOTEMPTY;
    bool in_upper = is_directory ? node->upper_fd != NONE : node->layer == UPPER;
    int directory = upper_directory(parent);
    int error = directory < 0 ? directory : is_directory ? clear_upper(id) : 0;
    if (error < 0) return error;
    if (in_upper && unlinkat(directory, name, is_directory ? AT_REMOVEDIR : 0) < 0) return -errno;
    bool leaves = hidden_below(parent, name);
    tree_remove(id);
    return leaves ? leave_whiteout(directory, name) : 0;
}

int rename_name(uint64_t parent, const char *name, uint64_t to, const char *new_name) {
    uint64_t id = tree_find(parent, name), target = tree_find(to, new_name);
    if (id == 0) return -ENOENT;
    struct node *node = node_at(id);
    if (node->hides || (target != 0 && node_at(target)->hides)) return -EXDEV;
    int from_fd = upper_directory(parent), to_fd = upper_directory(to);
    if (from_fd < 0 || to_fd < 0) return -EIO;
    if (renameat(from_fd, name, to_fd, new_name) < 0) return -errno;
    if (target != 0) tree_remove(target);
    tree_move(id, to, new_name);
    return 0;
}
