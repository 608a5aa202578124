// The measured side of the benchmark: does one kind of work on a directory and prints what it
// took as JSON. In C, so that what is measured is the filesystem. It measures and counts, and
// knows nothing of what is mounted where.
//
//   client run COPIES PROGRAM ARG...   programs at once; their output is read and counted
//   client first PROGRAM ARG...        the time is that of the first byte of output
//   client read LIST                   opens, reads and closes every file named in LIST
//   client absent DIR COUNT            stats COUNT names that do not exist
//   client create DIR COUNT SIZE       makes COUNT files of SIZE bytes
//   client sequential FILE             reads a file through
//   client append FILE                 opens a file for appending and writes one byte
//   client stat LIST                   stats every name in LIST
//   client random-read FILE COUNT      reads COUNT blocks of 4 KB from anywhere in a file
//   client random-write FILE COUNT     writes them, in a file that is there
//   client map FILE                    reads a file through a mapping
//   client write FILE BYTES [fsync]    makes a file, and waits until it is on the disk
//   client sync FILE                   waits until a file is on the disk
//   client drain FILE BYTES PAUSE      reads that much, with a pause of PAUSE µs after each 1 MB
//   client latency LIST FROM COUNT PAUSE   stats names FROM to FROM + COUNT of LIST and reads 4 KB
//                                      of each, with a pause of PAUSE µs between
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, MOST_COPIES = 64, BLOCK = 4096 };

static char buffer[BUFFER];
static unsigned long long bytes, lines;
// Of the work whose parts are measured one by one.
static double p99;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

static void count(const char *data, size_t size) {
    bytes += size;
    for (const char *p = data; (p = memchr(p, '\n', data + size - p)) != NULL; p++) lines++;
}

// Starts a program whose output comes back through the descriptor returned.
static int start(char **argv) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) err(2, "pipe");
    pid_t pid = fork();
    if (pid < 0) err(2, "fork");
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execvp(argv[0], argv);
        err(127, "%s", argv[0]);
    }
    close(ends[1]);
    fcntl(ends[0], F_SETPIPE_SZ, BUFFER);
    return ends[0];
}

static void run(int copies, char **argv) {
    struct pollfd outputs[MOST_COPIES];
    if (copies < 1 || copies > MOST_COPIES) errx(2, "1 to %d copies", MOST_COPIES);
    for (int i = 0; i < copies; i++) {
        outputs[i] = (struct pollfd){.fd = start(argv), .events = POLLIN};
    }
    for (int open = copies; open > 0;) {
        if (poll(outputs, copies, -1) < 0) err(2, "poll");
        for (int i = 0; i < copies; i++) {
            if (outputs[i].fd < 0 || outputs[i].revents == 0) continue;
            ssize_t got = read(outputs[i].fd, buffer, BUFFER);
            if (got > 0) {
                count(buffer, got);
                continue;
            }
            close(outputs[i].fd);
            outputs[i].fd = -1;
            open--;
        }
    }
    int status;
    while (wait(&status) > 0) {
        if (status != 0) errx(2, "%s ended with status %d", argv[0], WEXITSTATUS(status));
    }
}

// When the program's first byte of output came. Returns when it has ended.
static double first_output(char **argv) {
    int output = start(argv), status;
    double at = 0;
    for (ssize_t got; (got = read(output, buffer, BUFFER)) > 0; count(buffer, got)) {
        if (at == 0) at = now();
    }
    while (wait(&status) > 0) {
        if (status != 0) errx(2, "%s ended with status %d", argv[0], WEXITSTATUS(status));
    }
    if (at == 0) errx(2, "%s wrote nothing", argv[0]);
    return at;
}

static void read_file(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) err(2, "open %s", path);
    ssize_t got;
    while ((got = read(fd, buffer, BUFFER)) > 0) bytes += got;
    if (got < 0) err(2, "read %s", path);
    close(fd);
}

// The list is read before the clock starts.
static char **names_in(const char *list) {
    FILE *file = fopen(list, "r");
    if (file == NULL) err(2, "%s", list);
    size_t room = 1024, used = 0;
    char **names = malloc(room * sizeof *names), *line = NULL;
    size_t length = 0;
    for (ssize_t got; (got = getline(&line, &length, file)) > 0;) {
        line[got - 1] = '\0';
        if (used + 1 == room) names = realloc(names, (room *= 2) * sizeof *names);
        names[used++] = strdup(line);
    }
    names[used] = NULL;
    fclose(file);
    return names;
}

static void absent(const char *directory, int many) {
    char path[4096];
    struct stat st;
    for (int i = 0; i < many; i++) {
        snprintf(path, sizeof path, "%s/no-such-name-%d", directory, i);
        if (stat(path, &st) == 0) errx(2, "%s exists", path);
        if (errno != ENOENT) err(2, "%s", path);
        lines++;
    }
}

static void create(const char *directory, int many, int size) {
    char path[4096];
    if (size > BUFFER) errx(2, "at most %d bytes", BUFFER);
    memset(buffer, 'x', size);
    if (mkdir(directory, 0755) < 0) err(2, "%s", directory);
    for (int i = 0; i < many; i++) {
        snprintf(path, sizeof path, "%s/file-%d", directory, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd < 0) err(2, "%s", path);
        if (write(fd, buffer, size) != size) err(2, "write %s", path);
        if (close(fd) < 0) err(2, "close %s", path);
        bytes += size;
        lines++;
    }
}

