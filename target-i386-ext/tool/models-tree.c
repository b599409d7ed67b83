/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The JSON of a file of CPU models, as a tree
 *
 * RFC 8259, less all numbers that are not integers, and U+0000 in texts.
 */

/* For MAP_POPULATE */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "models-bytes.h"
#include "models-lines.h"
#include "models-tree.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    /* Files of QEMU 11.1 have about 20,000. */
    MAX_NODES = 1 << 20,
    /* Files have 8 or so. */
    MAX_DEPTH = 100,
    /* Looking for their end may take as long as reading all of the file. */
    MAX_SKIPPED_LISTS = 8,
    /* Of the object whose member the list of models is */
    MODELS_DEPTH = 1,
    /* In bytes */
    FIRST_CHUNK = 1 << 17,
    FIRST_CHUNK_OF_TEXT = 1 << 14,
};

/* Lists and objects have their items side by side in one of these. */
typedef struct Chunk Chunk;
struct Chunk {
    Chunk *next;
    /* In bytes, of all of it */
    size_t size;
    size_t used, room;
    JsonNode nodes[];
};

struct ModelsTree {
    ModelsBytes bytes;
    Chunk *chunks;
    JsonNode root;
    bool partial;
    /*
     * Of models_tree_of_text(): on the heap, as there may be many in turn, and
     * without what jansson reads in another way
     */
    bool of_text;
};

typedef struct Parser {
    ModelsTree *tree;
    char *at, *end;
    char *error;
    size_t error_size;
    /* Items of lists and objects that have not ended yet */
    JsonNode *stack;
    size_t used, room;
    size_t nnodes, nskipped;
    /* Those of the models that are wanted, or NULL */
    const char *const *names;
    size_t nnames;
} Parser;

/* Always false */
static bool fail(Parser *p, const char *at, const char *what)
{
    const char *line = p->tree->bytes.start, *end;
    unsigned number = 1;

    while ((end = memchr(line, '\n', at - line))) {
        line = end + 1;
        number++;
    }
    snprintf(p->error, p->error_size, "line %u, column %zu: %s", number,
             (size_t)(at - line) + 1, what);
    return false;
}

static bool fail_memory(Parser *p)
{
    snprintf(p->error, p->error_size, "not enough memory");
    return false;
}

/* ---- memory ---- */

/*
 * Memory in which all pages are there at once: that takes the kernel a fraction
 * of the time that it needs when each of them is first used.
 */
static void *map(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}

/* ---- nodes ---- */

static JsonNode *push(Parser *p)
{
    if (++p->nnodes > MAX_NODES) {
        fail(p, p->at, "there are too many values");
        return NULL;
    }
    if (p->used == p->room) {
        size_t room = p->room ? 2 * p->room : 1024;
        JsonNode *longer = realloc(p->stack, room * sizeof(JsonNode));

        if (!longer) {
            fail_memory(p);
            return NULL;
        }
        p->stack = longer;
        p->room = room;
    }
    return &p->stack[p->used++];
}

/* Larger ones from one to the next: an intact file needs few. */
static bool add_chunk(Parser *p, size_t count)
{
    Chunk *last = p->tree->chunks, *chunk;
    bool of_text = p->tree->of_text;
    size_t size = last ? 2 * last->size
                       : of_text ? FIRST_CHUNK_OF_TEXT : FIRST_CHUNK;

    while (size < sizeof(Chunk) + count * sizeof(JsonNode)) {
        size *= 2;
    }
    chunk = of_text ? malloc(size) : map(size);
    if (!chunk) {
        return fail_memory(p);
    }
    chunk->used = 0;
    chunk->next = last;
    chunk->size = size;
    chunk->room = (size - sizeof(Chunk)) / sizeof(JsonNode);
    p->tree->chunks = chunk;
    return true;
}

