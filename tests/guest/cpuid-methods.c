/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Other answers of the CPUID instruction, by one of two methods
 *
 * Part of the library of kvm-cpuid-shim.c.  $KVM_CPUID_SHIM_METHOD names the
 * method; the default is fault where the CPU can do it, else patch.
 *
 * fault: arch_prctl(ARCH_SET_CPUID) makes the instruction raise SIGSEGV.  This
 * needs cpuid_fault in /proc/cpuinfo, as Intel's CPUs have.  It holds for every
 * CPUID of this thread, also in libraries, and of the threads that it creates
 * from then on, but not of those that are there already.
 *
 * patch: overwrites the CPUID instructions (0f a2) of the main program with
 * UD2 (0f 0b), which raises SIGILL, on every x86-64 CPU.  It also holds for
 * threads that are there already, which is better.  CPUID in libraries, and in
 * code that the program makes while it runs, returns what the real CPU does.
 * QEMU has no such code, and makes its CPU models from its own host_cpuid();
 * libraries choose instructions with CPUID, and the real CPU executes them.
 *
 * The bytes 0f a2 may also be part of another instruction.  They are CPUID if
 * disassembling their function arrives at them.  Where functions begin is in
 * the unwind tables (.eh_frame).  They are in memory, stripped programs have
 * them as well, and so do the parts into which compilers split a function;
 * neither PIE nor LTO nor sanitizers matter.  Code without unwind tables, and
 * code that the disassembler does not know, ends the program if it holds these
 * bytes: whether they are CPUID is not guessed.
 *
 * Children inherit either; with patch, fork() copies the pages with UD2.
 * execve() ends both.  QEMU has no handlers of its own for these signals, and
 * blocks them in no thread.
 */

/* For the names of registers in <ucontext.h> */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <capstone/capstone.h>
#include "cpuid-methods.h"

/* arch/x86/include/uapi/asm/prctl.h */
#define ARCH_SET_CPUID 0x1012

/* QEMU has about 20. */
#define MAX_PATCHES 1000

static CpuidAnswer *answer;
/* What the signal did before */
static struct sigaction previous;
/* Where the main program had CPUID */
static uint8_t *patches[MAX_PATCHES];
static size_t patches_count;

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

/* Whether this is the instruction that @signal was arranged for */
static bool is_cpuid(int signal, const siginfo_t *info, const uint8_t *code)
{
    size_t i;

    if (signal == SIGSEGV) {
        /* CPUID is not an access to memory, which would have an address. */
        return info->si_code == SI_KERNEL && code[0] == 0x0f &&
               code[1] == 0xa2;
    }
    /* Other codes are those of kill() and the like. */
    if (info->si_code != ILL_ILLOPN) {
        return false;
    }
    for (i = 0; i < patches_count && patches[i] != code; i++) {
    }
    return i < patches_count;
}

static void handle_signal(int signal, siginfo_t *info, void *context)
{
    greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint32_t regs[4];

    if (!is_cpuid(signal, info, (const uint8_t *)gregs[REG_RIP])) {
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

static void handle(int signal)
{
    struct sigaction action = {
        .sa_sigaction = handle_signal,
        /* Coroutines have stacks of their own, and CPUID needs little. */
        .sa_flags = SA_SIGINFO | SA_NODEFER,
    };

    if (sigaction(signal, &action, &previous)) {
        die("sigaction: %s", strerror(errno));
    }
}

static bool fault_cpuid(void)
{
    handle(SIGSEGV);
    if (!syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) {
        return true;
    }
    sigaction(SIGSEGV, &previous, NULL);
    return false;
}

/* Finds the CPUID instructions of a segment. */
static void find_cpuid(csh disassembler, cs_insn *instruction,
                       uint64_t bias, const uint8_t *begin, size_t size)
{
    const uint8_t *end = begin + size;
    const uint8_t *function = NULL;
    const uint8_t *code = NULL;
    const uint8_t *a2;

    for (a2 = begin; (a2 = memchr(a2, 0xa2, end - a2)); a2++) {
        const uint8_t *found = a2 - 1;
        const uint8_t *start;

        if (a2 == begin || *found != 0x0f) {
            continue;
        }
        /* It takes a return address, and looks before that. */
        start = _Unwind_FindEnclosingFunction((void *)(found + 1));
        if (!start) {
            die("the bytes 0f a2 at 0x%lx may be a CPUID instruction, but no "
                "unwind table says where the function begins",
                (uintptr_t)found - bias);
        }
        if (start != function) {
            code = function = start;
        }
        while (code <= found) {
            size_t left = end - code;
            uint64_t address = (uintptr_t)code;

            if (!cs_disasm_iter(disassembler, &code, &left, &address,
                                instruction)) {
                die("the bytes 0f a2 at 0x%lx may be a CPUID instruction, but "
                    "the one at 0x%lx is unknown", (uintptr_t)found - bias,
                    (uintptr_t)code - bias);
            }
        }
        /* The last one is that which the bytes are in. */
        if (instruction->id == X86_INS_CPUID) {
            if (patches_count == MAX_PATCHES) {
                die("more than %d CPUID instructions", MAX_PATCHES);
            }
            patches[patches_count++] = (uint8_t *)found;
        }
    }
}

static void patch(uint8_t *byte)
{
    uintptr_t page_size = sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)byte & -page_size);

    /* Other threads go on to execute the page. */
    if (mprotect(page, page_size, PROT_READ | PROT_WRITE | PROT_EXEC)) {
        die("CPUID can't be overwritten: %s", strerror(errno));
    }
    *byte = 0x0b;
    mprotect(page, page_size, PROT_READ | PROT_EXEC);
}

/* Called for the main program first. */
static int get_program(struct dl_phdr_info *object,
                       size_t size __attribute__((unused)), void *program)
{
    *(struct dl_phdr_info *)program = *object;
    return 1;
}

static void patch_cpuid(void)
{
    struct dl_phdr_info program;
    csh disassembler;
    cs_insn *instruction;
    size_t i;

    dl_iterate_phdr(get_program, &program);
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &disassembler) != CS_ERR_OK) {
        die("libcapstone does not know x86");
    }
    instruction = cs_malloc(disassembler);
    for (i = 0; i < program.dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &program.dlpi_phdr[i];

        if (segment->p_type == PT_LOAD && segment->p_flags & PF_X) {
            find_cpuid(disassembler, instruction, program.dlpi_addr,
                       (uint8_t *)program.dlpi_addr + segment->p_vaddr,
                       segment->p_filesz);
        }
    }
    cs_free(instruction, 1);
    cs_close(&disassembler);
    handle(SIGILL);
    for (i = 0; i < patches_count; i++) {
        patch(patches[i] + 1);
    }
}

void answer_cpuid(CpuidAnswer *to)
{
    const char *method = getenv("KVM_CPUID_SHIM_METHOD");

    answer = to;
    if (method && strcmp(method, "fault") && strcmp(method, "patch")) {
        die("KVM_CPUID_SHIM_METHOD is '%s': it is fault or patch", method);
    }
    if (!method || !strcmp(method, "fault")) {
        if (fault_cpuid()) {
            return;
        }
        if (method) {
            die("KVM_CPUID_SHIM_METHOD=fault takes a CPU with cpuid_fault: %s",
                strerror(errno));
        }
    }
    patch_cpuid();
}
