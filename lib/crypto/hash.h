/* SHA-256 and comparisons that do not leak by time, by OpenSSL. */
#ifndef OV_CRYPTO_HASH_H
#define OV_CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum { OV_SHA256_BYTES = 32, OV_SHA256_HEX = 65 /* with the terminator */ };

void ov_sha256(ov_str data, unsigned char out[OV_SHA256_BYTES]);
/* Lower-case hexadecimal, terminated. */
void ov_sha256_hex(ov_str data, char out[OV_SHA256_HEX]);
/* Several pieces, each preceded by its length (8 bytes, little endian), so that no two lists of pieces collide. */
void ov_sha256_pieces(const ov_str *pieces, size_t count, unsigned char out[OV_SHA256_BYTES]);
void ov_hex(const unsigned char *bytes, size_t len, char *out); /* out: 2 * len + 1 */
bool ov_unhex(ov_str hex, unsigned char *out, size_t len);      /* exactly len bytes, lower case */

/* Equal? In time that depends on neither text (hashes are compared). */
bool ov_secret_equal(ov_str a, ov_str b);

#endif
