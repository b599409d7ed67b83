/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a CPU runs on a host, what it would lack there, and why
 *
 * Source: model-expansion.c of the extension.
 */

#include "host-check.h"
#include "host-errors.h"
#include "host-removed.h"
#include "host-requests.h"

json_t *host_check(const CpuContext *context, const CpuRequest *request,
                   X86CpuTopology topology, const Passport *passport,
                   const HostOffer *offer, X86Cpu *remaining)
{
    const X86CpuTables *tables = models_file_tables(context->file);
    CpuRequest whole = *request;
    X86CpuFiltered filtered;
    X86Cpu described;
    json_t *removed, *errors, *entry;
    json_int_t blocking = 0;
    size_t i;

    host_requests_add_unnamed(context, &whole);
    x86cpu_describe(tables, &whole.cpu, X86CPU_ON_KVM, &offer->values,
                    &described);
    x86cpu_filter(tables, &described, X86CPU_ON_KVM, topology, &offer->offer,
                  &filtered);
    removed = host_removed(context, &whole, topology, passport, offer,
                           &filtered);
    if (remaining) {
        *remaining = filtered.remaining;
    }
    errors = host_errors(context, &whole, &filtered.remaining, passport,
                         offer);
    json_array_foreach(removed, i, entry) {
        blocking += json_is_true(json_object_get(entry, "blocking"));
    }
    return json_pack("{s:o, s:o, s:I, s:b}", "removed-features", removed,
                     "errors", errors, "blocking", blocking,
                     "runs", !blocking && !json_array_size(errors));
}
