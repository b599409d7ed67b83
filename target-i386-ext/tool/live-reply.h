/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The form of replies of a live QEMU
 *
 * Answers, for live-*.c: has a reply, of whatever QEMU that is, the members
 * that the command returns?
 */

#ifndef X86CPU_LIVE_REPLY_H
#define X86CPU_LIVE_REPLY_H

#include <jansson.h>
#include <stdbool.h>

/* Whether @list is one, of texts */
bool live_is_texts(const json_t *list);

/* Whether @object is one, and has a text in each member of @names */
bool live_has_texts(const json_t *object, const char *const *names);

/* The same for lists of texts */
bool live_has_lists(const json_t *object, const char *const *names);

/* Whether all that @list has is as live_has_texts() says */
bool live_all_have_texts(const json_t *list, const char *const *names);

/* Properties, with values that -cpu has */
bool live_is_props(const json_t *props);

#endif /* X86CPU_LIVE_REPLY_H */
