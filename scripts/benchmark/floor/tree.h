// The tree that the floor serves: every name of the merged layers, with its attributes and its
// place in a listing, in memory before the first request.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <linux/fuse.h>

enum { ROOT = FUSE_ROOT_ID, UPPER = -1, NONE = -1, MOST_LAYERS = 600 };

struct node {
    uint64_t parent;
    char *name;
    struct fuse_attr attr;
    int layer;          // Number of the lower that it is from, or UPPER.
    bool hides;         // A lower has this name: removing it leaves a whiteout.
    bool closed;        // A directory that nothing below is merged into.
    bool gone;          // Removed; still known to whoever has it open.
    char *lower_path;   // Below the lower's root; NULL for what was made in the upper.
    char *link;         // Where a symbolic link leads.
    int upper_fd;       // A directory's own in the upper, or NONE.
    int32_t backing;    // Backing id, or 0.
    int read_fd;        // For reads that reach us, or NONE.
    unsigned cached;    // Opens served through the kernel's cache.
    uint64_t *children; // Of a directory.
    size_t count, room;
    char *listing; // Its READDIRPLUS answer, whole; NULL when it has to be made.
    size_t listing_size;
    bool has_upper; // A child is in the upper: its attributes change without a word to us.
};

extern int lower_roots[MOST_LAYERS];

// Reads the layers, topmost first.
void tree_load(char **lowers, int count);
// The address is good until the next node is made.
struct node *node_at(uint64_t id);
// The child of that name, or 0.
uint64_t tree_find(uint64_t parent, const char *name);
uint64_t tree_add(uint64_t parent, const char *name, const struct stat *st, int layer);
void tree_remove(uint64_t id);
void tree_move(uint64_t id, uint64_t parent, const char *name);
// Makes a directory's listing. Its attributes are those that the nodes have.
void tree_list(uint64_t directory);
void attr_from(struct fuse_attr *attr, const struct stat *st);
void entry_of(struct fuse_entry_out *entry, uint64_t id);
