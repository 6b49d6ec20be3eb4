/* The state and the key of a journal as text. */
#include "guard/journal_state.h"

#include "crypto/wipe.h"
#include "os/syscalls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS("fstat pread64 pwrite64 fdatasync");

#define STATE_HEAD "handfast journal state 1\n"
#define STATE_FORM \
    STATE_HEAD "seq %020" PRIu64 "\nhash %s\nkey-id %s\nepoch %020" PRIu64 "\nkey %s\n"
#define STATE_BYTES (sizeof STATE_HEAD - 1 + 4 + 21 + 5 + 65 + 7 + 17 + 6 + 21 + 4 + 65)
#define KEY_HEAD "handfast journal key 1\n"

_Static_assert(STATE_BYTES < 512, "one sector: written whole or not at all");

/* ---- state ---- */

static void hex(char *text, const uint8_t *bytes, size_t count)
{
    record_put_hex(text, bytes, count);
    text[2 * count] = '\0';
}

/* Text of STATE_BYTES; a key that is not there is zeros. */
static void render(char text[STATE_BYTES + 1], const struct journal_state *state)
{
    char hash[2 * JOURNAL_HASH_BYTES + 1], id[2 * JOURNAL_KEY_ID_BYTES + 1],
        secret[2 * JOURNAL_KEY_BYTES + 1];

    hex(hash, state->hash, sizeof state->hash);
    hex(id, state->key.id, sizeof state->key.id);
    hex(secret, state->key.secret, sizeof state->key.secret);
    snprintf(text, STATE_BYTES + 1, STATE_FORM, state->seq, hash, id, state->key.epoch, secret);
    wipe(secret, sizeof secret);
}

static bool refuse(const char *file, const char *found, char error[JOURNAL_STATE_ERROR_MAX])
{
    snprintf(
        error, JOURNAL_STATE_ERROR_MAX,
        "journal state \"%s\": %s; accepted is a file as `handfast journal init` makes it, that "
        "only its owner may read",
        file, found);
    return false;
}

/* Fields stand at fixed places; what they give back must be the same text. */
static bool scan(struct journal_state *state, const char *text)
{
    const char *seq = text + sizeof STATE_HEAD - 1 + 4, *hash = seq + 21 + 5, *id = hash + 65 + 7,
               *epoch = id + 17 + 6, *key = epoch + 21 + 4;
    char again[STATE_BYTES + 1];
    bool same;

    *state = (struct journal_state){.seq = strtoull(seq, NULL, 10)};
    state->key.epoch = strtoull(epoch, NULL, 10);
    if (!record_get_hex(state->hash, hash, sizeof state->hash) ||
        !record_get_hex(state->key.id, id, sizeof state->key.id) ||
        !record_get_hex(state->key.secret, key, sizeof state->key.secret))
        return false;
    for (size_t i = 0; i < sizeof state->key.secret; i++)
        state->key.present |= state->key.secret[i] != 0;
    render(again, state);
    same = memcmp(again, text, STATE_BYTES) == 0;
    wipe(again, sizeof again);
    return same;
}

bool journal_state_read(int fd, const char *file, struct journal_state *state,
                        char error[JOURNAL_STATE_ERROR_MAX])
{
    char text[STATE_BYTES + 2] = "";
    struct stat is;
    ssize_t got;
    bool ok;

    if (fstat(fd, &is) != 0)
        return refuse(file, strerror(errno), error);
    if (!S_ISREG(is.st_mode))
        return refuse(file, "not a regular file", error);
    if ((is.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse(file, "others than its owner may read or write it (chmod 0600)", error);
    got = pread(fd, text, sizeof text - 1, 0);
    if (got < 0)
        return refuse(file, strerror(errno), error);
    *state = (struct journal_state){.seq = 0};
    if (got == 0)
        return true;
    ok = got == (ssize_t)STATE_BYTES && scan(state, text);
    wipe(text, sizeof text);
    return ok || refuse(file, "it is damaged", error);
}

int journal_state_write(int fd, const struct journal_state *state)
{
    char text[STATE_BYTES + 1];
    ssize_t wrote;

    render(text, state);
    do
        wrote = pwrite(fd, text, STATE_BYTES, 0);
    while (wrote < 0 && errno == EINTR);
    wipe(text, sizeof text);
    if (wrote != (ssize_t)STATE_BYTES)
        return wrote < 0 ? errno : ENOSPC;
    return fdatasync(fd) == 0 ? 0 : errno;
}

/* ---- key ---- */

size_t journal_key_print(char text[JOURNAL_KEY_TEXT_MAX], const struct journal_key *key)
{
    char id[2 * JOURNAL_KEY_ID_BYTES + 1], secret[2 * JOURNAL_KEY_BYTES + 1];
    int length;

    hex(id, key->id, sizeof key->id);
    hex(secret, key->secret, sizeof key->secret);
    length = snprintf(text, JOURNAL_KEY_TEXT_MAX, KEY_HEAD "id %s\nkey %s\n", id, secret);
    wipe(secret, sizeof secret);
    return (size_t)length;
}

bool journal_key_scan(struct journal_key *key, const struct hf_crypto_ops *ops, const char *text,
                      size_t length)
{
    size_t head = sizeof KEY_HEAD - 1, id_at = head + 3, key_at = id_at + 16 + 5;
    uint8_t secret[JOURNAL_KEY_BYTES];
    char again[JOURNAL_KEY_TEXT_MAX];
    bool ok;

    if (length != key_at + 64 + 1 || memcmp(text, KEY_HEAD, head) != 0 ||
        !record_get_hex(secret, text + key_at, sizeof secret))
        return false;
    journal_key_init(key, ops, secret);
    ok = journal_key_print(again, key) == length && memcmp(again, text, length) == 0;
    wipe(secret, sizeof secret);
    wipe(again, sizeof again);
    if (!ok)
        journal_key_wipe(key);
    return ok;
}
