/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The digest and the CRC of a file of CPU models
 *
 * Answers, for the reader of such files: are these the contents that its writer
 * has written?  docs/models-file.rst says what each is over.
 */

#ifndef X86CPU_MODELS_DIGEST_H
#define X86CPU_MODELS_DIGEST_H

#include "models-tree.h"

/*
 * Puts in @digest what member "digest" must be of the file whose contents are
 * the object @root.
 */
void models_digest(const JsonNode *root, char digest[65]);

/* The same for the passport of a host, object @root: over all other members */
void models_digest_of_passport(const JsonNode *root, char digest[65]);

/* What member "$crc32" must be */
uint32_t models_crc32(const JsonNode *root);

#endif /* X86CPU_MODELS_DIGEST_H */