/* Moves the items from stack[@base] on to where they stay. */
static const JsonNode *keep_items(Parser *p, size_t base)
{
    size_t count = p->used - base;
    Chunk *chunk = p->tree->chunks;
    JsonNode *items;

    if (!chunk || chunk->room - chunk->used < count) {
        if (!add_chunk(p, count)) {
            return NULL;
        }
        chunk = p->tree->chunks;
    }
    items = chunk->nodes + chunk->used;
    chunk->used += count;
    if (count) {
        memcpy(items, p->stack + base, count * sizeof(JsonNode));
    }
    p->used = base;
    return items;
}

/* ---- tokens ---- */

/* A file is indented: most of its space is after the end of a line. */
static char *skip_blanks(char *at, char *end)
{
#ifdef __SSE2__
    const __m128i blank = _mm_set1_epi8(' ');

    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        int others = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, blank)) ^ 0xffff;

        if (others) {
            return at + __builtin_ctz(others);
        }
    }
#endif
    while (at < end && *at == ' ') {
        at++;
    }
    return at;
}

static inline void skip_space(Parser *p)
{
    char *at = p->at;

    while (at < p->end && (unsigned char)*at <= ' ' &&
           (*at == '\n' || *at == ' ' || *at == '\t' || *at == '\r')) {
        at = *at == '\n' ? skip_blanks(at + 1, p->end) : at + 1;
    }
    p->at = at;
}

/* Skips @c, if it is next. */
static inline bool skip(Parser *p, char c)
{
    if (p->at < p->end && *p->at == c) {
        p->at++;
        return true;
    }
    return false;
}

static bool expect(Parser *p, char c)
{
    char what[] = "'x' is missing";

    what[1] = c;
    return skip(p, c) || fail(p, p->at, what);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' :
           c >= 'a' && c <= 'f' ? c - 'a' + 10 :
           c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits at @from */
static bool parse_unit(Parser *p, const char *from, uint32_t *unit)
{
    int i;

    if (p->end - from < 4) {
        return false;
    }
    *unit = 0;
    for (i = 0; i < 4; i++) {
        int digit = digit_of(from[i]);

        if (digit < 0) {
            return false;
        }
        *unit = *unit << 4 | digit;
    }
    return true;
}

static char *put_code_point(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = c;
        return to;
    }
    if (c < 0x800) {
        *to++ = 0xc0 | c >> 6;
    } else {
        if (c < 0x10000) {
            *to++ = 0xe0 | c >> 12;
        } else {
            *to++ = 0xf0 | c >> 18;
            *to++ = 0x80 | (c >> 12 & 0x3f);
        }
        *to++ = 0x80 | (c >> 6 & 0x3f);
    }
    *to++ = 0x80 | (c & 0x3f);
    return to;
}

/* Puts what the escape at p->at means in *@to; it is never longer. */
static bool parse_escape(Parser *p, char **to)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *start = p->at++, *found;
    uint32_t c, low;

    found = p->at < p->end && *p->at ? strchr(letters, *p->at) : NULL;
    if (found) {
        p->at++;
        *(*to)++ = meanings[found - letters];
        return true;
    }
    if (!skip(p, 'u') || !parse_unit(p, p->at, &c) || !c ||
        (p->tree->of_text && c == 1)) {
        return fail(p, start, "this escape is unknown");
    }
    p->at += 4;
    if (c >= 0xd800 && c < 0xe000) {
        if (c >= 0xdc00 || p->end - p->at < 2 || p->at[0] != '\\' ||
            p->at[1] != 'u' || !parse_unit(p, p->at + 2, &low) ||
            low < 0xdc00 || low >= 0xe000) {
            return fail(p, start, "half a surrogate pair");
        }
        p->at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = put_code_point(*to, c);
    return true;
}

