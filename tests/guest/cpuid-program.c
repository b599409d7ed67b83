/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A program that executes CPUID
 *
 * For test_made_hosts.py.  Its argument says what it does with KVM, and then:
 *
 *   answers     read lines of a leaf and a sub-leaf, print EAX to EDX
 *   threads     print leaf 0, seen by threads and processes, before KVM and
 *               after it, each line after the name of who sees it
 *   real        print leaf 0, without KVM
 *   constant    print a constant that has the bytes of CPUID in it
 *   ud2         execute UD2
 *   handled     execute UD2, which a handler of its own ends
 *   raise N     send itself signal N
 *   null        write to address 0
 */

#include <cpuid.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#ifdef UNKNOWN
/* Bytes of CPUID after one that is not an instruction */
void unknown(void)
{
    asm volatile(".byte 0x06, 0x0f, 0xa2");
}
#endif

static void use_kvm(void)
{
    int fd = open("/dev/kvm", O_RDWR);

    if (fd < 0 || ioctl(fd, KVM_GET_API_VERSION, 0) < 0) {
        err(2, "/dev/kvm");
    }
    close(fd);
}

static void put_registers(const char *who, uint32_t eax, uint32_t ebx,
                          uint32_t ecx, uint32_t edx)
{
    printf("%s%08x %08x %08x %08x\n", who, eax, ebx, ecx, edx);
    fflush(stdout);
}

static void put(const char *who, uint32_t leaf, uint32_t subleaf)
{
    uint32_t eax, ebx, ecx, edx;

    __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
    put_registers(who, eax, ebx, ecx, edx);
}

static void answers(void)
{
    uint32_t leaf, subleaf;

    while (scanf("%" SCNx32 "%" SCNx32, &leaf, &subleaf) == 2) {
        put("", leaf, subleaf);
    }
}

static uint64_t constant(void)
{
    uint64_t value;

    asm volatile("movabs $0x1122a20f33445566, %0" : "=r" (value));
    return value;
}

static void put_made_code(void)
{
    /* cpuid; ret */
    static const uint8_t code[] = { 0x0f, 0xa2, 0xc3 };
    uint32_t eax = 0, ebx, ecx = 0, edx;
    void *page = mmap(NULL, sizeof(code), PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) {
        err(2, "mmap");
    }
    memcpy(page, code, sizeof(code));
    asm volatile("call *%4"
                 : "+a" (eax), "=&b" (ebx), "+c" (ecx), "=&d" (edx)
                 : "r" (page) : "memory");
    put_registers("made code: ", eax, ebx, ecx, edx);
}

static pthread_barrier_t barrier;

static void *early_thread(void *data)
{
    put("early thread, before: ", 0, 0);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    put("early thread, after: ", 0, 0);
    return data;
}

static void *late_thread(void *data)
{
    put("late thread: ", 0, 0);
    return data;
}

static void wait_for_child(void)
{
    int status;

    if (wait(&status) < 0 || status) {
        errx(2, "a child has failed");
    }
}

static void threads(char *program)
{
    char real[] = "real";
    char *args[] = { program, real, NULL };
    pthread_t early, late;

    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&early, NULL, early_thread, NULL);
    pthread_barrier_wait(&barrier);
    put("before: ", 0, 0);
    use_kvm();
    put("after: ", 0, 0);
    pthread_barrier_wait(&barrier);
    pthread_join(early, NULL);
    pthread_create(&late, NULL, late_thread, NULL);
    pthread_join(late, NULL);
    put_made_code();
    if (!fork()) {
        put("child: ", 0, 0);
        _exit(0);
    }
    wait_for_child();
    if (!fork()) {
        execv(program, args);
        err(2, "%s", program);
    }
    wait_for_child();
}

static void handler(int number)
{
    _exit(number == SIGILL ? 0 : 3);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    volatile int *volatile nowhere = NULL;

    if (!strcmp(what, "threads")) {
        threads(argv[0]);
        return 0;
    }
    if (!strcmp(what, "real")) {
        put("program: ", 0, 0);
        return 0;
    }
    if (!strcmp(what, "handled")) {
        signal(SIGILL, handler);
    }
    use_kvm();
    if (!strcmp(what, "answers")) {
        answers();
    } else if (!strcmp(what, "constant")) {
        printf("%" PRIx64 "\n", constant());
    } else if (!strcmp(what, "ud2") || !strcmp(what, "handled")) {
        asm volatile("ud2");
    } else if (!strcmp(what, "raise") && argc > 2) {
        raise(atoi(argv[2]));
    } else if (!strcmp(what, "null")) {
        *nowhere = 0;
    } else {
        errx(2, "what?");
    }
    return 0;
}
