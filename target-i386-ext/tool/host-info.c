/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What explains a passport
 *
 * What can't be read is left out: nothing depends on it.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include "host-info.h"

/* As passport.c reads */
enum { MAX_TEXT = 256 };

/* NULL if it is empty, too long or not ASCII */
static json_t *text_to_json(const char *text)
{
    const char *c = text;

    while (*c >= ' ' && *c <= '~') {
        c++;
    }
    return *c || c == text || c - text > MAX_TEXT ? NULL : json_string(text);
}

/* Of the first logical CPU, in /proc/cpuinfo */
static json_t *microcode(void)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    json_t *found = NULL;
    char line[4096];

    while (f && !found && fgets(line, sizeof(line), f)) {
        const char *value = strchr(line, ':');

        if (!strncmp(line, "microcode", 9) && value) {
            value += 1 + strspn(value + 1, " \t");
            line[strcspn(line, "\n")] = 0;
            found = text_to_json(value);
        }
    }
    if (f) {
        fclose(f);
    }
    return found;
}

static json_t *kernel(void)
{
    struct utsname name;

    return uname(&name) ? NULL : text_to_json(name.release);
}

/* Only what everybody may read: root writes the same passport as others. */
static json_t *parameter(int directory, const char *name)
{
    char text[MAX_TEXT + 2];
    struct stat status;
    ssize_t length;
    int fd;

    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) ||
        !S_ISREG(status.st_mode) || !(status.st_mode & S_IROTH)) {
        return NULL;
    }
    fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return NULL;
    }
    length = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (length < 0) {
        return NULL;
    }
    text[length] = 0;
    text[strcspn(text, "\n")] = 0;
    return text_to_json(text);
}

/* NULL if the module is not there */
static json_t *parameters(const char *module)
{
    char path[64];
    json_t *object;
    struct dirent *entry;
    DIR *directory;

    snprintf(path, sizeof(path), "/sys/module/%s/parameters", module);
    directory = opendir(path);
    if (!directory) {
        return NULL;
    }
    object = json_object();
    while ((entry = readdir(directory))) {
        json_t *value = parameter(dirfd(directory), entry->d_name);

        if (value) {
            json_object_set_new(object, entry->d_name, value);
        }
    }
    closedir(directory);
    return object;
}

json_t *host_info(bool this_host, bool hybrid)
{
    static const char *const names[] = { "kvm", "kvm_amd", "kvm_intel" };
    json_t *modules = json_object();
    size_t i;

    for (i = 0; this_host && i < sizeof(names) / sizeof(names[0]); i++) {
        json_t *found = parameters(names[i]);

        if (found) {
            json_object_set_new(modules, names[i], found);
        }
    }
    return json_pack("{s:o?, s:o?, s:o, s:b}",
                     "microcode", this_host ? microcode() : NULL,
                     "kernel", this_host ? kernel() : NULL,
                     "modules", modules, "hybrid", hybrid);
}
