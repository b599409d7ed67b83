
/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests: machine types with properties of CPUs of each kind.  Each has
 * those of the one before, too, up to number 3; upstream's have none of them.
 */

#if QEMU_VERSION_MAJOR >= 11
typedef const void *PlantedClassData;
#else
typedef void *PlantedClassData;
#endif

static GlobalProperty planted_1[] = {
    /* Of one model; of an alias, which is not its version */
    { "EPYC-v2-x86_64-cpu", "sha-ni", "off" },
    { "Haswell-x86_64-cpu", "stepping", "7" },
    /* Of all CPUs: what base has, what many models have otherwise */
    { "x86_64-cpu", "avx", "off" },
    { "x86_64-cpu", "cpuid-0xb", "off" },
    { "x86_64-cpu", "min-xlevel", "0x80000008" },
    { "x86_64-cpu", "model-id", "planted" },
    /* Twice: the last one counts, and what is in between. */
    { "x86_64-cpu", "sse4a", "off" },
    { "EPYC-v1-x86_64-cpu", "sse4a", "on" },
    { "EPYC-v3-x86_64-cpu", "sse4a", "off" },
    { "x86_64-cpu", "sse4a", "on" },
    /* By another name */
    { "x86_64-cpu", "pclmuldq", "off" },
    { "Haswell-v2-x86_64-cpu", "pclmulqdq", "on" },
    { "Broadwell-v3-x86_64-cpu", "sse4_2", "off" },
    /* One model keeps what all others lose, and the other way round. */
    { "x86_64-cpu", "smap", "off" },
    { "Broadwell-v1-x86_64-cpu", "smap", "on" },
    { "Broadwell-v2-x86_64-cpu", "erms", "off" },
    { "x86_64-cpu", "erms", "on" },
    /* Of classes that CPUs are derived from */
    { "cpu", "rdrand", "off" },
    { "device", "rdseed", "off" },
    /* What accelerators set, too: of all, and of one model */
    { "x86_64-cpu", "x2apic", "off" },
    { "x86_64-cpu", "vme", "yes" },
    { "Nehalem-v1-x86_64-cpu", "kvm_pv_eoi", "off" },
    { "Westmere-v1-x86_64-cpu", "svm", "on" },
    { "Penryn-v1-x86_64-cpu", "vendor", "AuthenticAMD" },
    /* A guest sees nothing of it. */
    { "x86_64-cpu", "check", "off" },
};

static GlobalProperty planted_2[] = {
    /* What was last is not any more. */
    { "x86_64-cpu", "smap", "off" },
    { "Broadwell-v2-x86_64-cpu", "erms", "off" },
    /* Here it is the one of all CPUs that has changed. */
    { "x86_64-cpu", "sse4.2", "on" },
    { "Broadwell-v3-x86_64-cpu", "sse4_2", "off" },
    { "x86_64-cpu", "pclmulqdq", "on" },
    { "Haswell-v2-x86_64-cpu", "pclmuldq", "off" },
    { "Westmere-v1-x86_64-cpu", "svm", "y" },
    { "x86_64-cpu", "svm", "off" },
    { "Penryn-v1-x86_64-cpu", "x2apic", "off" },
    { "x86_64-cpu", "x2apic", "on" },
    { "x86_64-cpu", "host-phys-bits", "on" },
    { "x86_64-cpu", "host-phys-bits-limit", "46" },
};

/* What only an accelerator's default makes a difference of */
static GlobalProperty planted_3[] = {
    { "x86_64-cpu", "kvmclock", "off" },
    { "x86_64-cpu", "kvm-nopiodelay", "off" },
};

/* Of base alone, which all others are compared with */
static GlobalProperty planted_5[] = {
    { "base-x86_64-cpu", "de", "on" },
};

static GlobalProperty planted_6[] = {
    { "x86_64-cpu", "de", "off" },
    { "base-x86_64-cpu", "de", "on" },
};

#define PLANT(props) \
    compat_props_add(mc->compat_props, props, G_N_ELEMENTS(props))

static void planted_machine_class_init(ObjectClass *oc, PlantedClassData data)
{
    MachineClass *mc = MACHINE_CLASS(oc);
    const char *name = object_class_get_name(oc);
    int number = name[strlen("pc-q35-planted-")] - '0';

    pc_q35_machine_8_2_options(mc);
    mc->init = pc_q35_init;
    mc->alias = NULL;
    if (number <= 3) {
        PLANT(planted_1);
    }
    if (number == 2 || number == 3) {
        PLANT(planted_2);
    }
    if (number == 3) {
        PLANT(planted_3);
    }
    if (number >= 5) {
        PLANT(planted_5);
    }
    if (number == 6) {
        PLANT(planted_6);
    }
}

#define PLANTED(number) { \
        .name = MACHINE_TYPE_NAME("pc-q35-planted-" #number), \
        .parent = TYPE_PC_MACHINE, \
        .class_init = planted_machine_class_init, \
    }

static const TypeInfo planted_machine_types[] = {
    PLANTED(1), PLANTED(2), PLANTED(3), PLANTED(4), PLANTED(5), PLANTED(6),
};

DEFINE_TYPES(planted_machine_types)
