/* The key of the SYN cookies that several machines share (HF1): one of them then opens the cookies of the others. */
#ifndef HF_GUARD_COOKIE_KEY_H
#define HF_GUARD_COOKIE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#define COOKIE_KEY_BYTES 16
#define COOKIE_KEY_ERROR_MAX 512

/* Reads a file of exactly so many bytes that nobody but its owner and his group may read. False: `error` is one sentence. */
bool cookie_key_read(const char *file, uint8_t key[COOKIE_KEY_BYTES],
                     char error[COOKIE_KEY_ERROR_MAX]);

#endif
