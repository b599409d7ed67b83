/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A QEMU that is asked over QMP
 *
 * Source: QEMU's QMP specification (docs/interop/qmp-spec.rst): one JSON object
 * in each line, a greeting, and events between replies.  One command is sent at
 * a time, so that replies need no identification.
 */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "json-text.h"
#include "live-qemu.h"
#include "models-json.h"

extern char **environ;

enum {
    /* What an answer may take: the longest one is of all machine types. */
    TIMEOUT = 60,
    /* Connecting, the greeting of a running QEMU, and the end of one */
    SHORT_TIMEOUT = 10,
    /* All that query-cpu-model-table says is less than 1 MiB. */
    MAX_REPLY = 64 << 20,
    /* What is kept of the messages of a QEMU, and of each line in errors */
    MAX_MESSAGES = 16384,
    MAX_MESSAGE = 400,
    MAX_OPTIONS = 32,
};

struct LiveQemu {
    char *name;
    char version[128];
    int major;
    /* Of a QEMU that was started; 0 otherwise */
    pid_t pid;
    /* The same one for a socket; @messages_fd is -1 there. */
    int in, out, messages_fd;
    bool lost;
    /* What was read, of which the first @used bytes are done with */
    char *buffer;
    size_t room, length, used;
    char messages[MAX_MESSAGES + 1];
    size_t messages_length;
};

static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

/* Always false; one line of printable ASCII */
__attribute__((format(printf, 2, 3)))
static bool fail(char error[LIVE_QEMU_ERROR], const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(error, LIVE_QEMU_ERROR, format, ap);
    va_end(ap);
    make_printable(error);
    return false;
}

static long long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* ---- the process ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* Reads what QEMU wrote to stderr; what is too much is not kept. */
static void read_messages(LiveQemu *q)
{
    char bytes[4096];
    ssize_t n;

    while (q->messages_fd >= 0 &&
           (n = read(q->messages_fd, bytes, sizeof(bytes))) != -1) {
        size_t left = MAX_MESSAGES - q->messages_length;
        size_t kept = (size_t)n < left ? (size_t)n : left;

        if (!n) {
            close_fd(&q->messages_fd);
            break;
        }
        memcpy(q->messages + q->messages_length, bytes, kept);
        q->messages_length += kept;
    }
}

/* Waits @seconds for the end of QEMU, and kills it then. */
static int wait_for_end(LiveQemu *q, int seconds)
{
    long long deadline = now_ms() + seconds * 1000LL;
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(q->pid, &status, WNOHANG)) == 0 &&
           now_ms() < deadline) {
        /* Until then, it may write more than a pipe holds. */
        read_messages(q);
        nanosleep(&(struct timespec) { 0, 2000000 }, NULL);
    }
    if (pid == 0) {
        kill(q->pid, SIGKILL);
        while (waitpid(q->pid, &status, 0) < 0 && errno == EINTR) {
            continue;
        }
    }
    q->pid = 0;
    read_messages(q);
    return status;
}

/* @line without "FILE: ", which QEMU's messages begin with */
static const char *without_name(const LiveQemu *q, const char *line)
{
    const char *slash = strrchr(q->name, '/');
    const char *names[] = { q->name, slash ? slash + 1 : q->name };
    size_t i;

    for (i = 0; i < 2; i++) {
        size_t length = strlen(names[i]);

        if (!strncmp(line, names[i], length) &&
            !strncmp(line + length, ": ", 2)) {
            return line + length + 2;
        }
    }
    return line;
}

/* QEMU's own words, without warnings; how it ended if there are none */
static void add_messages(LiveQemu *q, int status, char error[LIVE_QEMU_ERROR])
{
    size_t length = strlen(error);
    char *rest = q->messages, *line;
    bool any = false;

    q->messages[q->messages_length] = '\0';
    while ((line = strtok_r(rest, "\r\n", &rest)) &&
           length < LIVE_QEMU_ERROR) {
        if (strstr(line, ": warning: ")) {
            continue;
        }
        length += snprintf(error + length, LIVE_QEMU_ERROR - length,
                           "%s%.*s", any ? "; " : "", MAX_MESSAGE,
                           without_name(q, line));
        any = true;
    }
    if (!any && WIFSIGNALED(status)) {
        snprintf(error + length, LIVE_QEMU_ERROR - length, "signal %d",
                 WTERMSIG(status));
    } else if (!any) {
        snprintf(error + length, LIVE_QEMU_ERROR - length, "exit status %d",
                 WEXITSTATUS(status));
    }
    make_printable(error);
}