/* Copies the bytes of one character beyond ASCII to *@to. */
static bool parse_utf8(Parser *p, char **to)
{
    const unsigned char *from = (const unsigned char *)p->at;
    uint32_t c = *from, least;
    size_t i, more;

    more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
    if (c < 0xc0 || c > 0xf7 || (size_t)(p->end - p->at) <= more) {
        return fail(p, p->at, "this is not UTF-8");
    }
    c &= 0x3f >> more;
    for (i = 1; i <= more; i++) {
        if ((from[i] & 0xc0) != 0x80) {
            return fail(p, p->at, "this is not UTF-8");
        }
        c = c << 6 | (from[i] & 0x3f);
    }
    if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return fail(p, p->at, "this is not UTF-8");
    }
    memmove(*to, p->at, more + 1);
    *to += more + 1;
    p->at += more + 1;
    return true;
}

/* What ends a run of characters that stand for themselves */
static const bool is_special[256] = {
    [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true, [0x7f ... 0xff] = true,
};

/* The first special character from @at on, or @end */
static char *skip_unescaped(char *at, char *end)
{
#ifdef __SSE2__
    /* Signed: characters beyond ASCII are less than a space, too. */
    const __m128i space = _mm_set1_epi8(' '), quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\'), del = _mm_set1_epi8(0x7f);

    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        int special = _mm_movemask_epi8(_mm_or_si128(
            _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                         _mm_cmpeq_epi8(bytes, quote)),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, backslash),
                         _mm_cmpeq_epi8(bytes, del))));

        if (special) {
            return at + __builtin_ctz(special);
        }
    }
#endif
    while (at < end && !is_special[(unsigned char)*at]) {
        at++;
    }
    return at;
}

/* A text, whose bytes stay where they are, except for its escapes */
static bool parse_text(Parser *p, const char **text, uint32_t *length,
                       bool *unescaped)
{
    const char *start = p->at;
    char *from, *to;

    if (!skip(p, '"')) {
        return fail(p, p->at, "a text is missing");
    }
    *text = to = p->at;
    *unescaped = true;
    for (;;) {
        from = p->at;
        p->at = skip_unescaped(p->at, p->end);
        if (to != from) {
            memmove(to, from, p->at - from);
        }
        to += p->at - from;
        if (p->at == p->end) {
            return fail(p, start, "this text has no end");
        }
        if (*p->at == '"') {
            break;
        }
        *unescaped = false;
        if (*p->at == '\\') {
            if (!parse_escape(p, &to)) {
                return false;
            }
        } else if (*p->at == 0x7f) {
            *to++ = *p->at++;
        } else if (!(*p->at & 0x80)) {
            return fail(p, p->at, "a control character in a text");
        } else if (!parse_utf8(p, &to)) {
            return false;
        }
    }
    *length = to - *text;
    p->at++;
    *to = '\0';
    return true;
}

static bool parse_number(Parser *p, JsonNode *node)
{
    const char *start = p->at;
    uint64_t number = 0;
    bool too_big = false;

    node->kind = JSON_KIND_INTEGER;
    node->negative = skip(p, '-');
    if (p->at == p->end || *p->at < '0' || *p->at > '9') {
        return fail(p, start, "this is not a JSON value");
    }
    if (!skip(p, '0')) {
        for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
            unsigned digit = *p->at - '0';

            too_big |= number > (UINT64_MAX - digit) / 10;
            number = number * 10 + digit;
        }
    }
    if (p->at < p->end && (*p->at == '.' || *p->at == 'e' || *p->at == 'E')) {
        return fail(p, start, "this number is not an integer");
    }
    if (too_big || (node->negative && number > (uint64_t)1 << 63) ||
        (p->tree->of_text && !node->negative && number > INT64_MAX)) {
        return fail(p, start, "this integer has more than 64 bits");
    }
    if (node->negative) {
        number = -number;
        node->negative = number;
    }
    node->number = number;
    return true;
}

