/* The plyfs command: has a running daemon do what it can do (handover.c); else finds Node and the
 * bundle and starts one with the other. For a mount it stays until the mount serves, or says why it
 * does not, and leaves the server in the background.
 *
 * Reads of the arguments only what these decisions need, and never touches a file system beyond
 * finding daemon and programs. Linked statically: it starts in a millisecond. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handover.h"

#define NOT_FOUND 127
#define READY "ready\n"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Beside the launcher in an installed form, and where the build leaves it. */
static const char *const bundles[] = {"plyfs.cjs", "../../../dist/bundle/plyfs.cjs", NULL};

/* Names under which the program mounts without being told to by a verb. */
static const char *const mount_names[] = {
    "fuse-overlayfs", "mount.plyfs", "mount.fuse.plyfs", "mount.fuse3.plyfs", NULL};

/* Words that are no source of a mount: `plyfs SOURCE DIR -o OPTIONS` is what mount.fuse3 calls. */
static const char *const verbs[] = {
    "umount", "unmount", "which",  "stats",  "version", "help",    "pull",    "push",   "login",
    "logout", "search",  "tags",   "load",   "save",    "import",  "images",  "image",  "history",
    "inspect", "tag",    "rmi",    "gc",     "fsck",    "diff",    "export",  "ls",     "cat",
    "run",    "create",  "start",  "restart", "stop",   "kill",    "rm",      "wait",   "ps",
    "logs",   "exec",    "attach", "pause",  "unpause", "top",     "rename",  "commit", "cp",
    "volume", "writable", "daemon", NULL};

/* Verbs that a running daemon does, where there is one. */
static const char *const handed_over[] = {"mount", "run", "start", "restart", NULL};

static const char *const help_options[] = {"-h", "--help", "-V", "--version", NULL};

static bool is_one_of(const char *word, const char *const *list) {
  for (; *list != NULL; list++)
    if (strcmp(word, *list) == 0) return true;
  return false;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* ---- what is asked for -------------------------------------------------------------------- */

/* Whether an option list (a,b\,c,d) holds the word `debug`. */
static bool lists_debug(const char *list) {
  while (*list != '\0') {
    const char *end = list;
    while (*end != '\0' && *end != ',') end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    if (end - list == 5 && strncmp(list, "debug", 5) == 0) return true;
    list = *end == ',' ? end + 1 : end;
  }
  return false;
}

/* -f or -d, alone or joined with other letters, before an -o that takes the rest. */
static bool asks_foreground(const char *word) {
  if (strcmp(word, "--debug") == 0) return true;
  if (word[0] != '-' || word[1] == '-') return false;
  for (const char *letter = word + 1; *letter != '\0' && *letter != 'o'; letter++)
    if (*letter == 'f' || *letter == 'd') return true;
  return false;
}

struct request {
  bool mounts;     /* a form that mounts */
  bool foreground; /* that stays in the foreground */
  bool help;
};

/* Whether a daemon is to be asked. */
static bool may_hand_over(const char *name, int argc, char **argv, struct request request) {
  if (argc < 2 || strcmp(name, "plyfs") != 0 || !is_one_of(argv[1], handed_over)) return false;
  /* Other verbs have other meanings for these letters. */
  if (strcmp(argv[1], "mount") == 0 && (request.help || request.foreground)) return false;
  for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--no-daemon") == 0) return false;
  return true;
}

static struct request read_arguments(const char *name, int argc, char **argv) {
  struct request request = {false, false, false};
  if (argc < 2) return request;
  request.mounts =
      is_one_of(name, mount_names) || argv[1][0] == '-' || strcmp(argv[1], "mount") == 0;
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (is_one_of(argv[i], help_options)) request.help = true;
    if (asks_foreground(argv[i])) request.foreground = true;
    if (strncmp(argv[i], "-o", 2) != 0) continue;
    if (!is_one_of(argv[1], verbs)) request.mounts = true;
    const char *list = argv[i][2] != '\0' ? argv[i] + 2 : i + 1 < argc ? argv[++i] : "";
    if (lists_debug(list)) request.foreground = true;
  }
  return request;
}

/* ---- what is started ---------------------------------------------------------------------- */

/* The directory of this program's file, links resolved. */
static bool own_directory(char *directory) {
  ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
  if (length > 0) {
    directory[length] = '\0';
  } else {
    const char *started = (const char *)getauxval(AT_EXECFN);
    if (started == NULL || realpath(started, directory) == NULL) return false;
  }
  *strrchr(directory, '/') = '\0';
  return true;
}

static bool is_file(const char *path, int mode) {
  struct stat stat_of;
  return stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode) && access(path, mode) == 0;
}

static bool join(char *path, const char *directory, size_t length, const char *name) {
  int needed = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, directory, name);
  return needed > 0 && needed < PATH_MAX;
}

static bool find_bundle(const char *directory, char *path) {
  for (const char *const *name = bundles; *name != NULL; name++) {
    char joined[PATH_MAX];
    if (!join(joined, directory, strlen(directory), *name)) continue;
    if (realpath(joined, path) != NULL && is_file(path, R_OK)) return true;
  }
  return false;
}