/* ---- bytes ---- */

/* Why nothing more comes from QEMU while it should answer @command */
static bool fail_lost(LiveQemu *q, const char *command,
                      char error[LIVE_QEMU_ERROR])
{
    q->lost = true;
    if (!q->pid) {
        return command ? fail(error, "%.64s: %.200s ended the connection",
                              command, q->name)
                       : fail(error, "%.200s is not a QMP monitor, or not a "
                              "free one: it ended the connection", q->name);
    }
    if (command) {
        fail(error, "QEMU died over %.64s: ", command);
    } else {
        fail(error, "QEMU does not start: ");
    }
    add_messages(q, wait_for_end(q, SHORT_TIMEOUT), error);
    return false;
}

static bool fail_timeout(LiveQemu *q, const char *command, int seconds,
                         char error[LIVE_QEMU_ERROR])
{
    q->lost = true;
    if (command) {
        return fail(error, "%.64s: no answer within %d s", command, seconds);
    }
    return fail(error, q->pid ? "%.200s says nothing within %d s: it is not a "
                                "QEMU"
                              : "%.200s does not answer within %d s: a QMP "
                                "monitor takes one client at a time; give "
                                "QEMU another -qmp monitor for this",
                q->name, seconds);
}

/* Writes without a signal if nobody reads. */
static ssize_t write_quietly(LiveQemu *q, const char *bytes, size_t length)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
    ssize_t n;

    if (!q->pid) {
        return send(q->out, bytes, length, MSG_NOSIGNAL);
    }
    /* Pipes have no such flag, and stdout wants its signal. */
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, &old);
    n = write(q->out, bytes, length);
    sigaction(SIGPIPE, &old, NULL);
    return n;
}

/*
 * Waits until QEMU can read (@events is POLLOUT) or has written (POLLIN).  Its
 * messages are read meanwhile, as it waits while that pipe is full.
 */
static bool wait_for(LiveQemu *q, short events, const char *command,
                     long long deadline, int seconds,
                     char error[LIVE_QEMU_ERROR])
{
    while (true) {
        struct pollfd fds[2] = {
            { events == POLLOUT ? q->out : q->in, events, 0 },
            { q->messages_fd, POLLIN, 0 },
        };
        long long left = deadline - now_ms();

        if (left <= 0) {
            return fail_timeout(q, command, seconds, error);
        }
        if (poll(fds, 2, left) < 0 && errno != EINTR) {
            q->lost = true;
            return fail(error, "poll: %s", strerror(errno));
        }
        read_messages(q);
        if (fds[0].revents) {
            return true;
        }
    }
}

static bool write_all(LiveQemu *q, const char *command, const char *bytes,
                      size_t length, long long deadline,
                      char error[LIVE_QEMU_ERROR])
{
    while (length) {
        ssize_t n = write_quietly(q, bytes, length);

        if (n >= 0) {
            bytes += n;
            length -= n;
        } else if (errno != EAGAIN && errno != EINTR) {
            return fail_lost(q, command, error);
        } else if (!wait_for(q, POLLOUT, command, deadline, TIMEOUT, error)) {
            return false;
        }
    }
    return true;
}

/* Room for more in @buffer, without what is done with */
static bool make_room(LiveQemu *q, const char *command,
                      char error[LIVE_QEMU_ERROR])
{
    char *longer;

    if (q->used) {
        memmove(q->buffer, q->buffer + q->used, q->length - q->used);
        q->length -= q->used;
        q->used = 0;
    }
    if (q->length < q->room) {
        return true;
    }
    if (q->room >= MAX_REPLY) {
        q->lost = true;
        return fail(error, "%s: the answer is larger than %d MiB",
                    command ? command : q->name, MAX_REPLY >> 20);
    }
    q->room = q->room ? 2 * q->room : 1 << 16;
    longer = realloc(q->buffer, q->room);
    if (!longer) {
        q->lost = true;
        q->room = q->length;
        return fail(error, "not enough memory");
    }
    q->buffer = longer;
    return true;
}

