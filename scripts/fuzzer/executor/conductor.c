// The conductor starts the workers and hands them their lines: `NAME[,NAME...] OPERATION` goes to
// all the named workers at once, and one answer line comes back for each, in that order. A worker
// that does not answer in time is reported as `hang`, one that has died as `dead`; both are then
// killed, so that a filesystem that hangs cannot stop the run.
//   + NAME UID GID GROUP,GROUP UMASK   starts a worker
//   - NAME                             ends it
//   timeout MILLISECONDS
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 256

static struct hand {
  char name[16];
  pid_t process;
  int socket;
  char *answer;
  size_t used, room;
} hands[WORKERS];
static int hand_count;
static int timeout = 60000;

static struct hand *find(const char *name) {
  for (int i = 0; i < hand_count; i++)
    if (hands[i].socket >= 0 && strcmp(hands[i].name, name) == 0) return &hands[i];
  return NULL;
}

static void dismiss(struct hand *hand) {
  close(hand->socket);
  hand->socket = -1;
  kill(hand->process, SIGKILL);
  // Not waited for here: it may be stuck in the filesystem. SIGCHLD is ignored.
}

static struct hand *free_hand(void) {
  for (int i = 0; i < hand_count; i++)
    if (hands[i].socket < 0) return &hands[i];
  return hand_count < WORKERS ? &hands[hand_count++] : NULL;
}

static void start(char *line) {
  struct identity identity = {0};
  char name[16], groups[200];
  int pair[2];
  unsigned mask;
  if (sscanf(line, "+ %15s %u %u %199s %o", name, &identity.uid, &identity.gid, groups, &mask) != 5) {
    puts("bad identity");
    return;
  }
  identity.umask = mask;
  for (char *group = strtok(groups, ","); group; group = strtok(NULL, ","))
    if (identity.group_count < 16) identity.groups[identity.group_count++] = (gid_t)atoi(group);
  struct hand *hand = free_hand();
  if (!hand || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    puts("no room");
    return;
  }
  fflush(stdout);
  pid_t process = fork();
  if (process == 0) {
    for (int i = 0; i < hand_count; i++)
      if (hands[i].socket >= 0 && &hands[i] != hand) close(hands[i].socket);
    close(pair[0]);
    close(0);
    signal(SIGCHLD, SIG_DFL);
    worker(pair[1], &identity);
  }
  close(pair[1]);
  hand->process = process;
  hand->socket = pair[0];
  hand->used = 0;
  strcpy(hand->name, name);
  puts("0");
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static int send_all(int socket, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    bytes += sent;
    length -= (size_t)sent;
  }
  return 0;
}

// Reads what there is; 1 when the line is complete, 0 when not yet, -1 when the worker is gone.
static int receive(struct hand *hand) {
  if (hand->room - hand->used < 4096) {
    hand->room = hand->room * 2 + 65536;
    hand->answer = realloc(hand->answer, hand->room);
    if (!hand->answer) abort();
  }
  ssize_t length = recv(hand->socket, hand->answer + hand->used, hand->room - hand->used, 0);
  if (length <= 0) return -1;
  hand->used += (size_t)length;
  return hand->answer[hand->used - 1] == '\n';
}

static void collect(struct hand *hand, long long until) {
  for (;;) {
    struct pollfd wait = {hand->socket, POLLIN, 0};
    long long left = until - now();
    int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      puts("hang");
      dismiss(hand);
      return;
    }
    int state = receive(hand);
    if (state < 0) {
      puts("dead");
      dismiss(hand);
      return;
    }
    if (state > 0) break;
  }
  fwrite(hand->answer, 1, hand->used, stdout);
  hand->used = 0;
}

static void perform(char *line) {
  struct hand *asked[WORKERS];
  int count = 0;
  char *operation = strchr(line, ' ');
  if (!operation) {
    puts("bad line");
    return;
  }
  *operation++ = 0;
  size_t length = strlen(operation);
  operation[length] = '\n';
  for (char *name = strtok(line, ","); name && count < WORKERS; name = strtok(NULL, ",")) {
    struct hand *hand = find(name);
    if (hand && send_all(hand->socket, operation, length + 1) < 0) hand = NULL;
    asked[count++] = hand;
  }
  long long until = now() + timeout;
  for (int i = 0; i < count; i++) {
    if (asked[i]) collect(asked[i], until);
    else puts("dead");
  }
}

int main(void) {
  static char *line;
  static size_t room;
  ssize_t length;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  static char output[1 << 16];
  setvbuf(stdout, output, _IOFBF, sizeof output);
  while ((length = getline(&line, &room, stdin)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    struct hand *hand;
    if (line[0] == '+') start(line);
    else if (line[0] == '-') {
      if ((hand = find(line + 2))) dismiss(hand);
      puts(hand ? "0" : "dead");
    } else if (strncmp(line, "timeout ", 8) == 0) {
      timeout = atoi(line + 8);
      puts("0");
    } else {
      perform(line);
    }
    fflush(stdout);
  }
  return 0;
}
