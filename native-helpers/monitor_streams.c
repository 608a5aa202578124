/* What a container reads and writes: three pipes, or the terminal that the runtime hands over. Output
 * goes to the log and to clients; input comes from clients and waits here until it is read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor.h"

enum { INPUT_ROOM = 2 * MAX_FRAME };

static bool has_input, has_terminal;
static int out[2] = {-1, -1}; /* what the container writes; -1 at its end */
static int in = -1;           /* what it reads, or its terminal; -1 without */
static int console = -1;      /* where the runtime hands over the terminal */
static struct winsize size;
static char input[INPUT_ROOM];
static size_t input_waits;
static bool input_ends;

void choose_streams(bool input_wanted, bool terminal) {
  has_input = input_wanted;
  has_terminal = terminal;
}

static int open_input(void) {
  int ends[2];
  if (!has_input || has_terminal) return open("/dev/null", O_RDWR | O_CLOEXEC);
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  in = ends[1];
  fcntl(in, F_SETFL, O_NONBLOCK);
  return ends[0];
}

int open_streams(int child[3]) {
  int ends[2];
  child[0] = open_input();
  if (child[0] < 0) return -errno;
  for (int i = OUT; i <= ERR; i++) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    out[i] = ends[0];
    fcntl(out[i], F_SETFL, O_NONBLOCK);
    child[1 + i] = ends[1];
  }
  if (has_terminal && (console = listen_on("console.sock")) < 0) return console;
  return 0;
}

/* ---- the terminal ----------------------------------------------------------------------------- */

static void take_console(void) {
  int connection = accept4(console, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) return;
  int master = receive_descriptor(connection);
  close(connection);
  if (master < 0) return;
  close(out[OUT]);
  fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
  if (size.ws_row > 0) ioctl(master, TIOCSWINSZ, &size);
  out[OUT] = in = master;
}

void end_console(void) {
  if (console < 0) return;
  if (out[OUT] != in) take_console();
  close(console);
  console = -1;
  unlink("console.sock");
}

void resize(const char *text) {
  unsigned rows, columns;
  if (sscanf(text, "%u %u", &rows, &columns) != 2) return;
  size = (struct winsize){.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  if (has_terminal && in >= 0) ioctl(in, TIOCSWINSZ, &size);
}

/* ---- output ----------------------------------------------------------------------------------- */

static void end_output(enum stream stream) {
  if (out[stream] == in) in = -1;
  close(out[stream]);
  out[stream] = -1;
}

/* Takes what is there of one stream; false when there is nothing now. */
static bool take_output(enum stream stream) {
  static char bytes[MAX_FRAME];
  if (out[stream] < 0) return false;
  ssize_t got = read(out[stream], bytes, sizeof bytes);
  if (got > 0) {
    log_bytes(stream, bytes, (size_t)got);
    send_frame(-1, stream == OUT ? 'o' : 'e', bytes, (size_t)got);
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  /* A terminal whose last user is gone answers EIO. */
  end_output(stream);
  return false;
}

void end_streams(bool taken) {
  for (enum stream i = OUT; i <= ERR; i++) {
    while (taken && take_output(i)) continue;
    if (out[i] >= 0) end_output(i);
  }
}

/* ---- input ------------------------------------------------------------------------------------ */

static void write_input(void) {
  /* The terminal may be on its way. */
  if (in < 0 && console < 0) input_waits = 0;
  if (in < 0) return;
  if (input_waits > 0) {
    ssize_t wrote = write(in, input, input_waits);
    if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return;
    /* Nobody reads it any more. */
    if (wrote < 0) wrote = (ssize_t)input_waits;
    input_waits -= (size_t)wrote;
    memmove(input, input + wrote, input_waits);
  }
  if (!input_ends || input_waits > 0 || has_terminal) return;
  close(in);
  in = -1;
}

bool input_is_full(void) { return input_waits > INPUT_ROOM - MAX_FRAME; }

void take_input(const char *bytes, size_t length) {
  if (!has_input || input_ends) return;
  /* Nobody is listened to while it is full; what comes all the same is from several at once. */
  if (length > INPUT_ROOM - input_waits) length = INPUT_ROOM - input_waits;
  memcpy(input + input_waits, bytes, length);
  input_waits += length;
  write_input();
}

void end_input(void) {
  input_ends = true;
  write_input();
}

/* ---- the loop's ------------------------------------------------------------------------------- */

int poll_streams(struct pollfd *polled, bool takes) {
  polled[0] = (struct pollfd){.fd = console, .events = POLLIN};
  polled[1] = (struct pollfd){.fd = input_waits > 0 ? in : -1, .events = POLLOUT};
  for (int i = OUT; i <= ERR; i++)
    polled[2 + i] = (struct pollfd){.fd = takes ? out[i] : -1, .events = POLLIN};
  return MAX_STREAMS;
}

void serve_streams(const struct pollfd *polled) {
  if (polled[0].revents != 0) take_console();
  if (polled[1].revents != 0) write_input();
  for (enum stream i = OUT; i <= ERR; i++)
    if (polled[2 + i].revents != 0) take_output(i);
}
