/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What x86-cpu answers
 *
 * Answers, for the command line and for --batch: which verbs are there, what
 * does a request for one hold, and what is its answer?  Both are JSON objects:
 * options of the command line are members of a request, and text for people is
 * made of the answer.
 */

#ifndef X86CPU_ANSWER_H
#define X86CPU_ANSWER_H

#include <jansson.h>
#include <stdio.h>
#include "compare.h"
#include "cpu-text.h"
#include "host-offer.h"
#include "models-props.h"
#include "passport.h"
#include "smp-text.h"

/* Of programs and answers; see docs/x86-cpu.rst */
typedef enum Status {
    STATUS_YES = 0,
    STATUS_NO = 1,
    STATUS_ERROR = 2,
    STATUS_UNKNOWN = 3,
} Status;

/* Why there is no answer, in one line of ASCII */
typedef struct Problem {
    Status status;
    char text[1024];
} Problem;

/* What is read once, for any number of requests */
typedef struct Tool {
    ModelsFile **files;
    size_t nfiles;
    /* Passports by path, as pointers; see tool_passport() */
    struct ToolPassport *passports;
    size_t npassports;
    /* "notes" of the answer to a request: see CpuContext */
    json_t *notes;
    /* Whether requests come from stdin */
    bool reads_stdin;
    /* Instead of files, a live QEMU (live-answers.h); NULL if there is none */
    struct LiveTool *live;
} Tool;

typedef struct Verb {
    const char *name;
    /* What follows the name in a list of verbs */
    const char *summary;
    /* What follows the options: "CPU", "CPU CPU", "CPU...", or NULL */
    const char *arguments;
    /* Members of requests, up to a NULL; "cpu" and "cpus" are the arguments. */
    const char *const *members;
    /* What --accel takes, and its help; NULL if that is as for most verbs */
    const char *accelerators, *accelerators_help;
    /*
     * The answer to @request, without what all answers have; *@status is
     * STATUS_YES before.  NULL, with *@problem, if there is none.
     */
    json_t *(*answer)(Tool *tool, const json_t *request, Status *status,
                      Problem *problem);
    /* Prints @answer for people. */
    void (*print)(const json_t *answer, const json_t *request, FILE *out);
    /* Whether a live QEMU can answer, too (live-answers.h) */
    bool asks_qemu;
    /* Whether it only needs the models that its CPUs name */
    bool only_named;
    /* Whether notes go to stderr: what it prints is copied to -cpu, or long */
    bool notes_apart;
} Verb;

/* Frees what was only read for one request. */
void tool_end_request(Tool *tool);

/* ---- for verbs ---- */

/* Always NULL */
__attribute__((format(printf, 3, 4)))
void *problem_set(Problem *problem, Status status, const char *format, ...);

/* Member @name of @request, a string; NULL if it is not there. */
bool request_text(const json_t *request, const char *name, const char **text,
                  Problem *problem);

/* The same for an integer up to @max; *@number stays if it is not there. */
bool request_number(const json_t *request, const char *name, uint64_t max,
                    uint64_t *number, Problem *problem);

/* Whether member @name is there, and true */
bool request_flag(const json_t *request, const char *name);

/* "accel"; *@accel stays if it is not there. */
bool request_accelerator(const json_t *request, X86CpuAccelerator *accel,
                         Problem *problem);

/* The same for "irqchip" */
bool request_irqchip(const json_t *request, ModelsFileIrqchip *irqchip,
                     Problem *problem);

/* "smp", on machine type @machine */
bool request_topology(const json_t *request, const char *machine,
                      X86CpuTopology *topology, SmpCounts *counts,
                      Problem *problem);

/* "vendor", of 12 characters; NULL if it is not there */
bool request_vendor(const json_t *request, const char **vendor,
                    Problem *problem);

/* Always false: @who takes no member @name, but @members, up to a NULL. */
bool request_fail_member(const char *who, const char *name,
                         const char *const *members, Problem *problem);

/*
 * How errors name what a request gives: @option on the command line, @member in
 * --batch
 */
const char *request_way(const Tool *tool, const char *option,
                        const char *member);

/*
 * Whether @machine, which is not a machine type, at least has no options of
 * -machine; if it has some, says so.
 */
