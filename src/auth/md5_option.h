/* The MD5 signature option: for peers that know nothing better. [RFC 2385] */
#ifndef AUTH_MD5_OPTION_H
#define AUTH_MD5_OPTION_H

#include "auth/ao.h"

#define MD5_OPTION 18 /* bytes of the option [RFC 2385 3.0] */

/* MD5 over pseudo-header, header without options and with checksum zero, text, key. [RFC 2385 2.0] */
void md5_option_mac(const struct hf_crypto_ops *ops, const struct key *key,
                    const struct auth_bytes *segment, uint8_t mac[HF_MAC_BYTES_MAX]);

#endif