/* The next line of QEMU, of *@length bytes */
static const char *read_line(LiveQemu *q, const char *command,
                             long long deadline, int seconds, size_t *length,
                             char error[LIVE_QEMU_ERROR])
{
    size_t seen = 0;

    while (true) {
        char *from = q->buffer + q->used, *end = NULL;
        ssize_t n;

        if (q->length > q->used + seen) {
            end = memchr(from + seen, '\n', q->length - q->used - seen);
        }
        if (end) {
            *length = end - from;
            q->used += *length + 1;
            return from;
        }
        seen = q->length - q->used;
        if (!make_room(q, command, error)) {
            return NULL;
        }
        n = read(q->in, q->buffer + q->length, q->room - q->length);
        if (n > 0) {
            q->length += n;
        } else if (!n || (errno != EAGAIN && errno != EINTR)) {
            fail_lost(q, command, error);
            return NULL;
        } else if (!wait_for(q, POLLIN, command, deadline, seconds, error)) {
            return NULL;
        }
    }
}

/* ---- QMP ---- */

static json_t *fail_nonsense(LiveQemu *q, const char *command,
                             const char *what, char error[LIVE_QEMU_ERROR])
{
    q->lost = true;
    if (command) {
        fail(error, "%.64s: %.200s is not understood: %s", command, q->name,
             what);
    } else {
        fail(error, "%.200s is not a QMP monitor: %s", q->name, what);
    }
    return NULL;
}

/* The next object, other than events, from QEMU */
static json_t *read_object(LiveQemu *q, const char *command, int seconds,
                           char error[LIVE_QEMU_ERROR])
{
    long long deadline = now_ms() + seconds * 1000LL;

    while (true) {
        char problem[MODELS_JSON_ERROR];
        size_t length;
        const char *line = read_line(q, command, deadline, seconds, &length,
                                     error);
        json_t *object;

        if (!line) {
            return NULL;
        }
        if (!length || (length == 1 && *line == '\r')) {
            continue;
        }
        object = models_json_parse(line, length, problem, sizeof(problem));
        if (!object) {
            return fail_nonsense(q, command, problem, error);
        }
        if (!json_object_get(object, "event")) {
            return object;
        }
        json_decref(object);
    }
}

static bool read_greeting(LiveQemu *q, int seconds,
                          char error[LIVE_QEMU_ERROR])
{
    json_t *greeting = read_object(q, NULL, seconds, error);
    int major, minor, micro;
    const char *package;

    if (!greeting) {
        return false;
    }
    if (json_unpack(greeting, "{s:{s:{s:{s:i, s:i, s:i}, s:s}}}", "QMP",
                    "version", "qemu", "major", &major, "minor", &minor,
                    "micro", &micro, "package", &package)) {
        fail_nonsense(q, NULL, "its greeting has no version", error);
        json_decref(greeting);
        return false;
    }
    q->major = major;
    snprintf(q->version, sizeof(q->version), *package ? "%d.%d.%d (%.80s)"
                                                      : "%d.%d.%d",
             major, minor, micro, package);
    json_decref(greeting);
    return true;
}

static bool send_command(LiveQemu *q, const char *command, json_t *arguments,
                         char error[LIVE_QEMU_ERROR])
{
    json_t *object = json_pack("{s:s}", "execute", command);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    bool ok = false;

    if (object && arguments) {
        json_object_set(object, "arguments", arguments);
    }
    json_decref(arguments);
    if (out) {
        /* With integers above INT64_MAX, which jansson does not print */
        ok = object && json_text_print(object, false, out);
        ok = !fclose(out) && ok;
    }
    json_decref(object);
    if (!ok) {
        fail(error, "not enough memory");
    }
    ok = ok && write_all(q, command, text, length,
                         now_ms() + TIMEOUT * 1000LL, error);
    free(text);
    return ok;
}

