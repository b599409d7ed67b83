/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * x86-cpu host: write the passport of a host
 *
 * Answers, for tools that run elsewhere: all that QEMU would read here for the
 * CPU of a guest.  docs/x86-cpu-host.rst is the manual.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "host-cpuid.h"
#include "host-dump.h"
#include "host-info.h"
#include "host-kvm.h"
#include "passport.h"

enum { DONE = 0, NOT_WRITTEN = 1, FAILED = 2 };

typedef struct Options {
    const char *from, *output;
    bool help;
} Options;

static const char usage[] =
    "usage: x86-cpu host [--from FILE] [--output FILE]\n"
    "\n"
    "Writes the passport of this host: what the CPUID instruction and /dev/kvm\n"
    "say, for tools that run elsewhere.  Without access to /dev/kvm, it has the\n"
    "CPU only.\n"
    "\n"
    "  --from FILE    the CPU in a dump of 'cpuid -1 -r' instead of this host;\n"
    "                 - is stdin\n"
    "  --output FILE  the file to write instead of stdout\n"
    "  -h, --help     show this\n"
    "\n"
    "exit status:\n"
    "  0    done, also without /dev/kvm\n"
    "  1    the output could not be written\n"
    "  2    error\n";

/* Prints one line of ASCII, whatever the user gave. */
__attribute__((format(printf, 2, 3)))
static void say(const char *kind, const char *format, ...)
{
    char message[1024], *c;
    va_list ap;

    va_start(ap, format);
    vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    for (c = message; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    fprintf(stderr, "%s: %s\n", kind, message);
}

/* ---- options ---- */

/* Whether argv[*i] is option @name, with its value in *@value. */
static bool take_value(char **argv, int *i, const char *name,
                       const char **value, bool *missing)
{
    size_t length = strlen(name);

    if (strncmp(argv[*i], name, length)) {
        return false;
    }
    if (argv[*i][length] == '=') {
        *value = argv[*i] + length + 1;
    } else if (argv[*i][length]) {
        return false;
    } else {
        *value = argv[*i + 1];
        *i += *value != NULL;
    }
    *missing = !*value || !**value;
    return true;
}

static bool parse_options(char **argv, Options *options)
{
    int i;

    for (i = 1; argv[i]; i++) {
        const char *option = argv[i];
        bool missing = false;

        if (!strcmp(option, "-h") || !strcmp(option, "--help")) {
            options->help = true;
        } else if (!take_value(argv, &i, "--from", &options->from, &missing) &&
                   !take_value(argv, &i, "--output", &options->output,
                               &missing)) {
            say("error", "%s '%.60s' (see --help)",
                *option == '-' ? "unknown option" : "unexpected argument",
                option);
            return false;
        }
        if (missing) {
            say("error", "%.8s needs a file (see --help)", option);
            return false;
        }
    }
    return true;
}

/* ---- what to write ---- */

static json_t *make_passport(const HostCpuid *cpuid, const PassportKvm *kvm,
                             bool this_host)
{
    bool hybrid = host_cpuid_is_hybrid(cpuid);
    json_t *json = passport_to_json(cpuid->entries, cpuid->count, kvm,
                                    host_info(this_host, hybrid));
    char error[PASSPORT_ERROR];
    Passport *passport;

    if (!json) {
        say("error", "not enough memory");
        return NULL;
    }
    /* Nothing is written that nobody could read. */
    passport = passport_from_json(json, this_host ? "this host" : "the dump",
                                  error);
    if (!passport) {
        say("error", "%s", error);
        json_decref(json);
        return NULL;
    }
    passport_free(passport);
    return json;
}

static json_t *read_host(HostCpuid *cpuid, HostCpuid *scratch)
{
    char problem[HOST_KVM_PROBLEM] = "";
    PassportKvm kvm;
    HostCores cores;
    json_t *json;
    int fd;

    if (!HOST_IS_X86) {
        say("error", "this is not an x86 host; --from reads a dump of one");
        return NULL;
    }
    /* First of all: simulated hosts begin with the first ioctl. */
    if (!host_kvm_open(&fd, problem)) {
        say("error", "%s", problem);
        return NULL;
    }
    host_cores_find(&cores);
    /* KVM passes on some leaves as the CPU has them that it runs on. */
    host_cores_move(&cores, 0);
    if (fd >= 0 && !host_kvm_read(fd, &kvm, problem)) {
        say("error", "%s", problem);
        close(fd);
        return NULL;
    }
    host_cores_read(&cores, cpuid, scratch);
    json = make_passport(cpuid, fd >= 0 ? &kvm : NULL, true);
    if (fd >= 0) {
        passport_kvm_free(&kvm);
        close(fd);
    } else if (json) {
        say("note", "%s; the passport has the CPU only, not what KVM offers",
            problem);
    }
    return json;
}

static json_t *read_dump(const char *path, HostCpuid *cpuid)
{
    char error[HOST_DUMP_ERROR];
    HostDump *dump = host_dump_read(path, error);

    if (!dump) {
        say("error", "%s", error);
        return NULL;
    }
    host_cpuid_read(cpuid, host_dump_cpuid, dump);
    host_dump_free(dump);
    return make_passport(cpuid, NULL, false);
}

/* NULL after an error */
static char *passport_text(const Options *options)
{
    /* One for the host, and one for a type of its cores */
    HostCpuid *cpuid = calloc(2, sizeof(*cpuid));
    json_t *json;
    char *text;

    if (!cpuid) {
        say("error", "not enough memory");
        return NULL;
    }
    json = options->from ? read_dump(options->from, cpuid) :
           read_host(cpuid, cpuid + 1);
    free(cpuid);
    if (!json) {
        return NULL;
    }
    text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS |
                      JSON_ENSURE_ASCII);
    json_decref(json);
    if (!text) {
        say("error", "not enough memory");
    }
    return text;
}