/* ---- values ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const JsonNode *)a)->name, ((const JsonNode *)b)->name);
}

/* Sorts the members from stack[@base] on, most of which files have sorted. */
static bool sort_members(Parser *p, size_t base)
{
    bool sorted = true;
    size_t i;

    for (i = base + 1; sorted && i < p->used; i++) {
        sorted = compare_names(&p->stack[i - 1], &p->stack[i]) < 0;
    }
    if (sorted) {
        return true;
    }
    qsort(p->stack + base, p->used - base, sizeof(JsonNode), compare_names);
    for (i = base + 1; i < p->used; i++) {
        if (!compare_names(&p->stack[i - 1], &p->stack[i])) {
            char what[80];

            snprintf(what, sizeof(what), "member '%.40s' is there twice",
                     p->stack[i].name);
            return fail(p, p->at, what);
        }
    }
    return true;
}

static bool parse_value(Parser *p, JsonNode *node, unsigned depth);
static bool parse_member(Parser *p, JsonNode *node, unsigned depth);

/* Up to the bracket or brace @last, after the first one */
static bool parse_items(Parser *p, JsonNode *node, char last, unsigned depth)
{
    bool is_object = last == '}';
    size_t base = p->used;
    JsonNode item;

    node->kind = is_object ? JSON_KIND_OBJECT : JSON_KIND_LIST;
    if (depth > MAX_DEPTH) {
        return fail(p, p->at - 1, "nested too deeply");
    }
    skip_space(p);
    while (p->at == p->end || *p->at != last) {
        JsonNode *place;

        if (p->used > base) {
            if (!expect(p, ',')) {
                return false;
            }
            skip_space(p);
        }
        item = (JsonNode) { .name = NULL };
        if (is_object) {
            if (!parse_text(p, &item.name, &item.name_length,
                            &item.name_unescaped)) {
                return false;
            }
            skip_space(p);
            if (!expect(p, ':')) {
                return false;
            }
            skip_space(p);
        }
        if (!(is_object ? parse_member(p, &item, depth)
                        : parse_value(p, &item, depth))) {
            return false;
        }
        place = push(p);
        if (!place) {
            return false;
        }
        *place = item;
        skip_space(p);
    }
    p->at++;
    node->length = p->used - base;
    if (is_object && !sort_members(p, base)) {
        return false;
    }
    node->items = keep_items(p, base);
    return node->items;
}

/* Goes on at @where in the text. */
static void go_to(Parser *p, const char *where)
{
    p->at += where - p->at;
}

/* The objects of @models, and the rest of the list up to @end */
static bool parse_models(Parser *p, JsonNode *node, const ModelsLines *models,
                         size_t count, const char *end, unsigned depth)
{
    size_t base = p->used, i;

    for (i = 0; i < count; i++) {
        JsonNode item = { .name = NULL }, *place;

        go_to(p, models[i].start);
        if (!parse_value(p, &item, depth)) {
            return false;
        }
        place = push(p);
        if (!place) {
            return false;
        }
        *place = item;
    }
    go_to(p, end);
    node->kind = JSON_KIND_LIST;
    node->length = count;
    node->items = keep_items(p, base);
    return node->items;
}

static bool name_is(const JsonNode *node, const char *name)
{
    return node->name_length == strlen(name) &&
           !memcmp(node->name, name, node->name_length);
}

/* Member @node, which has a name: of an intact file, not all are needed. */
static bool parse_member(Parser *p, JsonNode *node, unsigned depth)
{
    ModelsLines rest = { p->at, p->end }, *models;
    const char *end;
    size_t count;
    bool ok;

    if (!p->tree->bytes.intact || p->at == p->end || *p->at != '[' ||
        depth != MODELS_DEPTH || !name_is(node, "models") ||
        p->nskipped == MAX_SKIPPED_LISTS) {
        return parse_value(p, node, depth);
    }
    p->nskipped++;
    rest.start++;
    if (!models_lines_choose(rest, p->names, p->nnames, &models, &count,
                             &end)) {
        return parse_value(p, node, depth);
    }
    ok = parse_models(p, node, models, count, end, depth + 1);
    free(models);
    p->tree->partial = true;
    return ok;
}

