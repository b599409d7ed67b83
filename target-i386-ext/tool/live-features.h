/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The names of features of a live QEMU
 *
 * Answers, for live-*.c: which names and which order have the features of this
 * QEMU, and the bits of their words that have no name?
 */

#ifndef X86CPU_LIVE_FEATURES_H
#define X86CPU_LIVE_FEATURES_H

#include "live-session.h"

/* Has the session know its features. */
bool live_get_features(Live *l);

/*
 * The members of @names in QEMU's order: features, after those of each word its
 * bits without a name, and then properties
 */
json_t *live_in_order(const Live *l, const json_t *names);

#endif /* X86CPU_LIVE_FEATURES_H */
