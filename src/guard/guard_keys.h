/* The keys of a guard: what the key_file of each service says, for its own addresses and ports. */
#ifndef HF_GUARD_GUARD_KEYS_H
#define HF_GUARD_GUARD_KEYS_H

#include "guard/config.h"
#include "guard/key_file.h"

#define GUARD_KEYS_ERROR_MAX 512

/* Read, and not yet in force. Zero: none. */
struct key_image {
    struct key_list list;
};

/* What is in force: each key without its secret, and a keyed hash of that. */
struct guard_keys {
    struct installed_key *keys;
    size_t count;
    uint8_t hash_key[16];
};

/* Reads the files. False: `error` is "FILE:LINE: ..." . */
bool key_image_make(struct key_image *image, const struct config *config,
                    char error[GUARD_KEYS_ERROR_MAX]);
void key_image_free(struct key_image *image);

/* Whether a configuration needs keys at all: then the stack has room for them. */
bool guard_keys_wanted(const struct config *config);

/* Brings the stack's keys to what the image has: keys that stay are not touched, so that connections go on. The image is used
 * up and wiped. HF_OK, or the first error of hf_key_add. */
int guard_keys_install(struct guard_keys *keys, struct key_image *image, struct hf_stack *stack);

void guard_keys_close(struct guard_keys *keys);

#endif
