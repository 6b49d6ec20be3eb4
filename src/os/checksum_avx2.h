/* The Internet checksum, 32 bytes at a time. [RFC 1071] As hf_env wants them: folded, host order, not inverted. */
#ifndef OS_CHECKSUM_AVX2_H
#define OS_CHECKSUM_AVX2_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
/* Only for processors with AVX2. */
uint16_t checksum_avx2(const void *data, size_t length);
uint16_t checksum_avx2_copy(void *to, const void *from, size_t length);
#endif

#endif
