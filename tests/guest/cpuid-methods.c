/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Other answers of the CPUID instruction
 *
 * Part of the library of kvm-cpuid-shim.c.  arch_prctl(ARCH_SET_CPUID) makes the
 * instruction raise SIGSEGV.  This needs cpuid_fault in /proc/cpuinfo, as
 * Intel's CPUs have.  It holds for every CPUID of this thread, also in
 * libraries, and of the threads that it creates from then on, but not of those
 * that are there already.
 *
 * Children inherit it; execve() ends it.  QEMU has no handler of its own for the
 * signal, and blocks it in no thread.
 */

/* For the names of registers in <ucontext.h> */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <sys/syscall.h>
#include "cpuid-methods.h"

/* arch/x86/include/uapi/asm/prctl.h */
#define ARCH_SET_CPUID 0x1012

static CpuidAnswer *answer;
/* What the signal did before */
static struct sigaction previous;

static void __attribute__((format(printf, 1, 2), noreturn))
die(const char *format, ...)
{
    va_list ap;

    fprintf(stderr, "cpuid-methods: %s: ", program_invocation_name);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    abort();
}

static void handle_signal(int signal, siginfo_t *info, void *context)
{
    greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)gregs[REG_RIP];
    uint32_t regs[4];

    /* CPUID is not an access to memory, which would have an address. */
    if (info->si_code != SI_KERNEL || code[0] != 0x0f || code[1] != 0xa2) {
        sigaction(signal, &previous, NULL);
        /* An instruction raises it again, where this returns to. */
        if (info->si_code <= 0) {
            raise(signal);
        }
        return;
    }
    answer(gregs[REG_RAX], gregs[REG_RCX], regs);
    gregs[REG_RAX] = regs[0];
    gregs[REG_RBX] = regs[1];
    gregs[REG_RCX] = regs[2];
    gregs[REG_RDX] = regs[3];
    gregs[REG_RIP] += 2;
}

void answer_cpuid(CpuidAnswer *to)
{
    struct sigaction action = {
        .sa_sigaction = handle_signal,
        /* Coroutines have stacks of their own, and CPUID needs little. */
        .sa_flags = SA_SIGINFO | SA_NODEFER,
    };

    answer = to;
    if (sigaction(SIGSEGV, &action, &previous)) {
        die("sigaction: %s", strerror(errno));
    }
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) {
        die("CPUID can't be answered here, that takes a CPU with cpuid_fault: "
            "%s", strerror(errno));
    }
}
