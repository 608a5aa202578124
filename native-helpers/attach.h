/* Joining a container, for a command that a daemon does. */
#ifndef PLYFS_ATTACH_H
#define PLYFS_ATTACH_H

/* Joins the container in that folder until it ends or the caller leaves it, and the daemon has had its
 * last word; the exit status, or -1 where the container's monitor is not there. `letters`: i input,
 * t terminal, g says "go" once it has joined. */
int attach(int daemon, const char *letters, const char *folder);

#endif
