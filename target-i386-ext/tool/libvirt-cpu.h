/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as libvirt's <cpu>
 *
 * Answers, for operators with domains to define: which <cpu> is this CPU, and
 * in what does libvirt's guest differ from it?
 */

#ifndef LIBVIRT_CPU_H
#define LIBVIRT_CPU_H

#include <jansson.h>
#include "answer.h"

/*
 * "cpu", the XML, and "left-out", in which properties a guest with that <cpu>
 * differs from the CPU of @question, a request for one CPU that says what there
 * is to know of the host; guest-phys-bits are the host's.  @nearest is that CPU
 * by a model that libvirt has, as x86-cpu nearest answers.  NULL if the
 * difference can't be told.
 */
json_t *libvirt_cpu(Tool *tool, const ModelsFile *file, const json_t *question,
                    const json_t *nearest);

#endif /* LIBVIRT_CPU_H */