/* Node beside the launcher is the one it was shipped with; otherwise the first of PATH. */
static bool find_node(const char *directory, char *path) {
  if (join(path, directory, strlen(directory), "node") && is_file(path, X_OK)) return true;
  const char *search = getenv("PATH");
  if (search == NULL || *search == '\0') search = DEFAULT_PATH;
  while (*search != '\0') {
    size_t length = strcspn(search, ":");
    const char *part = length > 0 ? search : ".";
    if (join(path, part, length > 0 ? length : 1, "node") && is_file(path, X_OK)) return true;
    search += length + (search[length] == ':');
  }
  return false;
}

static int exec_node(const char *node, const char *bundle, int argc, char **argv) {
  char **command = calloc((size_t)argc + 3, sizeof *command);
  if (command == NULL) {
    fprintf(stderr, "plyfs: %s\n", strerror(ENOMEM));
    return NOT_FOUND;
  }
  int count = 0;
  command[count++] = (char *)node;
  command[count++] = (char *)bundle;
  for (int i = 1; i < argc; i++) command[count++] = argv[i];
  execv(node, command);
  fprintf(stderr, "plyfs: %s: %s\n", node, strerror(errno));
  return NOT_FOUND;
}

/* ---- in the background -------------------------------------------------------------------- */

static volatile sig_atomic_t child;

/* Who interrupts the command means the mount that it waits for. */
static void pass_on(int signal_number) {
  int saved = errno;
  if (child > 0) kill((pid_t)child, signal_number);
  errno = saved;
}

static void pass_signals_on(void) {
  struct sigaction action = {.sa_handler = pass_on};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGQUIT, &action, NULL);
}

/* True when the child says that it serves; false when it closes the pipe without. */
static bool wait_until_ready(int pipe_end) {
  char said[sizeof READY - 1];
  size_t length = 0;
  while (length < sizeof said) {
    ssize_t got = read(pipe_end, said + length, sizeof said - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    length += (size_t)got;
  }
  return memcmp(said, READY, sizeof said) == 0;
}

static int end_of_child(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno == EINTR) continue;
    fprintf(stderr, "plyfs: waiting for the server: %s\n", strerror(errno));
    return 1;
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  fprintf(stderr, "plyfs: the server was ended by signal %d (%s) before it served\n",
          WTERMSIG(status), strsignal(WTERMSIG(status)));
  return 1;
}

/* 0, 1 and 2 exist: pipe, socket, and the files of the server must not become one of them. */
static void open_standard_files(void) {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

static void run_server(int ready, const char *node, const char *bundle, int argc, char **argv) {
  char number[16];
  snprintf(number, sizeof number, "%d", ready);
  setenv("PLYFS_READY_FD", number, 1);
  setsid();
  _exit(exec_node(node, bundle, argc, argv));
}

static int start_server(const char *node, const char *bundle, int argc, char **argv) {
  int ends[2];
  open_standard_files();
  signal(SIGCHLD, SIG_DFL);
  if (pipe(ends) < 0) {
    fprintf(stderr, "plyfs: pipe: %s\n", strerror(errno));
    return 1;
  }
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  pid_t pid = fork();
  if (pid < 0) {
    fprintf(stderr, "plyfs: fork: %s\n", strerror(errno));
    return 1;
  }
  if (pid == 0) run_server(ends[1], node, bundle, argc, argv);
  child = pid;
  pass_signals_on();
  close(ends[1]);
  return wait_until_ready(ends[0]) ? 0 : end_of_child(pid);
}

int main(int argc, char **argv) {
  const char *name = argc > 0 ? base_name(argv[0]) : "plyfs";
  struct request request = read_arguments(name, argc, argv);
  if (may_hand_over(name, argc, argv, request)) {
    open_standard_files();
    int status = hand_over(name, argc, argv, strcmp(argv[1], "run") == 0 ? 125 : 1);
    if (status != NOT_HANDED_OVER) return status;
  }
  char directory[PATH_MAX], node[PATH_MAX], bundle[PATH_MAX];
  if (!own_directory(directory)) {
    fprintf(stderr, "plyfs: cannot find its own file: is /proc mounted?\n");
    return NOT_FOUND;
  }
  if (!find_bundle(directory, bundle)) {
    fprintf(stderr, "plyfs: plyfs.cjs is missing: looked in %s and %s/../../../dist/bundle\n",
            directory, directory);
    return NOT_FOUND;
  }
  if (!find_node(directory, node)) {
    fprintf(stderr, "plyfs: node is missing: looked in %s and PATH\n", directory);
    return NOT_FOUND;
  }
  setenv("PLYFS_ARGV0", name, 1);
  unsetenv("PLYFS_READY_FD");
  if (request.mounts && !request.foreground && !request.help)
    return start_server(node, bundle, argc, argv);
  return exec_node(node, bundle, argc, argv);
}
