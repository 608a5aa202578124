// The tree in memory: names found by a hash, listings as the kernel takes them.
#include "tree.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int lower_roots[MOST_LAYERS];

static struct node *nodes;
static uint64_t used = ROOT, room;
// Names by parent and name: numbers of nodes, open addressing, a power of two.
static uint64_t *slots;
static size_t slot_count;
static const uint64_t REMOVED = UINT64_MAX;

struct node *node_at(uint64_t id) { return &nodes[id]; }

static size_t hash(uint64_t parent, const char *name) {
    uint64_t h = 14695981039346656037u ^ (parent * 0x9e3779b97f4a7c15u);
    for (; *name != '\0'; name++) h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h ^ (h >> 29);
}

static void remember(uint64_t id) {
    size_t at = hash(nodes[id].parent, nodes[id].name) & (slot_count - 1);
    while (slots[at] != 0 && slots[at] != REMOVED) at = (at + 1) & (slot_count - 1);
    slots[at] = id;
}

static void grow_slots(void) {
    free(slots);
    slot_count = slot_count == 0 ? 1 << 16 : slot_count * 2;
    slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) err(2, "memory");
    for (uint64_t id = ROOT + 1; id < used; id++) {
        if (!nodes[id].gone) remember(id);
    }
}

static size_t slot_of(uint64_t parent, const char *name) {
    size_t at = hash(parent, name) & (slot_count - 1);
    for (; slots[at] != 0; at = (at + 1) & (slot_count - 1)) {
        if (slots[at] == REMOVED) continue;
        const struct node *node = &nodes[slots[at]];
        if (node->parent == parent && strcmp(node->name, name) == 0) return at;
    }
    return SIZE_MAX;
}

uint64_t tree_find(uint64_t parent, const char *name) {
    size_t at = slot_of(parent, name);
    return at == SIZE_MAX ? 0 : slots[at];
}

void attr_from(struct fuse_attr *attr, const struct stat *st) {
    *attr = (struct fuse_attr){
        .ino = st->st_ino,
        .size = st->st_size,
        .blocks = st->st_blocks,
        .atime = st->st_atim.tv_sec,
        .atimensec = st->st_atim.tv_nsec,
        .mtime = st->st_mtim.tv_sec,
        .mtimensec = st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec,
        .ctimensec = st->st_ctim.tv_nsec,
        .mode = st->st_mode,
        .nlink = st->st_nlink,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .rdev = st->st_rdev,
        .blksize = st->st_blksize,
    };
}

static void adopt(uint64_t parent, uint64_t id) {
    struct node *directory = &nodes[parent];
    if (directory->count == directory->room) {
        directory->room = directory->room == 0 ? 8 : directory->room * 2;
        directory->children =
            realloc(directory->children, directory->room * sizeof *directory->children);
        if (directory->children == NULL) err(2, "memory");
    }
    directory->children[directory->count++] = id;
    if (nodes[id].layer == UPPER) directory->has_upper = true;
}

static void disown(uint64_t parent, uint64_t id) {
    struct node *directory = &nodes[parent];
    for (size_t i = 0; i < directory->count; i++) {
        if (directory->children[i] != id) continue;
        directory->children[i] = directory->children[--directory->count];
        return;
    }
}

uint64_t tree_add(uint64_t parent, const char *name, const struct stat *st, int layer) {
    if (used + 1 >= room) {
        room = room == 0 ? 1 << 16 : room * 2;
        nodes = realloc(nodes, room * sizeof *nodes);
        if (nodes == NULL) err(2, "memory");
    }
    if (used * 2 >= slot_count) grow_slots();
    uint64_t id = used++;
    nodes[id] = (struct node){
        .parent = parent, .name = strdup(name), .layer = layer, .upper_fd = NONE, .read_fd = NONE};
    attr_from(&nodes[id].attr, st);
    if (id == ROOT) return id;
    remember(id);
    adopt(parent, id);
    return id;
}

void tree_remove(uint64_t id) {
    slots[slot_of(nodes[id].parent, nodes[id].name)] = REMOVED;
    disown(nodes[id].parent, id);
    nodes[id].gone = true;
}

void tree_move(uint64_t id, uint64_t parent, const char *name) {
    tree_remove(id);
    struct node *node = &nodes[id];
    free(node->name);
    node->name = strdup(name);
    node->parent = parent;
    node->gone = false;
    remember(id);
    adopt(parent, id);
}

