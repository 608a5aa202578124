/* The monitor of one container: a small process that stays with it, so that nothing larger has to.
 * It makes the bootfs in a mount namespace of its own and starts the boot program from there; is
 * handed the root filesystem by whoever serves it, and gives it its place; says "go", and the boot
 * program becomes the OCI runtime; unmounts the bootfs once the container's process runs. Then it
 * keeps the log and the terminal, talks with clients, reaps, writes down how the container ended,
 * and unmounts. When it dies, its namespace and all mounts in it go too.
 *
 *   plyfs-monitor ID BOOT FLAGS RUNTIME... run in the container's folder, where its config.json is
 *
 * FLAGS: letters of i (input), t (terminal), r (the root stays read-only), s (the root is served, and
 * its server has to write all that it holds). Descriptors: 3 the first client, 4 the lifeline to
 * whoever mounts the root filesystem, 5 the container's lock, which is held as long as this process
 * lives. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/mount.h>

#include "monitor.h"

enum { FIRST_CLIENT = 3, LIFELINE = 4, LOCK = 5 };
enum { MAX_WORDS = 64 };

static struct {
  const char *id;
  bool terminal, served;
  char *const *runtime; /* program and global options, NULL at their end */
  pid_t boot, container;
  int lifeline; /* -1: the server has gone */
  int go;       /* a byte to it lets the boot program go on */
  int signals;
  bool told_to_end; /* by a signal */
  bool has_ended;
  int status; /* as of waitpid */
} m = {.lifeline = LIFELINE, .go = -1};

uint64_t now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

static void tell_stage(const char *stage, uint64_t since, uint64_t bytes) {
  char text[160];
  int length = snprintf(text, sizeof text, "{\"stage\":\"%s\",\"us\":%llu,\"bytes\":%llu}", stage,
                        (unsigned long long)(now_us() - since), (unsigned long long)bytes);
  send_frame(-1, 's', text, (size_t)length);
}

/* Told to whoever started us; the rest is undone by the caller. */
static int failed(const char *what, int result) {
  char text[256];
  int length = snprintf(text, sizeof text, "{\"stage\":\"failed\",\"what\":\"%s\",\"errno\":%d}",
                        what, -result);
  send_frame(-1, 's', text, (size_t)length);
  return result;
}

/* ---- the boot program and the runtime --------------------------------------------------------- */

static void unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
}

