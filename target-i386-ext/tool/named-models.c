/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The named CPU models of a file, as values of the core
 *
 * As named-models.c has them in QEMU.
 */

#include <stdlib.h>
#include <string.h>
#include "models-props.h"
#include "named-models.h"

static void evaluate(const CpuContext *context, const X86CpuHostValues *host,
                     NamedModel *model)
{
    const X86CpuTables *tables = models_file_tables(context->file);
    X86Cpu requested = { 0 }, *value = &model->value;
    size_t i;

    models_file_requested(context->file, model->model, model->layer,
                          context->accel, context->irqchip,
                          context->host_vendor, &requested);
    x86cpu_describe(tables, &requested, context->accel, host, value);
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        value->words[i] |= requested.words[i];
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        value->given[i] = models_props_describe(context->file, value, i);
    }
    /* No definition sets it; expansions have what follows from features. */
    value->values[X86CPU_LEVEL_FUNC7] = X86CPU_AUTOMATIC_LEVEL;
}

/* Whether a model of those from @first on has a version, and the same CPU */
static bool is_version(const NamedModels *models, size_t first,
                       const NamedModel *alias)
{
    size_t i;

    for (i = first; i < models->count; i++) {
        if (!models->models[i].is_alias &&
            !memcmp(&models->models[i].value, &alias->value, sizeof(X86Cpu))) {
            return true;
        }
    }
    return false;
}

bool named_models_add(const CpuContext *context, const X86CpuHostValues *host,
                      NamedModels *models)
{
    size_t count = models_file_model_count(context->file);
    size_t first = models->count, i;
    NamedModel *longer = realloc(models->models,
                                 (first + count) * sizeof(*longer));

    if (!longer) {
        return false;
    }
    models->models = longer;
    /* Model 0 is base. */
    for (i = 1; i < count; i++) {
        NamedModel *model = &longer[models->count++];

        memset(model, 0, sizeof(*model));
        model->name = models_file_model(context->file, i);
        model->is_alias = models_file_is_alias(context->file, i);
        model->model = i;
        model->layer = context->layer;
        model->irqchip = context->irqchip;
        evaluate(context, host, model);
    }
    /* From the end, as the others are still to be compared with. */
    for (i = models->count; i-- > first;) {
        if (longer[i].is_alias && is_version(models, first, &longer[i])) {
            memmove(&longer[i], &longer[i + 1],
                    (--models->count - i) * sizeof(*longer));
        }
    }
    return true;
}

void named_models_free(NamedModels *models)
{
    free(models->models);
    memset(models, 0, sizeof(*models));
}