static bool parse_word(Parser *p, JsonNode *node)
{
    static const struct {
        const char *text;
        size_t length;
        JsonKind kind;
    } words[] = {
        { "true", 4, JSON_KIND_TRUE }, { "false", 5, JSON_KIND_FALSE },
        { "null", 4, JSON_KIND_NULL },
    };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((size_t)(p->end - p->at) >= words[i].length &&
            !memcmp(p->at, words[i].text, words[i].length)) {
            p->at += words[i].length;
            node->kind = words[i].kind;
            return true;
        }
    }
    return fail(p, p->at, p->at == p->end ? "the file ends here, too early"
                                          : "this is not a JSON value");
}

static bool parse_value(Parser *p, JsonNode *node, unsigned depth)
{
    if (skip(p, '{')) {
        return parse_items(p, node, '}', depth + 1);
    }
    if (skip(p, '[')) {
        return parse_items(p, node, ']', depth + 1);
    }
    if (p->at < p->end && *p->at == '"') {
        node->kind = JSON_KIND_TEXT;
        return parse_text(p, &node->text, &node->length, &node->text_unescaped);
    }
    if (p->at < p->end && (*p->at == '-' ||
                           (*p->at >= '0' && *p->at <= '9'))) {
        return parse_number(p, node);
    }
    return parse_word(p, node);
}

static bool parse(Parser *p)
{
    bool ok;

    p->at = p->tree->bytes.start;
    p->end = p->at + p->tree->bytes.length;
    skip_space(p);
    ok = parse_value(p, &p->tree->root, 0);
    if (ok) {
        skip_space(p);
        ok = p->at == p->end || fail(p, p->at, "there is more after the end");
    }
    free(p->stack);
    return ok;
}

/* ---- files ---- */

ModelsTree *models_tree_load(const char *path, const char *const *names,
                             size_t count, char *error, size_t size)
{
    ModelsTree *tree = calloc(1, sizeof(*tree));
    Parser p = {
        .tree = tree, .error = error, .error_size = size,
        .names = names, .nnames = count,
    };
    const char *problem = "not enough memory";
    bool intact;

    if (tree) {
        problem = models_bytes_read(path, names, &tree->bytes);
    }
    if (problem) {
        snprintf(error, size, "%s", problem);
    } else if (parse(&p)) {
        return tree;
    }
    intact = tree && tree->bytes.intact;
    models_tree_free(tree);
    /* In which line the error is, only the whole file tells. */
    return intact ? models_tree_load(path, NULL, 0, error, size) : NULL;
}

ModelsTree *models_tree_of_text(const char *text, size_t length)
{
    ModelsTree *tree = calloc(1, sizeof(*tree));
    char error[MODELS_TREE_ERROR];
    Parser p = {
        .tree = tree, .error = error, .error_size = sizeof(error),
    };

    if (!tree) {
        return NULL;
    }
    tree->of_text = true;
    tree->bytes.start = malloc(length + 1);
    if (tree->bytes.start) {
        memcpy(tree->bytes.start, text, length);
        tree->bytes.length = length;
        if (parse(&p) && tree->root.kind == JSON_KIND_OBJECT) {
            return tree;
        }
    }
    models_tree_free(tree);
    return NULL;
}

void models_tree_free(ModelsTree *tree)
{
    Chunk *chunk, *next;

    if (!tree) {
        return;
    }
    for (chunk = tree->chunks; chunk; chunk = next) {
        next = chunk->next;
        if (tree->of_text) {
            free(chunk);
        } else {
            munmap(chunk, chunk->size);
        }
    }
    if (tree->of_text) {
        free(tree->bytes.start);
    } else {
        models_bytes_free(&tree->bytes);
    }
    free(tree);
}

bool models_tree_is_intact(const ModelsTree *tree)
{
    return tree->bytes.intact;
}

bool models_tree_is_partial(const ModelsTree *tree)
{
    return tree->partial;
}

const JsonNode *models_tree_root(const ModelsTree *tree)
{
    return &tree->root;
}