/* In the child: 0, 1, 2 the container's, 3 where "go" comes from, nothing else. */
static void become_boot_program(const int child[3], int go) {
  int moved = fcntl(go, F_DUPFD, 10);
  /* A runtime that nobody waits for would leave its container to nobody. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 3; i++)
    if (dup2(child[i], i) < 0) _exit(125);
  if (dup2(moved, 3) < 0) _exit(125);
  close_range(4, ~0U, 0);
  unblock_signals();
  char *const words[] = {"bootfs/boot", NULL};
  execv(words[0], words);
  _exit(125);
}

static int start_boot_program(void) {
  int child[3], go[2], result = open_streams(child);
  if (result < 0) return result;
  if (pipe2(go, O_CLOEXEC) < 0) return -errno;
  m.boot = fork();
  if (m.boot < 0) return -errno;
  if (m.boot == 0) become_boot_program(child, go[0]);
  for (int i = 0; i < 3; i++) close(child[i]);
  close(go[0]);
  m.go = go[1];
  return 0;
}

/* The runtime's command line: its program and global options, then `words`. */
static char **runtime_command(const char *const *words) {
  static char *command[MAX_WORDS];
  int count = 0;
  for (char *const *word = m.runtime; *word != NULL && count < MAX_WORDS - 1; word++)
    command[count++] = *word;
  for (; *words != NULL && count < MAX_WORDS - 1; words++) command[count++] = (char *)*words;
  command[count] = NULL;
  return command;
}

static char **run_command(void) {
  const char *words[10] = {"run", "--detach", "--pid-file", "pid"};
  int count = 4;
  if (m.terminal) {
    words[count++] = "--console-socket";
    words[count++] = "console.sock";
  }
  words[count++] = m.id;
  words[count] = NULL;
  return runtime_command(words);
}

/* What the runtime keeps of the container goes, and whatever of it still lives. */
static void delete_container(void) {
  const char *const words[] = {"delete", "--force", m.id, NULL};
  char **command = runtime_command(words);
  pid_t pid = fork();
  if (pid < 0) return;
  if (pid == 0) {
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(null, i);
    close_range(3, ~0U, 0);
    unblock_signals();
    execv(command[0], command);
    _exit(127);
  }
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}

static pid_t read_pid(void) {
  FILE *file = fopen("pid", "re");
  int pid = 0;
  if (file == NULL) return 0;
  if (fscanf(file, "%d", &pid) != 1) pid = 0;
  fclose(file);
  return pid;
}

/* ---- the root filesystem ---------------------------------------------------------------------- */

/* The server sends the mount, which has no place yet. */
static int place_root(int tree) {
  long moved = syscall(SYS_move_mount, tree, "", AT_FDCWD, "rootfs", MOVE_MOUNT_F_EMPTY_PATH);
  int result = moved < 0 ? -errno : 0;
  close(tree);
  if (result < 0) return failed("rootfs", result);
  send_frame(-1, 's', "{\"stage\":\"placed\"}", 18);
  return 0;
}

static void hear_server(void) {
  int tree = receive_descriptor(m.lifeline);
  if (tree >= 0) {
    place_root(tree);
  } else if (tree == -EPIPE || tree == -ECONNRESET) {
    close(m.lifeline);
    m.lifeline = -1;
    if (m.container > 0) kill(m.container, SIGKILL);
  }
}

/* Its end is a server's to notice; it is waited for, so that all it wrote is there. */
static void unmount_root(void) {
  if (umount2("rootfs", UMOUNT_NOFOLLOW) < 0 && errno == EBUSY)
    umount2("rootfs", UMOUNT_NOFOLLOW | MNT_DETACH);
  struct pollfd polled = {.fd = m.lifeline, .events = POLLIN};
  if (m.served && m.lifeline >= 0) poll(&polled, 1, 5000);
}

/* ---- what clients ask for --------------------------------------------------------------------- */

static void signal_container(int client, const char *text) {
  char answer[16];
  int error = m.container <= 0                             ? ESRCH
              : kill(m.container, atoi(text)) < 0 ? errno
                                                           : 0;
  int length = snprintf(answer, sizeof answer, "%d", error);
  send_frame(client, 'r', answer, (size_t)length);
}

static bool told_to_go;

static void handle(int client, char type, const char *bytes, size_t length) {
  char text[64];
  size_t kept = length < sizeof text - 1 ? length : sizeof text - 1;
  memcpy(text, bytes, kept);
  text[kept] = '\0';
  switch (type) {
    case 'i':
    case 'e': write_input(); break;
    case 'w': resize(text); break;
    case 'k': signal_container(client, text); break;
    case 'g': told_to_go = true; break;
  }
}

/* ---- the loop --------------------------------------------------------------------------------- */

static void reap(void) {
  struct signalfd_siginfo ignored;
  while (read(m.signals, &ignored, sizeof ignored) > 0) {
    if (ignored.ssi_signo == SIGCHLD) continue;
    m.told_to_end = true;
    if (m.container > 0) kill(m.container, SIGKILL);
  }
  /* The container's process may end before its number is known: it has to wait for us then. */
  pid_t whom = m.container > 0 ? -1 : m.boot;
  int status;
  for (pid_t pid; whom != 0 && (pid = waitpid(whom, &status, WNOHANG)) > 0;) {
    if (pid == m.boot) {
      m.boot = 0;
      m.status = status;
    } else if (pid == m.container) {
      m.has_ended = true;
      m.status = status;
    }
  }
}

/* One round: waits for anything to happen, and handles it. `takes`: the container's output. */
static void turn(bool takes) {
  enum { SIGNALS, SERVER, STREAMS };
  struct pollfd polled[STREAMS + MAX_STREAMS + 1 + MAX_CLIENTS];
  polled[SIGNALS] = (struct pollfd){.fd = m.signals, .events = POLLIN};
  polled[SERVER] = (struct pollfd){.fd = m.lifeline, .events = POLLIN};
  int streams = poll_streams(polled + STREAMS, takes && !clients_are_behind());
  struct pollfd *others = polled + STREAMS + streams;
  int clients = poll_clients(others);
  if (poll(polled, (nfds_t)(STREAMS + streams + clients), -1) < 0) return;
  serve_streams(polled + STREAMS);
  if (polled[SERVER].revents != 0) hear_server();
  serve_clients(others, clients, handle);
  if (polled[SIGNALS].revents != 0) reap();
}

/* ---- the life of a container ------------------------------------------------------------------ */

/* What ends a start at any moment of it, also one that has succeeded meanwhile. 0 or -errno. */
static int may_go_on(void) {
  if (m.told_to_end) return failed("signal", -EINTR);
  if (m.lifeline < 0) return failed("server", -EPIPE);
  return 0;
}

/* Everything before the container's process runs. 0, or what stands for `docker run`'s status. */
static int boot(const char *program, bool read_only) {
  uint64_t since = now_us();
  struct boot_settings settings = {m.id, program, read_only, run_command()};
  int result = reserve_exit();
  if (result < 0) return failed("exit.json", result);
  result = enter_namespace();
  if (result < 0) return failed("namespace", result);
  result = mount_bootfs(&settings);
  if (result < 0) return failed("bootfs", result);
  result = start_boot_program();
  if (result < 0) return failed("boot program", result);
  tell_stage("bootfs", since, bootfs_bytes());
  while (!told_to_go) {
    if (m.boot == 0) return failed("boot program", -ECHILD);
    if (first_has_gone()) return -EPIPE;
    result = may_go_on();
    if (result < 0) return result;
    turn(false);
  }
  return 0;
}

static int hand_over(void) {
  uint64_t since = now_us();
  if (write(m.go, "g", 1) != 1) return failed("boot program", -errno);
  close(m.go);
  int result = 0;
  while (m.boot > 0 && (result = may_go_on()) == 0) turn(false);
  end_console();
  if (result == 0) result = may_go_on();
  if (result < 0) return result;
  if (m.status != 0) return failed("runtime", -ENOEXEC);
  m.container = read_pid();
  if (m.container <= 0) return failed("pid", -ESRCH);
  reap();
  tell_stage("hand-over", since, 0);
  since = now_us();
  uint64_t bytes = bootfs_bytes();
  result = unmount_bootfs();
  if (result < 0) failed("bootfs in use", result);
  else tell_stage("bootfs unmounted", since, bytes);
  return 0;
}

/* What is left of a start that failed: children in any state. */
static void end_children(void) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  for (;;) {
    FILE *file = fopen(path, "re");
    if (file == NULL) break;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    for (char *at = text, *end; *at != '\0'; at = end) {
      long pid = strtol(at, &end, 10);
      if (end == at) break;
      if (pid > 0) kill((pid_t)pid, SIGKILL);
    }
    if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD) break;
  }
}

