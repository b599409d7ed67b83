/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The JSON of a file of CPU models, as a tree
 *
 * Answers, for the reader of such files (models-file.c): what is in this one?
 * Most of the time of a query goes into this, so it is made for speed: values
 * are not allocated one by one, and texts stay where they are in the file.
 * Integers have all of 64 bits.
 */

#ifndef X86CPU_MODELS_TREE_H
#define X86CPU_MODELS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Room for the longest error */
enum { MODELS_TREE_ERROR = 256 };

typedef enum JsonKind {
    JSON_KIND_NULL, JSON_KIND_FALSE, JSON_KIND_TRUE, JSON_KIND_INTEGER,
    JSON_KIND_TEXT, JSON_KIND_LIST, JSON_KIND_OBJECT
} JsonKind;

typedef struct JsonNode JsonNode;
struct JsonNode {
    /* Of a member of an object; ends with a zero */
    const char *name;
    union {
        const char *text;           /* ends with a zero, and has no other */
        uint64_t number;            /* an int64_t if @negative */
        const JsonNode *items;      /* of objects: sorted by name */
    };
    uint32_t name_length;
    /* Bytes of a text, or how many items there are */
    uint32_t length;
    uint8_t kind;
    bool negative;
    /* Whether JSON needs no escapes for them, and they are printable ASCII */
    bool name_unescaped, text_unescaped;
};

typedef struct ModelsTree ModelsTree;

/*
 * Reads file @path.  NULL, with an error without the path in @error, of @size
 * bytes, if it can't be read, is not JSON, has a member twice or a number that
 * is not an integer of 64 bits, is nested too deeply, or has too many values.
 *
 * @names is NULL, or has the names of @count models, for a reader that is only
 * interested in these.  It gets less if this saves time; see below.
 */
ModelsTree *models_tree_load(const char *path, const char *const *names,
                             size_t count, char *error, size_t size);

/*
 * The same of a text of @length bytes, which is an object.  NULL, without an
 * error, if anything is wrong, or not the same to jansson and models-json.h:
 * an integer above INT64_MAX, and U+0001.
 */
ModelsTree *models_tree_of_text(const char *text, size_t length);

/*
 * Whether the lines of the file have the CRC that it says.  Its digest is then
 * as it was written, and "fingerprints", which are most of the file, need not
 * have been read: their lists may be empty.  Always false without @names.
 */
bool models_tree_is_intact(const ModelsTree *tree);

/*
 * Whether "models" has only those with @names, which are all there, and those
 * that they are like
 */
bool models_tree_is_partial(const ModelsTree *tree);

/* @tree may be NULL. */
void models_tree_free(ModelsTree *tree);

const JsonNode *models_tree_root(const ModelsTree *tree);

/* Item @i, which must be there, of a list */
static inline const JsonNode *json_node_at(const JsonNode *list, size_t i)
{
    return &list->items[i];
}

/* How many items a list or an object has; 0 for others, and for NULL */
static inline size_t json_node_count(const JsonNode *node)
{
    return node && (node->kind == JSON_KIND_LIST ||
                    node->kind == JSON_KIND_OBJECT) ? node->length : 0;
}

static inline bool json_node_is(const JsonNode *node, JsonKind kind)
{
    return node && node->kind == kind;
}

/*
 * Member @name of @object; NULL if it lacks it, or is none.  Inline, so that
 * the compiler knows the lengths of names.
 */
static inline const JsonNode *json_node_get(const JsonNode *object,
                                            const char *name)
{
    size_t i, length = strlen(name);

    if (!json_node_is(object, JSON_KIND_OBJECT)) {
        return NULL;
    }
    for (i = 0; i < object->length; i++) {
        const JsonNode *item = &object->items[i];

        if (item->name_length == length && *item->name == *name &&
            !memcmp(item->name, name, length)) {
            return item;
        }
    }
    return NULL;
}

/* NULL if @node is not text; it may be NULL */
static inline const char *json_node_text(const JsonNode *node)
{
    return json_node_is(node, JSON_KIND_TEXT) ? node->text : NULL;
}

#endif /* X86CPU_MODELS_TREE_H */
