/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commas in the values of -cpu
 *
 * A comma in a value, as in the model-id of many CPUs, is doubled, as in all
 * other options of QEMU (see get_opt_value() in util/keyval.c and
 * qemu-option.c).  For the parser in cpu.c, which splits at every comma.
 */

#ifndef I386_EXT_OPTION_COMMAS_H
#define I386_EXT_OPTION_COMMAS_H

/*
 * Replaces doubled commas in @options with one character, at which the parser
 * does not split.  Returns the places of these characters.
 */
static inline GPtrArray *x86_cpu_hide_doubled_commas(char *options)
{
    GPtrArray *commas = g_ptr_array_new();
    char *to = options;
    const char *from;

    for (from = options; *from; from++, to++) {
        *to = *from;
        if (from[0] == ',' && from[1] == ',') {
            *to = '.';          /* any but a comma */
            g_ptr_array_add(commas, to);
            from++;
        }
    }
    *to = '\0';
    return commas;
}

/* Turns those of @commas that are in @option back into commas. */
static inline void x86_cpu_show_doubled_commas(const GPtrArray *commas,
                                               char *option)
{
    const char *end = option + strlen(option);
    unsigned i;

    for (i = 0; i < commas->len; i++) {
        char *comma = g_ptr_array_index(commas, i);

        if (comma >= option && comma < end) {
            *comma = ',';
        }
    }
}

#endif /* I386_EXT_OPTION_COMMAS_H */
