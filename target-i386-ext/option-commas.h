/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commas in the values of -cpu
 *
 * Answers: how does a comma, as in the model-id of many CPUs, get into a
 * -cpu option?  Doubled, as in all other options of QEMU (see
 * get_opt_value() in util/keyval.c and qemu-option.c).  For the parser in
 * cpu.c, which splits at commas and knows no such rule.
 */

#ifndef I386_EXT_OPTION_COMMAS_H
#define I386_EXT_OPTION_COMMAS_H

/* A control character, which no option can have any use for */
#define X86_CPU_LITERAL_COMMA '\x01'

/* Replaces each two commas in @options by one X86_CPU_LITERAL_COMMA. */
static inline void x86_cpu_hide_doubled_commas(char *options)
{
    char *to = options;
    const char *from;

    for (from = options; *from; from++) {
        if (from[0] == ',' && from[1] == ',') {
            *to++ = X86_CPU_LITERAL_COMMA;
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* Replaces each X86_CPU_LITERAL_COMMA in @option by a comma. */
static inline void x86_cpu_show_doubled_commas(char *option)
{
    for (; *option; option++) {
        if (*option == X86_CPU_LITERAL_COMMA) {
            *option = ',';
        }
    }
}

#endif /* I386_EXT_OPTION_COMMAS_H */
