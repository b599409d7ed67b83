/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as libvirt's <cpu>
 *
 * Answers, for operators with domains to define: which <cpu> is this CPU, and
 * what has it that a <cpu> can't say?
 */

#ifndef LIBVIRT_CPU_H
#define LIBVIRT_CPU_H

#include <jansson.h>
#include "answer.h"

/*
 * "cpu", the XML, and "left-out", properties that a guest of it does not have
 * as CPU @question describes them: @question has "cpu" and "vendor", and may
 * have "machine" and "irqchip".  @nearest is that CPU by a model that libvirt
 * has, as x86-cpu nearest answers.  NULL without memory.
 */
json_t *libvirt_cpu(Tool *tool, const ModelsFile *file, const json_t *question,
                    const json_t *nearest);

#endif /* LIBVIRT_CPU_H */
