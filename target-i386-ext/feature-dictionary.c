/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The feature dictionary: every CPU feature that QEMU has a name for
 *
 * Answers, for all that lists or explains features: what is there, what is
 * it, and what do others call it?  Made by gen-cpu-tables.c from cpu.c of
 * this very tree and from tables/features.tbl.
 */

#include "qemu/osdep.h"
#include "target/i386/ext/feature-dictionary.h"

#include "target/i386/ext/x86-cpu-tables.c.inc"