static void finish(int code, bool started) {
  char text[16];
  end_streams(started);
  end_log();
  unmount_root();
  unmount_bootfs();
  int result = record_exit(code, started);
  if (result < 0) failed("exit.json", result);
  int length = snprintf(text, sizeof text, "%d", code);
  send_frame(-1, 'x', text, (size_t)length);
  end_clients(2000);
  delete_container();
}

static int prepare(void) {
  sigset_t handled;
  sigemptyset(&handled);
  for (const int *number = (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0};
       *number != 0; number++)
    sigaddset(&handled, *number);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &handled, NULL);
  m.signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  for (int fd = FIRST_CLIENT; fd <= LOCK; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (m.signals < 0) return -errno;
  int result = start_clients(FIRST_CLIENT);
  return result < 0 ? result : open_log();
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "plyfs-monitor: is started by 'plyfs run' and its like\n");
    return 125;
  }
  m.id = argv[1];
  m.terminal = strchr(argv[3], 't') != NULL;
  m.served = strchr(argv[3], 's') != NULL;
  choose_streams(strchr(argv[3], 'i') != NULL, m.terminal);
  m.runtime = argv + 4;
  umask(022);
  if (prepare() < 0) return 125;
  int result = boot(argv[2], strchr(argv[3], 'r') != NULL);
  if (result == 0) result = hand_over();
  if (result < 0) {
    int code = failure_code();
    end_children();
    finish(code, false);
    return code;
  }
  while (!m.has_ended) turn(true);
  finish(exit_code(m.status), true);
  return 0;
}
