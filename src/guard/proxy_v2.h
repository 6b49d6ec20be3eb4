/* The header of the PROXY protocol, version 2, binary: tells a backend who its client really is. No TLVs. */
#ifndef HF_GUARD_PROXY_V2_H
#define HF_GUARD_PROXY_V2_H

#include <handfast/handfast.h>

#define PROXY_V2_MAX 52 /* 16 bytes and two IPv6 endpoints */

/* Writes the header for a connection from `client` to `local` (both of one family) and returns its length. */
size_t proxy_v2_build(uint8_t header[PROXY_V2_MAX], const struct hf_endpoint *client,
                      const struct hf_endpoint *local);

/* The header of a connection that is the guard's own, as a check is: nobody is behind it (command LOCAL). */
size_t proxy_v2_build_local(uint8_t header[PROXY_V2_MAX]);

#endif