json_t *live_qemu_ask(LiveQemu *q, const char *command, json_t *arguments,
                      LiveProblem *problem, char error[LIVE_QEMU_ERROR])
{
    const char *class, *description;
    json_t *reply, *value;

    *problem = LIVE_LOST;
    if (q->lost) {
        json_decref(arguments);
        fail(error, "%.200s does not answer any more", q->name);
        return NULL;
    }
    if (!send_command(q, command, arguments, error)) {
        return NULL;
    }
    reply = read_object(q, command, TIMEOUT, error);
    if (!reply) {
        return NULL;
    }
    value = json_incref(json_object_get(reply, "return"));
    if (!value && !json_unpack(reply, "{s:{s:s, s:s}}", "error", "class",
                               &class, "desc", &description)) {
        *problem = strcmp(class, "CommandNotFound") ? LIVE_REFUSED
                                                    : LIVE_NO_COMMAND;
        fail(error, "%s", description);
    } else if (!value) {
        fail_nonsense(q, command, "its reply is neither a return nor an error",
                      error);
    }
    json_decref(reply);
    return value;
}

/* Greets; ends @q if that fails. */
static LiveQemu *begin(LiveQemu *q, int seconds, char error[LIVE_QEMU_ERROR])
{
    LiveProblem problem;
    json_t *value = read_greeting(q, seconds, error)
                    ? live_qemu_ask(q, "qmp_capabilities", NULL, &problem,
                                    error) : NULL;

    if (!value) {
        q->lost = true;
        live_qemu_end(q);
        return NULL;
    }
    json_decref(value);
    return q;
}

static LiveQemu *new_qemu(const char *prefix, const char *name)
{
    LiveQemu *q = calloc(1, sizeof(*q));
    size_t size = strlen(prefix) + strlen(name) + 1;

    if (!q) {
        return NULL;
    }
    q->name = malloc(size);
    if (!q->name) {
        free(q);
        return NULL;
    }
    snprintf(q->name, size, "%s%s", prefix, name);
    q->in = q->out = q->messages_fd = -1;
    return q;
}

/* ---- a QEMU of its own ---- */

/* A pipe that other programs don't inherit, and that is none of fds 0 to 2 */
static bool make_pipe(int fds[2])
{
    int i, low[2];

    fds[0] = fds[1] = -1;
    if (pipe(low)) {
        return false;
    }
    for (i = 0; i < 2; i++) {
        fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
        close(low[i]);
    }
    return fds[0] >= 0 && fds[1] >= 0;
}

static bool dont_wait(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* An error of posix_spawnp(), or 0 */
static int spawn(LiveQemu *q, const char *binary, char *const *argv,
                 int in, int out, int err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int error = posix_spawn_file_actions_init(&actions);

    if (error) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    error = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (!error) {
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    }
    if (!error) {
        error = posix_spawn_file_actions_adddup2(&actions, in, 0);
    }
    if (!error) {
        error = posix_spawn_file_actions_adddup2(&actions, out, 1);
    }
    if (!error) {
        error = posix_spawn_file_actions_adddup2(&actions, err, 2);
    }
    if (!error) {
        error = posix_spawnp(&q->pid, binary, &actions, &attributes, argv,
                             environ);
        q->pid = error ? 0 : q->pid;
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int start(LiveQemu *q, const char *binary, char *const *argv)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, error;

    error = make_pipe(in) && make_pipe(out) && make_pipe(err) &&
            dont_wait(in[1]) && dont_wait(out[0]) && dont_wait(err[0])
            ? 0 : errno;
    if (!error) {
        error = spawn(q, binary, argv, in[0], out[1], err[1]);
    }
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&err[1]);
    q->out = in[1];
    q->in = out[0];
    q->messages_fd = err[0];
    return error;
}

LiveQemu *live_qemu_start(const char *binary, const char *const *options,
                          char error[LIVE_QEMU_ERROR])
{
    const char *argv[MAX_OPTIONS] = {
        binary, "-machine", "none", "-S", "-nodefaults", "-no-user-config",
        "-display", "none", "-qmp", "stdio",
    };
    LiveQemu *q = new_qemu("", binary);
    size_t n = 0;
    int number;

    if (!q) {
        fail(error, "not enough memory");
        return NULL;
    }
    while (argv[n]) {
        n++;
    }
    while (*options && n < MAX_OPTIONS - 1) {
        argv[n++] = *options++;
    }
    /* posix_spawnp() changes none of them. */
    number = start(q, binary, (char *const *)argv);
    if (number) {
        fail(error, "cannot start %.200s: %s", binary, strerror(number));
        q->lost = true;
        live_qemu_end(q);
        return NULL;
    }
    return begin(q, TIMEOUT, error);
}

/* ---- a running QEMU ---- */

/* Connects @fd; an errno, or 0. */
static int connect_fd(int fd, const struct sockaddr *address, socklen_t size)
{
    struct pollfd writable = { fd, POLLOUT, 0 };
    socklen_t length = sizeof(int);
    int error = 0, n;

    if (fd < 0 || !dont_wait(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC)) {
        return errno;
    }
    if (!connect(fd, address, size)) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    n = poll(&writable, 1, SHORT_TIMEOUT * 1000);
    if (n <= 0) {
        return n ? errno : ETIMEDOUT;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) ? errno
                                                                 : error;
}

/* HOST:PORT; @host, a copy, without the brackets of an IPv6 address */
static bool split_address(const char *address, char *host, const char **port)
{
    const char *colon = strrchr(address, ':');
    struct stat found;
    size_t length;

    if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")] ||
        !stat(address, &found)) {
        return false;
    }
    length = colon - address;
    if (length > 1 && *address == '[' && colon[-1] == ']') {
        address++;
        length -= 2;
    }
    memcpy(host, address, length);
    host[length] = '\0';
    *port = colon + 1;
    return true;
}

