/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU model "custom"
 */

#ifndef I386_EXT_CUSTOM_CPU_H
#define I386_EXT_CUSTOM_CPU_H

/* A CPU that is fully specified by its properties, or does not start */
#define TYPE_CUSTOM_X86_CPU X86_CPU_TYPE_NAME("custom")

#endif /* I386_EXT_CUSTOM_CPU_H */
