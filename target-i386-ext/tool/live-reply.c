/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The form of replies of a live QEMU
 */

#include "live-reply.h"
#include "models-json.h"

bool live_is_texts(const json_t *list)
{
    const json_t *text;
    size_t i;

    json_array_foreach((json_t *)list, i, text) {
        if (!models_json_is_text(text)) {
            return false;
        }
    }
    return json_is_array(list);
}

bool live_has_texts(const json_t *object, const char *const *names)
{
    for (; *names; names++) {
        if (!models_json_is_text(json_object_get(object, *names))) {
            return false;
        }
    }
    return json_is_object(object);
}

bool live_has_lists(const json_t *object, const char *const *names)
{
    for (; *names; names++) {
        if (!live_is_texts(json_object_get(object, *names))) {
            return false;
        }
    }
    return json_is_object(object);
}

bool live_all_have_texts(const json_t *list, const char *const *names)
{
    const json_t *object;
    size_t i;

    json_array_foreach((json_t *)list, i, object) {
        if (!live_has_texts(object, names)) {
            return false;
        }
    }
    return json_is_array(list);
}

bool live_is_props(const json_t *props)
{
    const json_t *value;
    const char *name;

    json_object_foreach((json_t *)props, name, value) {
        if (!json_is_boolean(value) && !json_is_integer(value) &&
            !json_is_string(value)) {
            return false;
        }
    }
    return json_is_object(props);
}
