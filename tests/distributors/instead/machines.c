/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests: what a distributor adds to hw/i386/pc_q35.c, where none of
 * upstream's machine types is left
 */

#if QEMU_VERSION_MAJOR >= 11
typedef const void *AcmeClassData;
#else
typedef void *AcmeClassData;
#endif

static void acme_machine_class_init(ObjectClass *oc, AcmeClassData data)
{
    MachineClass *mc = MACHINE_CLASS(oc);

    if (strstr(object_class_get_name(oc), "acme2.0.0")) {
        pc_q35_machine_8_2_options(mc);
        mc->alias = "q35";
    } else if (strstr(object_class_get_name(oc), "acme10.0.0")) {
        pc_q35_machine_9_2_options(mc);
    } else {
        pc_q35_machine_2_4_options(mc);
    }
    mc->init = pc_q35_init;
}

static const TypeInfo acme_machine_types[] = {
    {
        .name = MACHINE_TYPE_NAME("pc-q35-acme2.0.0"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
    {
        .name = MACHINE_TYPE_NAME("pc-q35-acme10.0.0"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
    {
        .name = MACHINE_TYPE_NAME("pc-q35-acme9.0.0"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
};

DEFINE_TYPES(acme_machine_types)
