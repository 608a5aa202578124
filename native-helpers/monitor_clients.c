/* Who talks with the monitor: the command that started the container, and whoever connects to
 * ./monitor.sock. Frames are described in monitor.h. Nobody is waited for: what a client does not
 * take at once is kept, and while much is kept the container's output is left where it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor.h"

#define HEAD 8
/* Bytes kept for one client before the container has to wait. */
#define BEHIND (256 * 1024)

struct client {
  int fd; /* -1: no client */
  bool wants_output;
  char *waiting; /* to be sent */
  size_t waits, room;
  size_t came; /* bytes of the frame that is coming */
  char frame[HEAD + MAX_FRAME];
};

static struct client clients[MAX_CLIENTS];
static int listening = -1;
static bool first_gone;

static uint32_t length_of(const char *head) {
  const unsigned char *at = (const unsigned char *)head + 4;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void hang_up(struct client *client) {
  if (client->fd < 0) return;
  close(client->fd);
  free(client->waiting);
  if (client == &clients[0]) first_gone = true;
  *client = (struct client){.fd = -1};
}

static void add_client(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  for (int i = 0; i < MAX_CLIENTS; i++) {
    if (clients[i].fd >= 0) continue;
    clients[i].fd = fd;
    return;
  }
  close(fd);
}

int listen_on(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  unlink(name);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0) {
    int result = -errno;
    close(fd);
    return result;
  }
  return fd;
}

int start_clients(int first) {
  for (int i = 0; i < MAX_CLIENTS; i++) clients[i].fd = -1;
  add_client(first);
  listening = listen_on("monitor.sock");
  return listening < 0 ? listening : 0;
}

bool first_has_gone(void) { return first_gone; }

/* Sends what it takes; false when it is gone. */
static bool flush(struct client *client) {
  size_t sent = 0;
  bool alive = true;
  while (sent < client->waits) {
    ssize_t result =
        send(client->fd, client->waiting + sent, client->waits - sent, MSG_NOSIGNAL);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) {
      alive = errno == EAGAIN;
      break;
    }
    sent += (size_t)result;
  }
  memmove(client->waiting, client->waiting + sent, client->waits - sent);
  client->waits -= sent;
  return alive;
}

static bool make_room(struct client *client, size_t more) {
  if (client->room - client->waits >= more) return true;
  size_t room = client->waits + more + 65536;
  char *larger = realloc(client->waiting, room);
  if (larger == NULL) return false;
  client->waiting = larger;
  client->room = room;
  return true;
}

static void send_to(struct client *client, char type, const char *bytes, size_t length) {
  if (!make_room(client, HEAD + length)) {
    hang_up(client);
    return;
  }
  char *to = client->waiting + client->waits;
  memset(to, 0, HEAD);
  to[0] = type;
  for (int i = 0; i < 4; i++) to[4 + i] = (char)(length >> (24 - 8 * i));
  memcpy(to + HEAD, bytes, length);
  client->waits += HEAD + length;
  if (!flush(client)) hang_up(client);
}

void send_frame(int to, char type, const char *bytes, size_t length) {
  bool is_output = type == 'o' || type == 'e';
  for (int i = 0; i < MAX_CLIENTS; i++) {
    struct client *client = &clients[i];
    if (client->fd < 0 || (to >= 0 && i != to)) continue;
    if (!is_output || client->wants_output) send_to(client, type, bytes, length);
  }
}

bool clients_are_behind(void) {
  for (int i = 0; i < MAX_CLIENTS; i++)
    if (clients[i].fd >= 0 && clients[i].waits > BEHIND) return true;
  return false;
}

int poll_clients(struct pollfd *polled, bool listens) {
  int count = 0;
  polled[count++] = (struct pollfd){.fd = listening, .events = POLLIN};
  for (int i = 0; i < MAX_CLIENTS; i++) {
    short events = (short)((listens ? POLLIN : 0) | (clients[i].waits > 0 ? POLLOUT : 0));
    polled[count++] = (struct pollfd){.fd = clients[i].fd, .events = events};
  }
  return count;
}

/* Whole frames that have come are handled; false when the client is to go. */
static bool take_frames(int index, on_frame *handle) {
  struct client *client = &clients[index];
  ssize_t got =
      recv(client->fd, client->frame + client->came, sizeof client->frame - client->came, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  client->came += (size_t)got;
  while (client->came >= HEAD) {
    size_t length = length_of(client->frame);
    if (length > MAX_FRAME) return false;
    if (client->came < HEAD + length) break;
    if (client->frame[0] == 'o') client->wants_output = true;
    handle(index, client->frame[0], client->frame + HEAD, length);
    if (client->fd < 0) return true;
    client->came -= HEAD + length;
    memmove(client->frame, client->frame + HEAD + length, client->came);
  }
  return true;
}

void serve_clients(const struct pollfd *polled, int count, on_frame *handle) {
  for (int i = 1; i < count; i++) {
    struct client *client = &clients[i - 1];
    /* A descriptor that was closed since it was polled may be another's by now. */
    if (client->fd < 0 || client->fd != polled[i].fd) continue;
    if ((polled[i].revents & POLLOUT) != 0 && !flush(client)) hang_up(client);
    if (client->fd < 0 || (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    if (!take_frames(i - 1, handle)) hang_up(client);
  }
  if ((polled[0].revents & POLLIN) == 0) return;
  int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) add_client(fd);
}

void end_clients(int milliseconds) {
  uint64_t deadline = now_us() + (uint64_t)milliseconds * 1000;
  for (;;) {
    struct pollfd polled[MAX_CLIENTS];
    int count = 0;
    for (int i = 0; i < MAX_CLIENTS; i++)
      if (clients[i].fd >= 0 && clients[i].waits > 0)
        polled[count++] = (struct pollfd){.fd = clients[i].fd, .events = POLLOUT};
    uint64_t now = now_us();
    if (count == 0 || now >= deadline) break;
    if (poll(polled, (nfds_t)count, (int)((deadline - now) / 1000) + 1) <= 0) break;
    for (int i = 0; i < MAX_CLIENTS; i++)
      if (clients[i].fd >= 0 && !flush(&clients[i])) hang_up(&clients[i]);
  }
  for (int i = 0; i < MAX_CLIENTS; i++) hang_up(&clients[i]);
  close(listening);
  unlink("monitor.sock");
}

int receive_descriptor(int socket) {
  char byte;
  struct iovec part = {&byte, 1};
  char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return -errno;
  if (got == 0) return -EPIPE;
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  if (head == NULL || head->cmsg_type != SCM_RIGHTS) return -ENODATA;
  int fd;
  memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return fd;
}
