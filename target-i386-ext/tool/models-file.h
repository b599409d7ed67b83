/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file with every CPU model of a QEMU, on every machine type
 *
 * Answers, for tools that run where no QEMU is: which CPU does QEMU request
 * for this model, on this machine type and with this accelerator?  The file
 * is the reply to query-cpu-model-table, and the version of the QEMU that gave
 * it; x86cpu_describe() makes the static expansion of what it requests.
 *
 * A file is not trusted: reading it gives a file in which everything is in
 * range, or an error.
 */

#ifndef X86CPU_MODELS_FILE_H
#define X86CPU_MODELS_FILE_H

#include "expand.h"

typedef struct ModelsFile ModelsFile;

/* Room for the longest error, and for the longest version of a QEMU */
enum { MODELS_FILE_ERROR = 512, MODELS_FILE_VERSION = 128 };

/* The value of -machine kernel-irqchip */
typedef enum ModelsFileIrqchip {
    MODELS_FILE_IRQCHIP_ON,
    MODELS_FILE_IRQCHIP_SPLIT,
    MODELS_FILE_IRQCHIP_OFF,
    MODELS_FILE_IRQCHIPS
} ModelsFileIrqchip;

/* What the values of a property are in descriptions */
typedef enum ModelsFileType {
    MODELS_FILE_NO_TYPE,        /* the file lacks the property */
    MODELS_FILE_BOOL,
    MODELS_FILE_ON_OFF,         /* a text, "on", "off", or of users "auto" */
    MODELS_FILE_INT,
    MODELS_FILE_TEXT,
} ModelsFileType;

/* The properties of X86Cpu's caches, by X86CPU_CACHE_L1D and so on */
extern const char *const models_file_cache_names[X86CPU_CACHES];

/* By X86CpuRegister: "EAX" and so on */
extern const char *const models_file_register_names[X86CPU_REGISTERS];

/* By ModelsFileIrqchip: "on" and so on */
extern const char *const models_file_irqchip_names[MODELS_FILE_IRQCHIPS];

/*
 * Reads file @path.  NULL, with one line of ASCII in @error, of @size bytes,
 * if it can't be read or is not good.
 */
ModelsFile *models_file_read(const char *path, char *error, size_t size);

/*
 * The same, faster, for a reader that only asks about the @count models @names.
 * Other models may be missing then, except base and what @names are like.  The
 * digest of a file whose lines have the CRC that it says is not computed.
 */
ModelsFile *models_file_read_named(const char *path, const char *const *names,
                                   size_t count, char *error, size_t size);

/* Frees @file; it may be NULL. */
void models_file_free(ModelsFile *file);

/* What the core needs to know of the QEMU; lives as long as @file. */
const X86CpuTables *models_file_tables(const ModelsFile *file);

/* Such as "10.0.13 (Debian 1:10.0.13)" */
const char *models_file_version(const ModelsFile *file);

/* Member "digest" of the file: what tells it from others */
const char *models_file_digest(const ModelsFile *file);

/*
 * The number of the feature with this name, or alias, in the tables; -1 if
 * there is none.
 */
int models_file_find_feature(const ModelsFile *file, const char *name);

/* The name of feature @feature in libvirt's CPU map; NULL if it has none */
const char *models_file_libvirt_name(const ModelsFile *file, size_t feature);

/* Whether a guest with feature @feature can migrate */
bool models_file_is_migratable(const ModelsFile *file, size_t feature);

/* Calls @found with all names and aliases of features, and with @opaque. */
void models_file_each_feature(const ModelsFile *file,
                              void (*found)(const char *name, void *opaque),
                              void *opaque);

ModelsFileType models_file_type(const ModelsFile *file, X86CpuPropertyId id);

/*
 * Models are numbered from 0, which is base, and layers from 0, the newest.
 * What finds one returns -1 if there is none.
 */
size_t models_file_model_count(const ModelsFile *file);
const char *models_file_model(const ModelsFile *file, size_t model);
int models_file_find_model(const ModelsFile *file, const char *name);
/* Whether it is only another name, such as "EPYC", or "x86-64-v2" */
bool models_file_is_alias(const ModelsFile *file, size_t model);
/* The model that such a name stands for */
const char *models_file_alias_of(const ModelsFile *file, size_t model);

/* Each layer has at least one machine type: its name is one of them. */
size_t models_file_layer_count(const ModelsFile *file);
const char *models_file_layer(const ModelsFile *file, size_t layer);
size_t models_file_machine_type_count(const ModelsFile *file, size_t layer);
const char *models_file_machine_type(const ModelsFile *file, size_t layer,
                                     size_t i);
/* The compat-anchor in descriptions of CPUs */
const char *models_file_newest_machine_type(const ModelsFile *file);
int models_file_find_layer(const ModelsFile *file, const char *machine_type);
/*
 * The same for *@machine, which users have written: an alias, such as "q35",
 * becomes the name of the machine type.
 */
int models_file_find_machine(const ModelsFile *file, const char **machine);
/* Calls @found with all machine types and their aliases, and with @opaque. */
void models_file_each_machine(const ModelsFile *file,
                              void (*found)(const char *name, void *opaque),
                              void *opaque);

/* Whether the QEMU was built with @accel */
bool models_file_has_accelerator(const ModelsFile *file,
                                 X86CpuAccelerator accel);

/*
 * Puts in *@cpu what QEMU requests for model @model in layer @layer, with
 * accelerator @accel and @irqchip, on a host of @host_vendor; NULL is an
 * unknown one, and keeps the model's vendor.  False if the file does not have
 * the model, the layer or the accelerator.
 */
bool models_file_requested(const ModelsFile *file, size_t model, size_t layer,
                           X86CpuAccelerator accel, ModelsFileIrqchip irqchip,
                           const char *host_vendor, X86Cpu *cpu);

/*
 * The same, without what accelerators change in it.  False if the file does not
 * have the model or the layer.
 */
bool models_file_plain(const ModelsFile *file, size_t model, size_t layer,
                       X86Cpu *cpu);

#endif /* X86CPU_MODELS_FILE_H */
