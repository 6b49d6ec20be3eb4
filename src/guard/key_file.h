/* Files of keys for signed segments: one key a line. [RFC 5925 3.1; RFC 5926 3.1]
 *
 *     peer 198.51.100.7 algorithm hmac-sha-1-96 send 61 receive 84 secret "some words"
 *     peer 2001:db8:5::/48 algorithm md5 secret "others"
 */
#ifndef HF_GUARD_KEY_FILE_H
#define HF_GUARD_KEY_FILE_H

#include <handfast/auth.h>

#define KEY_FILE_KEYS_MAX 1024u /* of all files together */
#define KEY_FILE_ERROR_MAX 512

struct key_entry {
    struct hf_key key; /* `secret` is set by key_entry_key */
    uint8_t secret[HF_KEY_SECRET_MAX];
    uint32_t line;
};

struct key_list {
    struct key_entry *entries;
    size_t count, capacity;
};

/* Adds a file's keys to the list. False: `error` is "FILE:LINE: what was found, what is accepted", without any secret. The file
 * must be a regular one that nobody but its owner may read or write. */
bool key_file_read(struct key_list *list, const char *file, char error[KEY_FILE_ERROR_MAX]);

/* The key with its secret. */
struct hf_key key_entry_key(const struct key_entry *entry);

/* A copy at the end of the list; false: no memory. */
bool key_list_add(struct key_list *list, const struct key_entry *entry);

/* Wipes and frees it. */
void key_list_free(struct key_list *list);

#endif
