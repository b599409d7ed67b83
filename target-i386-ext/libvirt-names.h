/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What libvirt has names for, besides features
 *
 * CPU models, as it starts no others ("Unknown CPU model"): those of libvirt
 * 12.8.0, as are the names of features in tables/features.tbl.  And elements
 * other than <feature>: <hyperv>, <kvm>, <pmu>, <pvspinlock>, <apic>, <panic>,
 * <timer> and <maxphysaddr> (docs/formatdomain.rst of libvirt).  Plain C:
 * model-nearest.c in QEMU uses it, and tool/verb-nearest.c without.
 */

#ifndef I386_EXT_LIBVIRT_NAMES_H
#define I386_EXT_LIBVIRT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool libvirt_has_one(const char *const *names, size_t count,
                                   const char *name)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!strcmp(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* Whether libvirt has an element for property @name of a CPU */
static inline bool libvirt_has_element(const char *name)
{
    static const char *const elements[] = {
        "hv-avic", "hv-crash", "hv-emsr-bitmap", "hv-evmcs", "hv-frequencies",
        "hv-ipi", "hv-reenlightenment", "hv-relaxed", "hv-reset", "hv-runtime",
        "hv-spinlocks", "hv-stimer", "hv-stimer-direct", "hv-synic", "hv-time",
        "hv-tlbflush", "hv-tlbflush-direct", "hv-tlbflush-ext", "hv-vapic",
        "hv-vpindex", "hv-xmm-input", "kvm", "kvm-hint-dedicated",
        "kvm-poll-control", "kvm-pv-eoi", "kvm-pv-ipi", "kvm-pv-unhalt",
        "phys-bits", "pmu", "tsc-frequency",
    };

    return libvirt_has_one(elements, sizeof(elements) / sizeof(elements[0]),
                           name);
}

/* Whether libvirt has CPU model @name */
static inline bool libvirt_has_model(const char *name)
{
    /* cpu_map/index.xml (Debian 12.8.0-1), sorted */
    static const char *const models[] = {
        "486", "486-v1", "Broadwell", "Broadwell-IBRS", "Broadwell-noTSX",
        "Broadwell-noTSX-IBRS", "Broadwell-v1", "Broadwell-v2", "Broadwell-v3",
        "Broadwell-v4", "Cascadelake-Server", "Cascadelake-Server-noTSX",
        "Cascadelake-Server-v1", "Cascadelake-Server-v2",
        "Cascadelake-Server-v3", "Cascadelake-Server-v4",
        "Cascadelake-Server-v5", "ClearwaterForest", "ClearwaterForest-v1",
        "ClearwaterForest-v2", "ClearwaterForest-v3", "Conroe", "Conroe-v1",
        "Cooperlake", "Cooperlake-v1", "Cooperlake-v2", "Denverton",
        "Denverton-v1", "Denverton-v2", "Denverton-v3", "Dhyana", "Dhyana-v1",
        "Dhyana-v2", "DiamondRapids", "DiamondRapids-v1", "EPYC", "EPYC-Genoa",
        "EPYC-Genoa-v1", "EPYC-Genoa-v2", "EPYC-IBPB", "EPYC-Milan",
        "EPYC-Milan-v1", "EPYC-Milan-v2", "EPYC-Milan-v3", "EPYC-Rome",
        "EPYC-Rome-v1", "EPYC-Rome-v2", "EPYC-Rome-v3", "EPYC-Rome-v4",
        "EPYC-Rome-v5", "EPYC-Turin", "EPYC-Turin-v1", "EPYC-v1", "EPYC-v2",
        "EPYC-v3", "EPYC-v4", "EPYC-v5", "GraniteRapids", "GraniteRapids-v1",
        "GraniteRapids-v2", "GraniteRapids-v3", "GraniteRapids-v4",
        "GraniteRapids-v5", "Haswell", "Haswell-IBRS", "Haswell-noTSX",
        "Haswell-noTSX-IBRS", "Haswell-v1", "Haswell-v2", "Haswell-v3",
        "Haswell-v4", "Icelake-Client", "Icelake-Client-noTSX",
        "Icelake-Server", "Icelake-Server-noTSX", "Icelake-Server-v1",
        "Icelake-Server-v2", "Icelake-Server-v3", "Icelake-Server-v4",
        "Icelake-Server-v5", "Icelake-Server-v6", "Icelake-Server-v7",
        "IvyBridge", "IvyBridge-IBRS", "IvyBridge-v1", "IvyBridge-v2",
        "KnightsMill", "KnightsMill-v1", "Nehalem", "Nehalem-IBRS",
        "Nehalem-v1", "Nehalem-v2", "Opteron_G1", "Opteron_G1-v1",
        "Opteron_G2", "Opteron_G2-v1", "Opteron_G3", "Opteron_G3-v1",
        "Opteron_G4", "Opteron_G4-v1", "Opteron_G5", "Opteron_G5-v1", "Penryn",
        "Penryn-v1", "SandyBridge", "SandyBridge-IBRS", "SandyBridge-v1",
        "SandyBridge-v2", "SapphireRapids", "SapphireRapids-v1",
        "SapphireRapids-v2", "SapphireRapids-v3", "SapphireRapids-v4",
        "SapphireRapids-v5", "SapphireRapids-v6", "SierraForest",
        "SierraForest-v1", "SierraForest-v2", "SierraForest-v3",
        "SierraForest-v4", "SierraForest-v5", "Skylake-Client",
        "Skylake-Client-IBRS", "Skylake-Client-noTSX-IBRS",
        "Skylake-Client-v1", "Skylake-Client-v2", "Skylake-Client-v3",
        "Skylake-Client-v4", "Skylake-Server", "Skylake-Server-IBRS",
        "Skylake-Server-noTSX-IBRS", "Skylake-Server-v1", "Skylake-Server-v2",
        "Skylake-Server-v3", "Skylake-Server-v4", "Skylake-Server-v5",
        "Snowridge", "Snowridge-v1", "Snowridge-v2", "Snowridge-v3",
        "Snowridge-v4", "Westmere", "Westmere-IBRS", "Westmere-v1",
        "Westmere-v2", "YongFeng", "YongFeng-v1", "YongFeng-v2", "YongFeng-v3",
        "athlon", "athlon-v1", "core2duo", "core2duo-v1", "coreduo",
        "coreduo-v1", "cpu64-rhel5", "cpu64-rhel6", "kvm32", "kvm32-v1",
        "kvm64", "kvm64-v1", "n270", "n270-v1", "pentium", "pentium-v1",
        "pentium2", "pentium2-v1", "pentium3", "pentium3-v1", "pentiumpro",
        "phenom", "phenom-v1", "qemu32", "qemu32-v1", "qemu64", "qemu64-v1",
    };

    return libvirt_has_one(models, sizeof(models) / sizeof(models[0]), name);
}

#endif /* I386_EXT_LIBVIRT_NAMES_H */
