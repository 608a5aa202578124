/* Who talks with the monitor: the command that started the container, and whoever connects to
 * ./monitor.sock. Frames are described in monitor.h. Nobody is waited for: what a client does not
 * take at once is kept, and while much is kept the container's output is left where it is. Input
 * is kept for each client by itself, also after it has hung up. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
  int fd; /* -1: it has hung up, or there is none */
  bool wants_output;
  bool deaf; /* it takes nothing any more, though it may have sent something */
  bool ends_input;
  char *input; /* for the container, INPUT_WINDOW bytes; NULL before there is any */
  size_t input_waits;
  char *waiting; /* to be sent */
  size_t waits, room;
  size_t came; /* bytes of the frame that is coming */
  char frame[HEAD + MAX_FRAME];
};

static struct client clients[MAX_CLIENTS];
static int listening = -1;
static bool first_gone;
static bool input_over;

static uint32_t length_of(const char *head) {
  const unsigned char *at = (const unsigned char *)head + 4;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Its input stays until the container has read it. */
static void hang_up(struct client *client) {
  if (client->fd < 0) return;
  close(client->fd);
  free(client->waiting);
  if (client == &clients[0]) first_gone = true;
  struct client left = {.fd = -1,
                        .ends_input = client->ends_input,
                        .input = client->input,
                        .input_waits = client->input_waits};
  if (left.input_waits == 0) {
    free(left.input);
    left.input = NULL;
  }
  *client = left;
}

static void add_client(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  for (int i = 0; i < MAX_CLIENTS; i++) {
    if (clients[i].fd >= 0 || clients[i].input_waits > 0) continue;
    free(clients[i].input);
    clients[i] = (struct client){.fd = fd};
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

/* What it has sent is still to be read. */
static void make_deaf(struct client *client) {
  client->deaf = true;
  client->waits = 0;
}

/* Sends what it takes. */
static void flush(struct client *client) {
  size_t sent = 0;
  while (sent < client->waits) {
    ssize_t result =
        send(client->fd, client->waiting + sent, client->waits - sent, MSG_NOSIGNAL);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0 && errno == EAGAIN) break;
    if (result < 0) {
      make_deaf(client);
      return;
    }
    sent += (size_t)result;
  }
  memmove(client->waiting, client->waiting + sent, client->waits - sent);
  client->waits -= sent;
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
  if (client->deaf) return;
  if (!make_room(client, HEAD + length)) {
    make_deaf(client);
    return;
  }
  char *to = client->waiting + client->waits;
  memset(to, 0, HEAD);
  to[0] = type;
  for (int i = 0; i < 4; i++) to[4 + i] = (char)(length >> (24 - 8 * i));
  memcpy(to + HEAD, bytes, length);
  client->waits += HEAD + length;
  flush(client);
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

/* ---- input ------------------------------------------------------------------------------------ */

static void tell_taken(struct client *client, size_t length) {
  char text[24];
  if (client->fd < 0) return;
  int written = snprintf(text, sizeof text, "%zu", length);
  send_to(client, 't', text, (size_t)written);
}

/* False when it has sent more than its window. */
static bool keep_input(struct client *client, const char *bytes, size_t length) {
  if (input_over) {
    tell_taken(client, length);
    return true;
  }
  if (client->input == NULL) client->input = malloc(INPUT_WINDOW);
  if (client->input == NULL || length > INPUT_WINDOW - client->input_waits) return false;
  memcpy(client->input + client->input_waits, bytes, length);
  client->input_waits += length;
  return true;
}

static void end_input(struct client *client) {
  client->ends_input = true;
  if (client->input_waits == 0) input_over = true;
}

static size_t take_input(struct client *client, char *bytes, size_t room) {
  size_t length = client->input_waits < room ? client->input_waits : room;
  memcpy(bytes, client->input, length);
  client->input_waits -= length;
  memmove(client->input, client->input + length, client->input_waits);
  if (client->input_waits == 0 && client->ends_input) input_over = true;
  tell_taken(client, length);
  return length;
}

size_t next_input(char *bytes, size_t room) {
  static int last;
  for (int i = 1; i <= MAX_CLIENTS; i++) {
    int index = (last + i) % MAX_CLIENTS;
    if (clients[index].input_waits == 0) continue;
    last = index;
    return take_input(&clients[index], bytes, room);
  }
  return 0;
}

bool input_is_over(void) { return input_over; }

/* ---- the loop's ------------------------------------------------------------------------------- */

int poll_clients(struct pollfd *polled) {
  int count = 0;
  polled[count++] = (struct pollfd){.fd = listening, .events = POLLIN};
  for (int i = 0; i < MAX_CLIENTS; i++) {
    short events = (short)(POLLIN | (clients[i].waits > 0 ? POLLOUT : 0));
    polled[count++] = (struct pollfd){.fd = clients[i].fd, .events = events};
  }
  return count;
}

/* False when the client is to go. */
static bool take_frame(int index, size_t length, on_frame *handle) {
  struct client *client = &clients[index];
  const char *bytes = client->frame + HEAD;
  char type = client->frame[0];
  if (type == 'o') client->wants_output = true;
  if (type == 'e') end_input(client);
  if (type == 'i' && !keep_input(client, bytes, length)) return false;
  handle(index, type, bytes, length);
  return true;
}

/* Whole frames that have come are handled; false when the client is to go: it has hung up, and
 * all that it sent before is read. */
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
    if (!take_frame(index, length, handle)) return false;
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
    if ((polled[i].revents & POLLOUT) != 0) flush(client);
    if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
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
      if (clients[i].fd >= 0 && clients[i].waits > 0) flush(&clients[i]);
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
