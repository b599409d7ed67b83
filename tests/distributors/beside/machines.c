/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests: what a distributor adds to hw/i386/pc_q35.c.  The aliases are
 * its own types' as well.
 */

#if QEMU_VERSION_MAJOR >= 11
typedef const void *AcmeClassData;
#else
typedef void *AcmeClassData;
#endif

static void acme_machine_class_init(ObjectClass *oc, AcmeClassData data)
{
    MachineClass *mc = MACHINE_CLASS(oc);

    if (strstr(object_class_get_name(oc), "acme")) {
        pc_q35_machine_8_2_options(mc);
    } else {
        pc_q35_machine_10_0_options(mc);
    }
    mc->init = pc_q35_init;
    mc->alias = strstr(object_class_get_name(oc), "acme2") ? "q35" : NULL;
}

static const TypeInfo acme_machine_types[] = {
    {
        .name = MACHINE_TYPE_NAME("pc-q35-acme"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
    {
        .name = MACHINE_TYPE_NAME("pc-q35-acme2"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
    {
        .name = MACHINE_TYPE_NAME("pc-q35-zeta"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
    /* No table says what it stands for. */
    {
        .name = MACHINE_TYPE_NAME("pc-q35-other"),
        .parent = TYPE_PC_MACHINE,
        .class_init = acme_machine_class_init,
    },
};

DEFINE_TYPES(acme_machine_types)