/* ---- writing ---- */

static bool write_text(FILE *f, const char *text, const char *end)
{
    bool good = fputs(text, f) >= 0 && fputs(end, f) >= 0;

    return !fflush(f) && good;
}

/* Writes to a file of another name, so that there is never half a passport. */
static bool write_beside(const char *path, const char *text)
{
    size_t size = strlen(path) + sizeof(".XXXXXX");
    char *temporary = malloc(size);
    mode_t mask = umask(0);
    bool good = false;
    FILE *f = NULL;
    int fd = -1;

    umask(mask);
    if (temporary) {
        snprintf(temporary, size, "%s.XXXXXX", path);
        fd = mkstemp(temporary);
    }
    if (fd >= 0) {
        f = fdopen(fd, "w");
        good = f && !fchmod(fd, 0666 & ~mask) && write_text(f, text, "\n") &&
               !fsync(fd);
        if (f ? fclose(f) : close(fd)) {
            good = false;
        }
        if (!good || rename(temporary, path)) {
            int error = errno;

            unlink(temporary);
            errno = error;
            good = false;
        }
    }
    free(temporary);
    return good;
}

/* A link stays one. */
/*
 * A link such as /dev/stdout can lead to what has no path: never replace it, or
 * a device.
 */
static bool write_file(const char *path, const char *text)
{
    struct stat status;
    char *target = NULL;
    bool good;

    if (!stat(path, &status)) {
        if (!S_ISREG(status.st_mode)) {
            say("error", "cannot write %.200s: it is not a regular file", path);
            return false;
        }
        target = realpath(path, NULL);
        if (!target) {
            say("error", "cannot write %.200s: %s", path, strerror(errno));
            return false;
        }
    } else if (!lstat(path, &status)) {
        say("error", "cannot write %.200s: it is a link to a file that is not "
            "there", path);
        return false;
    }
    good = write_beside(target ? target : path, text);
    if (!good) {
        say("error", "cannot write %.200s: %s", path, strerror(errno));
    }
    free(target);
    return good;
}

static bool write_stdout(const char *text, const char *end)
{
    if (write_text(stdout, text, end)) {
        return true;
    }
    say("error", "cannot write the output: %s", strerror(errno));
    return false;
}

int main(int argc, char **argv)
{
    Options options = { .from = NULL };
    bool written;
    char *text;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    if (!parse_options(argv, &options)) {
        return FAILED;
    }
    if (options.help) {
        return write_stdout(usage, "") ? DONE : NOT_WRITTEN;
    }
    text = passport_text(&options);
    if (!text) {
        return FAILED;
    }
    written = options.output ? write_file(options.output, text) :
              write_stdout(text, "\n");
    free(text);
    return written ? DONE : NOT_WRITTEN;
}
