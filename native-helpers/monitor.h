/* The monitor of one container, in parts: what each part offers to the others. monitor.c says what
 * the whole does. All of it runs in one thread; every descriptor is close-on-exec. */
#ifndef PLYFS_MONITOR_H
#define PLYFS_MONITOR_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- bootfs: monitor_bootfs.c ---------------------------------------------------------------- */

/* What the boot program has to know. */
struct boot_settings {
  const char *id;
  const char *program; /* file of the boot program */
  bool read_only;      /* the root stays so */
  char *const *run;    /* the runtime's command line, NULL at its end */
};

/* A mount namespace of this process's own; nothing mounted here is seen outside. 0 or -errno. */
int enter_namespace(void);

/* Makes the bootfs, read-only and in memory, and mounts it on ./bootfs. 0 or -errno. */
int mount_bootfs(const struct boot_settings *settings);

/* Bytes of memory that it takes; 0 when it is not there. */
uint64_t bootfs_bytes(void);

/* Unmounts it; EBUSY when anything of it is in use. 0 or -errno. */
int unmount_bootfs(void);

/* ---- the log: monitor_log.c ------------------------------------------------------------------ */

enum stream { OUT, ERR };

/* Opens ./log for appending. 0 or -errno. */
int open_log(void);

/* Adds what came from the container; a line is written when it is whole, or very long. */
void log_bytes(enum stream stream, const char *bytes, size_t length);

/* Writes what is left of a line that did not end. */
void end_log(void);

/* ---- what the container reads and writes: monitor_streams.c ----------------------------------- */

enum { MAX_STREAMS = 4 };

void choose_streams(bool input, bool terminal);

/* Opens them; `child` gets what becomes 0, 1 and 2 of the container. 0 or -errno. */
int open_streams(int child[3]);

/* The runtime has started the container: it has handed over the terminal by now. */
void end_console(void);

/* Hands on what clients have sent, as far as the container reads it. */
void write_input(void);

/* "ROWS COLUMNS" for the terminal. */
void resize(const char *text);

/* As poll_clients and serve_clients; `takes` says whether output is taken. */
int poll_streams(struct pollfd *polled, bool takes);
void serve_streams(const struct pollfd *polled);

/* The container has ended: what it wrote is taken, where `taken` says so. */
void end_streams(bool taken);

/* ---- clients: monitor_clients.c -------------------------------------------------------------- */

/* A frame is a letter, three zero bytes, a length (32 bits, big endian), and as many bytes.
 * Clients send:  i input; e no more input; w "ROWS COLS"; k "SIGNAL"; o wants output; g go.
 * They are sent: o output; e error output; s JSON of a stage; r 0 or an errno, for k; x status;
 * t "BYTES" of their input that were taken. A client has INPUT_WINDOW bytes at most that were not
 * taken: so what else it sends never waits behind input that the container does not read. */
enum { MAX_CLIENTS = 32, MAX_FRAME = 65536, INPUT_WINDOW = 2 * MAX_FRAME };

typedef void on_frame(int client, char type, const char *bytes, size_t length);

/* Listens on ./monitor.sock; the first client is there already. 0 or -errno. */
int start_clients(int first);

/* Whether the first client has gone. */
bool first_has_gone(void);

/* Sends one frame to one client, or to all (-1; output only to those who want it). */
void send_frame(int client, char type, const char *bytes, size_t length);

/* Whether somebody reads more slowly than the container writes. */
bool clients_are_behind(void);

/* Input of clients, in turn; how many bytes, 0 when none is there now. */
size_t next_input(char *bytes, size_t room);

/* Whether a client has said that there is no more, and all that it sent before is taken. */
bool input_is_over(void);

/* Adds what is to be polled; returns how many. */
int poll_clients(struct pollfd *polled);

/* Handles what was polled. */
void serve_clients(const struct pollfd *polled, int count, on_frame *handle);

/* Brings everybody what is still waiting for them, for `milliseconds` at most, and hangs up. */
void end_clients(int milliseconds);

/* Other sockets (lifeline, console): a descriptor that was sent, or -errno. */
int receive_descriptor(int socket);

/* A socket in this folder that is listened on, or -errno. */
int listen_on(const char *name);

/* ---- the end: monitor_exit.c ------------------------------------------------------------------ */

/* Takes the place of the record on the disk. 0 or -errno. */
int reserve_exit(void);

/* Writes ./exit.json; `started` says whether the container's process ran. 0 or -errno. */
int record_exit(int code, bool started);

/* Of a status as waitpid has it: the command's own, or 128 and the signal. */
int exit_code(int status);

/* Docker's status of a start that failed, told by what the runtime wrote of it. */
int failure_code(void);

/* ---- time ------------------------------------------------------------------------------------ */

uint64_t now_us(void);

#endif