void entry_of(struct fuse_entry_out *entry, uint64_t id) {
    *entry = (struct fuse_entry_out){
        .nodeid = id,
        .entry_valid = UINT32_MAX,
        .attr_valid = UINT32_MAX,
        .attr = nodes[id].attr,
    };
}

static char *put_entry(char *at, const char *start, uint64_t id, const char *name, uint32_t mode) {
    size_t length = strlen(name);
    struct fuse_direntplus *plus = (struct fuse_direntplus *)at;
    memset(at, 0, FUSE_NAME_OFFSET_DIRENTPLUS);
    if (id != 0) entry_of(&plus->entry_out, id);
    plus->dirent.ino = id == 0 ? ROOT : nodes[id].attr.ino;
    plus->dirent.namelen = length;
    plus->dirent.type = mode >> 12;
    memcpy(plus->dirent.name, name, length);
    char *end = at + FUSE_DIRENTPLUS_SIZE(plus);
    plus->dirent.off = end - start;
    return end;
}

void tree_list(uint64_t id) {
    struct node *directory = &nodes[id];
    size_t size = 2 * 256;
    for (size_t i = 0; i < directory->count; i++) {
        size += FUSE_NAME_OFFSET_DIRENTPLUS + strlen(nodes[directory->children[i]].name) + 8;
    }
    free(directory->listing);
    char *start = directory->listing = malloc(size), *at = start;
    if (start == NULL) err(2, "memory");
    at = put_entry(at, start, 0, ".", S_IFDIR);
    at = put_entry(at, start, 0, "..", S_IFDIR);
    for (size_t i = 0; i < directory->count; i++) {
        uint64_t child = directory->children[i];
        at = put_entry(at, start, child, nodes[child].name, nodes[child].attr.mode);
    }
    directory->listing_size = at - start;
}

static bool is_opaque(int fd) {
    char value;
    return fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

// A name that a whiteout hides is a node without attributes until the walk has ended.
static void add_name(uint64_t parent, int directory, const char *path, const char *name, int layer) {
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0) err(2, "%s", path);
    if (S_ISCHR(st.st_mode) && st.st_rdev == 0) st = (struct stat){0};
    uint64_t id = tree_add(parent, name, &st, layer);
    struct node *node = &nodes[id];
    node->lower_path = strdup(path);
    node->hides = true;
    if (S_ISLNK(st.st_mode)) {
        node->link = calloc(1, st.st_size + 1);
        if (readlinkat(directory, name, node->link, st.st_size) < 0) err(2, "%s", path);
    }
}

// One directory of one layer, below those above it.
static void walk(uint64_t id, const char *path, int layer, int fd) {
    DIR *stream = fdopendir(fd);
    if (stream == NULL) err(2, "%s", path);
    for (struct dirent *found; (found = readdir(stream)) != NULL;) {
        const char *name = found->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        char *below;
        if (asprintf(&below, "%s%s%s", path, *path == '\0' ? "" : "/", name) < 0) err(2, "memory");
        uint64_t child = tree_find(id, name);
        bool made = child == 0;
        if (made) add_name(id, fd, below, name, layer);
        if (made) child = tree_find(id, name);
        // A directory below one that is opaque, or below something else, is not looked into.
        bool open = S_ISDIR(nodes[child].attr.mode) && !nodes[child].closed;
        int sub = open ? openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : NONE;
        if (sub < 0 && open && errno == ENOTDIR) nodes[child].closed = true;
        if (sub >= 0) {
            if (is_opaque(sub)) nodes[child].closed = true;
            walk(child, below, layer, sub);
        }
        free(below);
    }
    closedir(stream);
}

void tree_load(char **lowers, int count) {
    for (int i = 0; i < count; i++) {
        struct stat st;
        lower_roots[i] = open(lowers[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (lower_roots[i] < 0 || fstat(lower_roots[i], &st) < 0) err(2, "%s", lowers[i]);
        if (i == 0) tree_add(ROOT, "", &st, 0);
        if (i == 0) nodes[ROOT].lower_path = strdup("");
        int fd = openat(lower_roots[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) err(2, "%s", lowers[i]);
        walk(ROOT, "", i, fd);
    }
    for (uint64_t id = ROOT + 1; id < used; id++) {
        if (nodes[id].attr.mode == 0) tree_remove(id);
    }
    for (uint64_t id = ROOT; id < used; id++) {
        if (S_ISDIR(nodes[id].attr.mode) && !nodes[id].gone) tree_list(id);
    }
}
