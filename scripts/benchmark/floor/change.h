// What the floor does in the upper: real files, in the same places as an overlay's.
#pragma once

#include <stdint.h>

#include <linux/fuse.h>

// All of these return 0, a descriptor or an id, or -errno.
void upper_open(const char *folder);
// The directory in the upper, made with its parents where it is not there.
int upper_directory(uint64_t id);
// Gives a lower file its data in the upper; it must not be open.
int copy_up(uint64_t id);
int64_t make_file(uint64_t parent, const char *name, const struct fuse_create_in *in, int *fd);
int64_t make_directory(uint64_t parent, const char *name, uint32_t mode);
int64_t make_link(uint64_t parent, const char *name, const char *target);
int change_attributes(uint64_t id, const struct fuse_setattr_in *in);
int remove_name(uint64_t parent, const char *name, int is_directory);
int rename_name(uint64_t parent, const char *name, uint64_t to, const char *new_name);
// Reads the attributes of what is in the upper anew.
void refresh(uint64_t id);
