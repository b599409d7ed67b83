/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as -cpu takes it
 *
 * Answers, for tools that run where no QEMU is: which CPU does QEMU make of
 * MODEL[,+FEATURE][,-FEATURE][,PROPERTY=VALUE]..., and who requested what?
 */

#ifndef X86CPU_CPU_TEXT_H
#define X86CPU_CPU_TEXT_H

#include <jansson.h>
#include "host-offer.h"

/* Room for the longest error */
enum { CPU_TEXT_ERROR = 512 };

/* Of a name, and of a value that is not a boolean */
#define CPU_TEXT_NOT_BOOL \
    "'%.64s' is '%.64s', which is neither 'on' nor 'off'"

/*
 * The value of an on-off property that is "auto", which only a host can
 * resolve: comparison takes it as off.
 */
enum { CPU_TEXT_AUTO = 2 };

/* What, besides the text, decides which CPU it is */
typedef struct CpuContext {
    const ModelsFile *file;
    /* As number in @file */
    size_t layer;
    X86CpuAccelerator accel;
    ModelsFileIrqchip irqchip;
    /* NULL if unknown */
    const char *host_vendor;
    /* What models host and max request there; NULL if unknown */
    const X86Cpu *host_cpu;
    /* With @host_cpu: what it is made of */
    const HostOffer *host_offer;
    /*
     * An object to which "NAME is FEATURE" is added, as a member, for each
     * feature that the text does not call by QEMU's main name for it; or NULL
     */
    json_t *notes;
} CpuContext;

typedef struct CpuRequest {
    /* Of models host and max, that of base */
    size_t model;
    bool is_host;
    /* As requested, with the user's changes; not yet expanded */
    X86Cpu cpu;
    /* Without the user's changes */
    X86Cpu default_cpu;
    /* Features and properties that the user set, to whatever value */
    uint64_t by_user[X86CPU_MAX_WORDS];
    /* Features that come with the user's avx10-version */
    uint64_t by_avx10_version[X86CPU_MAX_WORDS];
    bool properties_by_user[X86CPU_PROPERTY_COUNT];
    bool vendor_by_user;
    /* compat-anchor; empty if there is none */
    char anchor[64];
    /* Properties that no description has */
    bool enforce, check, powered_off;
    /* The same; only models host and max have them. */
    bool migratable, host_cache_info;
} CpuRequest;

/* What a text is not good for */
typedef enum CpuTextProblem {
    /* QEMU would refuse it. */
    CPU_TEXT_BAD,
    /* Only a host knows models host and max. */
    CPU_TEXT_NEEDS_HOST,
} CpuTextProblem;

/*
 * Fills *@request.  False, with one line of ASCII in @error, of CPU_TEXT_ERROR
 * bytes, and *@problem, if that can't be done.
 */
bool cpu_text_parse(const CpuContext *context, const char *text,
                    CpuRequest *request, CpuTextProblem *problem, char *error);

/*
 * @text, of which @request was made, with QEMU's names where it has others that
 * QEMU does not take; to be freed, or NULL if there is not enough memory
 */
char *cpu_text_for_qemu(const CpuContext *context, const CpuRequest *request,
                        const char *text);

/* Whether QEMU has property @name as int32_t */
bool cpu_text_is_signed(const char *name);

/*
 * Whether what @request is depends on the vendor of the host, which @context
 * lacks: the accelerator gives it to the model, and the user did not set one
 */
bool cpu_text_needs_vendor(const CpuContext *context,
                           const CpuRequest *request);

#endif /* X86CPU_CPU_TEXT_H */
