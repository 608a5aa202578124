/* Joins the caller's terminal, pipes and signals with a container's, by the frames of its monitor
 * (monitor.h), for a command that a daemon does; what that says of the end is waited for. */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "handover.h"

/* Bytes of input that the monitor has not taken, at most (monitor.h), and of one frame of ours. */
enum { INPUT_WINDOW = 2 * 65536, PIECE = 32768 };

/* ctrl-p ctrl-q, docker's way out. */
static const char detach_keys[2] = {0x10, 0x11};

static const int passed_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0};

static struct {
  int monitor, daemon; /* -1: gone */
  int signals;
  bool terminal, input;
  bool is_raw;
  struct termios before;
  size_t untaken;
  char last; /* byte of input */
  int code;  /* the container's; -1: not known */
  bool detached;
} a;

/* ---- to the monitor --------------------------------------------------------------------------- */

static void send_frame(char letter, const char *bytes, size_t length) {
  char frame[FRAME_HEAD + PIECE] = {letter};
  for (int i = 0; i < 4; i++) frame[4 + i] = (char)(length >> (24 - 8 * i));
  memcpy(frame + FRAME_HEAD, bytes, length);
  for (size_t sent = 0; sent < FRAME_HEAD + length;) {
    ssize_t more = send(a.monitor, frame + sent, FRAME_HEAD + length - sent, MSG_NOSIGNAL);
    if (more < 0 && errno == EINTR) continue;
    /* It has gone: what it has sent before is still to be read. */
    if (more <= 0) return;
    sent += (size_t)more;
  }
}

static void send_size(void) {
  struct winsize size;
  char text[32];
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0) return;
  int length = snprintf(text, sizeof text, "%u %u", size.ws_row, size.ws_col);
  send_frame('w', text, (size_t)length);
}

static bool holds_detach_keys(const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    char before = i == 0 ? a.last : bytes[i - 1];
    if (before == detach_keys[0] && bytes[i] == detach_keys[1]) return true;
  }
  return false;
}

static void take_input(void) {
  char bytes[PIECE];
  ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    a.input = false;
    send_frame('e', "", 0);
    return;
  }
  if (a.terminal && holds_detach_keys(bytes, (size_t)got)) {
    write_all(STDOUT_FILENO, "\r\n", 2);
    a.detached = true;
    return;
  }
  a.last = bytes[got - 1];
  a.untaken += (size_t)got;
  send_frame('i', bytes, (size_t)got);
}

/* ---- from both -------------------------------------------------------------------------------- */

static void hear_monitor(void) {
  struct frame frame;
  if (!receive_frame(a.monitor, &frame)) {
    close(a.monitor);
    a.monitor = -1;
    return;
  }
  if (frame.letter == 'o') write_all(STDOUT_FILENO, frame.bytes, frame.length);
  if (frame.letter == 'e') write_all(STDERR_FILENO, frame.bytes, frame.length);
  if (frame.letter == 't') a.untaken -= (size_t)atol(frame.bytes);
  if (frame.letter == 'x') a.code = atoi(frame.bytes);
  free(frame.bytes);
}

/* The last word of the daemon, or -1. Before it the monitor has said all that it had to say. */
static int hear_daemon(void) {
  struct frame frame;
  if (!receive_frame(a.daemon, &frame)) {
    a.daemon = -1;
    return -1;
  }
  int status = frame.letter == 'x' ? atoi(frame.bytes) : -1;
  while (status >= 0 && a.monitor >= 0) hear_monitor();
  if (frame.letter == 'o') write_all(STDOUT_FILENO, frame.bytes, frame.length);
  if (frame.letter == 'e') write_all(STDERR_FILENO, frame.bytes, frame.length);
  free(frame.bytes);
  return status;
}

/* ---- the terminal, and signals ---------------------------------------------------------------- */

static void make_raw(void) {
  if (tcgetattr(STDIN_FILENO, &a.before) < 0) return;
  struct termios raw = a.before;
  cfmakeraw(&raw);
  a.is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void restore(void) {
  if (a.is_raw) tcsetattr(STDIN_FILENO, TCSADRAIN, &a.before);
  a.is_raw = false;
}

static void open_signals(void) {
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGWINCH);
  for (const int *number = passed_signals; *number != 0; number++) sigaddset(&handled, *number);
  sigprocmask(SIG_BLOCK, &handled, NULL);
  a.signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* With a terminal the container gets its signals by that; others are meant for us. */
static int take_signal(void) {
  struct signalfd_siginfo info;
  char text[16];
  if (read(a.signals, &info, sizeof info) != sizeof info) return -1;
  if (info.ssi_signo == SIGWINCH) {
    if (a.terminal) send_size();
    return -1;
  }
  if (a.terminal) return 128 + (int)info.ssi_signo;
  int length = snprintf(text, sizeof text, "%u", info.ssi_signo);
  send_frame('k', text, (size_t)length);
  return -1;
}

/* ---- the loop --------------------------------------------------------------------------------- */

/* One round; the exit status, or -1 to go on. */
static int turn(void) {
  enum { SIGNALS, MONITOR, DAEMON, INPUT, COUNT };
  bool takes = a.input && a.monitor >= 0 && a.untaken + PIECE <= INPUT_WINDOW;
  struct pollfd polled[COUNT] = {
      [SIGNALS] = {.fd = a.signals, .events = POLLIN},
      [MONITOR] = {.fd = a.monitor, .events = POLLIN},
      [DAEMON] = {.fd = a.daemon, .events = POLLIN},
      [INPUT] = {.fd = takes ? STDIN_FILENO : -1, .events = POLLIN},
  };
  int status = -1;
  if (poll(polled, COUNT, -1) < 0) return -1;
  if (polled[SIGNALS].revents != 0) status = take_signal();
  if (polled[MONITOR].revents != 0) hear_monitor();
  if (status < 0 && polled[DAEMON].revents != 0) status = hear_daemon();
  if (status < 0 && polled[INPUT].revents != 0) take_input();
  if (a.detached) return 0;
  /* Both gone: what the monitor has told is what is known. */
  if (status < 0 && a.daemon < 0 && a.monitor < 0) return a.code >= 0 ? a.code : 128 + SIGKILL;
  return status;
}

static bool open_monitor(const char *folder) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/monitor.sock", folder) >= (int)sizeof path) return false;
  a.monitor = connect_socket(path);
  return a.monitor >= 0;
}

int attach(int daemon, const char *letters, const char *folder) {
  a.daemon = daemon;
  a.terminal = strchr(letters, 't') != NULL;
  a.input = strchr(letters, 'i') != NULL;
  a.code = -1;
  if (!open_monitor(folder)) return -1;
  open_signals();
  if (a.terminal && isatty(STDOUT_FILENO)) send_size();
  if (a.terminal && isatty(STDIN_FILENO)) make_raw();
  send_frame('o', "", 0);
  if (strchr(letters, 'g') != NULL) send_frame('g', "", 0);
  int status;
  do status = turn();
  while (status < 0);
  restore();
  return status;
}
