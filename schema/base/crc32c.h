/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, as in iSCSI and ext4): the checksum of our chunk
 * headers. */
#ifndef GOTAPE_BASE_CRC32C_H
#define GOTAPE_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc32c("123456789") is 0xe3069283. */
uint32_t crc32c(const void *data, size_t size);

#endif