static void append(const char *path) {
    int fd = open(path, O_WRONLY | O_APPEND);
    if (fd < 0) err(2, "%s", path);
    if (write(fd, "x", 1) != 1 || close(fd) < 0) err(2, "%s", path);
    bytes++;
}

static void stat_all(char **names) {
    struct stat st;
    for (; *names != NULL; names++, lines++) {
        if (lstat(*names, &st) < 0) err(2, "%s", *names);
    }
}

// xorshift64: the same places each time.
static uint64_t next_random(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void at_random(const char *path, int many, bool writes) {
    struct stat st;
    int fd = open(path, writes ? O_WRONLY : O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0) err(2, "%s", path);
    for (int i = 0; i < many; i++, bytes += BLOCK) {
        off_t at = next_random() % (st.st_size / BLOCK) * BLOCK;
        ssize_t done = writes ? pwrite(fd, buffer, BLOCK, at) : pread(fd, buffer, BLOCK, at);
        if (done != BLOCK) err(2, "%s at %lld", path, (long long)at);
    }
    close(fd);
}

static void read_map(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0) err(2, "%s", path);
    const uint64_t *data = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) err(2, "mmap %s", path);
    uint64_t sum = 0;
    for (off_t i = 0; i < st.st_size / (off_t)sizeof *data; i++) sum ^= data[i];
    // What is read must be of use, or the compiler leaves the reading out.
    bytes = st.st_size + (sum == UINT64_MAX);
    munmap((void *)data, st.st_size);
    close(fd);
}

static void write_file(const char *path, long long size, bool flushes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) err(2, "%s", path);
    memset(buffer, 'x', BUFFER);
    while ((long long)bytes < size) {
        ssize_t done = write(fd, buffer, size - bytes < BUFFER ? size - bytes : BUFFER);
        if (done < 0) err(2, "write %s", path);
        bytes += done;
    }
    if ((flushes && fsync(fd) < 0) || close(fd) < 0) err(2, "%s", path);
}

static void sync_file(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fsync(fd) < 0 || close(fd) < 0) err(2, "%s", path);
}

static void drain(const char *path, long long size, int pause) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) err(2, "%s", path);
    for (ssize_t got; (long long)bytes < size && (got = read(fd, buffer, BUFFER)) > 0; bytes += got) {
        usleep(pause);
    }
    close(fd);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void latency(char **names, int from, int many, int pause) {
    double *times = malloc(many * sizeof *times);
    struct stat st;
    for (int i = 0; i < many; i++, lines++) {
        if (names[from + i] == NULL) errx(2, "the list ends");
        double started = now();
        if (lstat(names[from + i], &st) < 0) err(2, "%s", names[from + i]);
        int fd = open(names[from + i], O_RDONLY);
        if (fd < 0 || pread(fd, buffer, BLOCK, 0) < 0) err(2, "%s", names[from + i]);
        close(fd);
        times[i] = now() - started;
        usleep(pause);
    }
    qsort(times, many, sizeof *times, ascending);
    p99 = times[many * 99 / 100];
    free(times);
}

int main(int argc, char **argv) {
    const char *work = argc > 2 ? argv[1] : "";
    bool reads_list = strcmp(work, "read") == 0 || strcmp(work, "stat") == 0 || strcmp(work, "latency") == 0;
    char **names = reads_list ? names_in(argv[2]) : NULL;
    double started = now();
    double ended = 0;
    if (strcmp(work, "run") == 0 && argc > 3) run(atoi(argv[2]), argv + 3);
    else if (strcmp(work, "first") == 0) ended = first_output(argv + 2);
    else if (strcmp(work, "read") == 0) for (; *names != NULL; names++, lines++) read_file(*names);
    else if (strcmp(work, "stat") == 0) stat_all(names);
    else if (strcmp(work, "latency") == 0 && argc == 6) latency(names, atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    else if (strcmp(work, "absent") == 0 && argc == 4) absent(argv[2], atoi(argv[3]));
    else if (strcmp(work, "create") == 0 && argc == 5) create(argv[2], atoi(argv[3]), atoi(argv[4]));
    else if (strcmp(work, "sequential") == 0) read_file(argv[2]);
    else if (strcmp(work, "append") == 0) append(argv[2]);
    else if (strcmp(work, "random-read") == 0 && argc == 4) at_random(argv[2], atoi(argv[3]), false);
    else if (strcmp(work, "random-write") == 0 && argc == 4) at_random(argv[2], atoi(argv[3]), true);
    else if (strcmp(work, "sync") == 0) sync_file(argv[2]);
    else if (strcmp(work, "map") == 0) read_map(argv[2]);
    else if (strcmp(work, "write") == 0 && argc >= 4) write_file(argv[2], atoll(argv[3]), argc == 5);
    else if (strcmp(work, "drain") == 0 && argc == 5) drain(argv[2], atoll(argv[3]), atoi(argv[4]));
    else errx(2, "what is to be done? see client.c");
    double elapsed = (ended == 0 ? now() : ended) - started;

    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    printf("{\"seconds\":%.6f,\"user\":%.6f,\"system\":%.6f,\"bytes\":%llu,\"lines\":%llu,\"p99\":%.6f,\"peak\":%ld}\n",
           elapsed, seconds(self.ru_utime) + seconds(children.ru_utime),
           seconds(self.ru_stime) + seconds(children.ru_stime), bytes, lines, p99,
           children.ru_maxrss);
    return 0;
}
