/* What a container reads and writes: three pipes, or the terminal that the runtime hands over. Output
 * goes to the log and to clients; input comes from clients as it is read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor.h"

static bool has_input, has_terminal;
static int out[2] = {-1, -1}; /* what the container writes; -1 at its end */
static int in = -1;           /* what it reads, or its terminal; -1 without */
static int console = -1;      /* where the runtime hands over the terminal */
static struct winsize size;
static char input[MAX_FRAME]; /* taken from clients, and not read yet */
static size_t input_waits;

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
  write_input();
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

/* Writes what waits; false when the container does not read now. */
static bool flush_input(void) {
  size_t done = 0;
  while (done < input_waits) {
    ssize_t wrote = write(in, input + done, input_waits - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) break;
    /* Nobody reads it any more. */
    done = wrote < 0 ? input_waits : done + (size_t)wrote;
  }
  input_waits -= done;
  memmove(input, input + done, input_waits);
  return input_waits == 0;
}

void write_input(void) {
  /* The terminal is on its way. */
  if (in < 0 && console >= 0) return;
  do {
    if (in < 0) input_waits = 0;
    else if (!flush_input()) return;
    input_waits = next_input(input, sizeof input);
  } while (input_waits > 0);
  if (in < 0 || has_terminal || !input_is_over()) return;
  close(in);
  in = -1;
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