bool check_machine_alone(const char *machine, Problem *problem);

/*
 * CPU @number in "cpus" of @request, or else "cpu": its text and "machine",
 * which is NULL if it has none of its own
 */
bool request_cpu(const json_t *request, size_t number, const char **text,
                 const char **machine, Problem *problem);

/* What machine type @machine has if nobody says it; @is_11_1: or newer */
ModelsFileIrqchip default_irqchip(bool is_11_1, const char *machine);

/*
 * The passport that @value is: an object, or the name of a file.  It belongs
 * to @tool.
 */
const Passport *tool_passport(Tool *tool, const json_t *value,
                              Problem *problem);

/* A CPU of a request, and what it was asked for */
typedef struct Question {
    const ModelsFile *file;
    const X86CpuTables *tables;
    /* The number of @file */
    size_t file_number;
    CpuContext context;
    const char *machine, *text;
    X86CpuTopology topology;
    SmpCounts counts;
    /* Where the accelerator needs them */
    X86CpuHostValues host;
    bool has_host_values;
    /* That of the host, and model host there; see question_set_host() */
    char vendor[13];
    X86Cpu host_cpu;
    CpuRequest request;
    /* Its static expansion, with @host */
    X86Cpu described;
} Question;

/*
 * Fills *@question, except for the CPU, from "machine", "accel", "irqchip",
 * "smp", "vendor", "phys-bits" and "guest-phys-bits" of @request.  @number is
 * that of the CPU: with several files, the first CPU is of the first file, and
 * so on.  @machine, which may be NULL, goes before the one of @request.
 */
bool question_begin(Tool *tool, const json_t *request, size_t number,
                    const char *machine, Question *question, Problem *problem);

/*
 * Then, with a host: its vendor and values; with @options, which may be NULL,
 * also the CPU of model host.
 */
bool question_set_host(Question *question, const Passport *passport,
                       const HostOptions *options, const HostOffer *offer,
                       Problem *problem);

/* Then: CPU @text, which may have "machine" of its own as an object. */
bool question_ask(Question *question, const char *text, Problem *problem);

/*
 * All of it: CPU @number in "cpus" of @request, a text or an object with "cpu"
 * and "machine".
 */
bool question_fill(Tool *tool, const json_t *request, size_t number,
                   Question *question, Problem *problem);

/* Whether the answer depends on the vendor of the host, which is not known */
bool question_needs_vendor(const Question *question);

/* Names of properties of @described that are the host's, and are not known */
json_t *question_unknown(const Question *question);

/* The same, except for what the vendor decides */
json_t *question_unknown_bits(const Question *q);

/* The value of @prop in JSON */
json_t *answer_value(const ModelsProp *prop);

/* The properties of a static expansion of @cpu, with compat-anchor */
json_t *answer_props(const ModelsFile *file, const X86Cpu *described);

/* The same without features */
json_t *answer_other_props(const ModelsFile *file, const X86Cpu *described);

/* The sorted names in @names */
json_t *answer_names(const ModelsFile *file, const X86CpuNames *names);

/* The value of a property, as -cpu takes it */
void print_value(const json_t *value, FILE *out);

/* Whether @list, of texts, has @text */
bool is_listed(const json_t *list, const char *text);

void sort_names(const char **names, size_t count);

/* The names of members of @object, sorted, up to a NULL; to be freed */
const char **sorted_names(const json_t *object);

/* MODEL and @props as -cpu takes them; a string to be freed */
char *answer_cpu_text(const char *model, const json_t *props);

/* A CPU as cpu_text_for_qemu() returns it */
typedef char *CpuForQemu(const char *text, const void *opaque);

/*
 * Puts the CPU @text in @answer, and what QEMU takes for it, if that is
 * another, which @notes tell.
 */
void answer_set_cpu(json_t *answer, const char *text, const json_t *notes,
                    CpuForQemu *for_qemu, const void *opaque);

/* For people, the CPU of @answer as QEMU takes it */
const char *answer_cpu(const json_t *answer);

/* Prints @names, in lines as wide as the terminal that begin with @indent. */
void print_names(const json_t *names, const char *indent, FILE *out);

#endif /* X86CPU_ANSWER_H */
