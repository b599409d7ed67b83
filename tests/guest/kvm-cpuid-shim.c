/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU hands to KVM for a guest to see of its CPUs
 *
 * Answers, for tests under KVM: which CPUID entries and which feature MSRs
 * does QEMU set, seen from outside of QEMU and whatever this kernel makes of
 * them?  Preloaded into QEMU, it appends a line of JSON to the file
 * $KVM_CPUID_SHIM_OUT for each such ioctl, and passes the ioctl on: to the
 * kernel, or to kvm-offers.c, which can make the kernel seem another one.
 *
 * QEMU sets both when it creates a vCPU (kvm_arch_init_vcpu(), and
 * kvm_init_msrs() at its end), also if the guest is not to run (-S).  When
 * QMP greets, the lines of all the CPUs of the command line are there.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/kvm.h>
#include "kvm-offers.h"

#define MSR_IA32_UCODE_REV              0x08b
#define MSR_IA32_CORE_CAPABILITY        0x0cf
#define MSR_IA32_ARCH_CAPABILITIES      0x10a
#define MSR_IA32_PERF_CAPABILITIES      0x345
#define MSR_IA32_VMX_BASIC              0x480
#define MSR_IA32_VMX_VMFUNC             0x491

static bool is_feature_msr(uint32_t index)
{
    return index == MSR_IA32_UCODE_REV ||
           index == MSR_IA32_CORE_CAPABILITY ||
           index == MSR_IA32_ARCH_CAPABILITIES ||
           index == MSR_IA32_PERF_CAPABILITIES ||
           (index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_VMFUNC);
}

static void put_cpuid(FILE *line, int fd, const struct kvm_cpuid2 *cpuid)
{
    uint32_t i;

    fprintf(line, "{\"ioctl\": \"KVM_SET_CPUID2\", \"fd\": %d, "
            "\"nent\": %" PRIu32 ", \"entries\": [", fd, cpuid->nent);
    for (i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

        fprintf(line, "%s{\"function\": %" PRIu32 ", \"index\": %" PRIu32
                ", \"flags\": %" PRIu32 ", \"eax\": %" PRIu32
                ", \"ebx\": %" PRIu32 ", \"ecx\": %" PRIu32
                ", \"edx\": %" PRIu32 "}", i ? ", " : "",
                e->function, e->index, e->flags,
                e->eax, e->ebx, e->ecx, e->edx);
    }
    fprintf(line, "]}\n");
}

static void put_msrs(FILE *line, int fd, const struct kvm_msrs *msrs)
{
    const char *separator = "";
    uint32_t i;

    fprintf(line, "{\"ioctl\": \"KVM_SET_MSRS\", \"fd\": %d, "
            "\"entries\": [", fd);
    for (i = 0; i < msrs->nmsrs; i++) {
        const struct kvm_msr_entry *e = &msrs->entries[i];

        if (is_feature_msr(e->index)) {
            fprintf(line, "%s{\"index\": %" PRIu32 ", \"data\": %" PRIu64 "}",
                    separator, e->index, (uint64_t)e->data);
            separator = ", ";
        }
    }
    fprintf(line, "]}\n");
}

/* A test must not take a report that is cut short for a complete one. */
static void fatal(const char *what)
{
    perror(what);
    abort();
}

/*
 * vCPUs are threads: the line is made in memory of its own and goes out in
 * one write(), which O_APPEND keeps in one piece.
 */
static void report(int fd, unsigned long request, const void *arg)
{
    const char *path = getenv("KVM_CPUID_SHIM_OUT");
    char *text = NULL;
    size_t size = 0;
    FILE *line;
    int out;

    if (!path) {
        return;
    }
    line = open_memstream(&text, &size);
    if (!line) {
        fatal("kvm-cpuid-shim: open_memstream");
    }
    if (request == KVM_SET_CPUID2) {
        put_cpuid(line, fd, arg);
    } else {
        put_msrs(line, fd, arg);
    }
    if (fclose(line)) {
        fatal("kvm-cpuid-shim: fclose");
    }
    out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (out < 0 || write(out, text, size) != (ssize_t)size) {
        fatal(path);
    }
    close(out);
    free(text);
}

/*
 * In the place of the C library's.  Callers that have no argument pass none;
 * to read one all the same is what the C library does, too.
 */
int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);

    if (request == KVM_SET_CPUID2 || request == KVM_SET_MSRS) {
        report(fd, request, arg);
    }
    return offers_ioctl(fd, request, arg);
}