static bool connect_tcp(LiveQemu *q, const char *address, const char *host,
                        const char *port, char error[LIVE_QEMU_ERROR])
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL, *one;
    /* In a static program, only names of hosts need libc's shared parts. */
    int number = getaddrinfo(host, port, &hints, &found);

    if (number) {
        return fail(error, "cannot connect to %.200s: %s", address,
                    gai_strerror(number));
    }
    for (one = found, number = ENOENT; one && number; one = one->ai_next) {
        close_fd(&q->in);
        q->in = socket(one->ai_family, SOCK_STREAM, 0);
        number = connect_fd(q->in, one->ai_addr, one->ai_addrlen);
    }
    freeaddrinfo(found);
    return !number || fail(error, "cannot connect to %.200s: %s", address,
                           strerror(number));
}

static bool connect_unix(LiveQemu *q, const char *path,
                         char error[LIVE_QEMU_ERROR])
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int number;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(error, "cannot connect to %.200s: the path of a socket "
                    "has at most %zu characters", path,
                    sizeof(address.sun_path) - 1);
    }
    strcpy(address.sun_path, path);
    q->in = socket(AF_UNIX, SOCK_STREAM, 0);
    number = connect_fd(q->in, (struct sockaddr *)&address, sizeof(address));
    return !number || fail(error, "cannot connect to %.200s: %s", path,
                           strerror(number));
}

LiveQemu *live_qemu_connect(const char *address, char error[LIVE_QEMU_ERROR])
{
    LiveQemu *q = new_qemu("the QEMU at ", address);
    char *host = malloc(strlen(address) + 1);
    const char *port;
    bool ok = q && host;

    if (!ok) {
        fail(error, "not enough memory");
    } else if (split_address(address, host, &port)) {
        ok = connect_tcp(q, address, host, port, error);
    } else {
        ok = connect_unix(q, address, error);
    }
    free(host);
    if (!ok) {
        if (q) {
            q->lost = true;
            live_qemu_end(q);
        }
        return NULL;
    }
    q->out = q->in;
    return begin(q, SHORT_TIMEOUT, error);
}

/* ---- all ---- */

const char *live_qemu_name(const LiveQemu *q)
{
    return q->name;
}

const char *live_qemu_version(const LiveQemu *q)
{
    return q->version;
}

int live_qemu_major(const LiveQemu *q)
{
    return q->major;
}

void live_qemu_end(LiveQemu *q)
{
    static const char quit[] = "{\"execute\": \"quit\"}\n";
    bool quits;

    if (!q) {
        return;
    }
    if (q->pid) {
        quits = !q->lost && write_quietly(q, quit, strlen(quit)) > 0;
        wait_for_end(q, quits ? SHORT_TIMEOUT : 0);
    }
    if (q->out != q->in) {
        close_fd(&q->out);
    }
    close_fd(&q->in);
    close_fd(&q->messages_fd);
    free(q->buffer);
    free(q->name);
    free(q);
}
