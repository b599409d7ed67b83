/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CRC-32, as in ISO/IEC 13239 and zlib
 *
 * Answers, for the reader of files of CPU models: has any byte changed?  A file
 * has 550 KB, of which a query needs few, so nothing may take longer for each
 * byte than this.
 */

#ifndef X86CPU_CRC32_H
#define X86CPU_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* That of @length bytes after those whose CRC is @crc; 0 is that of none. */
uint32_t crc32_add(uint32_t crc, const void *data, size_t length);

/* The same without instructions that not all processors have, for tests */
uint32_t crc32_add_portably(uint32_t crc, const void *data, size_t length);

#endif /* X86CPU_CRC32_H */
