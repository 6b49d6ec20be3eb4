/* The keys of a guard. The stack keeps no secret, so a reload compares keyed hashes to see which key is a new one. */
#include "guard/guard_keys.h"

#include "crypto/siphash.h"
#include "guard/config_sources.h"
#include "os/syscalls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

SYSCALLS("getrandom");

struct installed_key {
    struct hf_key key; /* without a secret */
    uint64_t digest[2];
};

bool guard_keys_wanted(const struct config *config)
{
    for (uint32_t i = 0; i < config->services; i++)
        if (config->service[i].key_file[0] != '\0' || config->service[i].require_key)
            return true;
    return false;
}

/* ---- reading ---- */

static bool same_tuple(const struct hf_key *a, const struct hf_key *b)
{
    return a->algorithm == b->algorithm && a->remote.length == b->remote.length &&
           memcmp(&a->remote.address, &b->remote.address, sizeof a->remote.address) == 0 &&
           memcmp(&a->local, &b->local, sizeof a->local) == 0 && a->local_port == b->local_port &&
           a->remote_port == b->remote_port && a->send_id == b->send_id &&
           a->receive_id == b->receive_id;
}

static bool add_for(struct key_image *image, const struct key_entry *entry,
                    const struct config_service *service, char error[GUARD_KEYS_ERROR_MAX])
{
    for (uint32_t i = 0; i < service->listen.count; i++) {
        const struct hf_endpoint *at = &service->listen.items[i].endpoint;
        struct key_entry one = *entry;
        bool added = true;

        one.key.local = at->address;
        one.key.local_port = at->port;
        for (size_t j = 0; j < image->list.count && added; j++)
            added = !same_tuple(&image->list.entries[j].key, &one.key);
        if (!added)
            snprintf(error, GUARD_KEYS_ERROR_MAX,
                     "%.200s:%u: the same peer, algorithm and ids again, accepted is each once",
                     service->key_file, entry->line);
        else if (image->list.count == KEY_FILE_KEYS_MAX || !key_list_add(&image->list, &one))
            added = snprintf(error, GUARD_KEYS_ERROR_MAX,
                             "%.200s:%u: one key more, accepted are %u for all listeners together",
                             service->key_file, entry->line, KEY_FILE_KEYS_MAX) < 0;
        explicit_bzero(&one, sizeof one);
        if (!added)
            return false;
    }
    return true;
}

bool key_image_make(struct key_image *image, const struct config *config,
                    char error[GUARD_KEYS_ERROR_MAX])
{
    bool ok = true;

    *image = (struct key_image){{.entries = NULL}};
    for (uint32_t s = 0; s < config->services && ok; s++) {
        const struct config_service *service = &config->service[s];
        struct key_list file = {.entries = NULL};

        if (service->key_file[0] == '\0')
            continue;
        ok = key_file_read(&file, service->key_file, error);
        for (size_t i = 0; i < file.count && ok; i++)
            ok = add_for(image, &file.entries[i], service, error);
        key_list_free(&file);
        if (!ok)
            config_say_where(config, service->line, service->key_file, error, GUARD_KEYS_ERROR_MAX);
    }
    if (!ok)
        key_image_free(image);
    return ok;
}

void key_image_free(struct key_image *image)
{
    key_list_free(&image->list);
}

/* ---- in force ---- */

static void digest(const struct guard_keys *keys, const struct key_entry *entry, uint64_t to[2])
{
    const struct siphash_key key = siphash_key_from(keys->hash_key);

    to[0] = siphash_bytes(key, entry->secret, entry->key.secret_length);
    to[1] = siphash_bytes(siphash_derive(key, "second", entry->key.options_excluded), entry->secret,
                          entry->key.secret_length);
}

static bool is_same(const struct guard_keys *keys, const struct installed_key *old,
                    const struct key_entry *entry)
{
    uint64_t now[2];

    digest(keys, entry, now);
    return same_tuple(&old->key, &entry->key) && memcmp(old->digest, now, sizeof now) == 0;
}

static bool stays(const struct guard_keys *keys, const struct installed_key *old,
                  const struct key_image *image)
{
    for (size_t i = 0; i < image->list.count; i++)
        if (is_same(keys, old, &image->list.entries[i]))
            return true;
    return false;
}

static bool is_there(const struct guard_keys *keys, const struct key_entry *entry)
{
    for (size_t i = 0; i < keys->count; i++)
        if (is_same(keys, &keys->keys[i], entry))
            return true;
    return false;
}

/* One that the stack refuses is left out, so that a later reload tries it again. */
static int add_new(struct guard_keys *keys, struct key_image *image, struct hf_stack *stack)
{
    int first_error = HF_OK;
    size_t kept = 0;

    for (size_t i = 0; i < image->list.count; i++) {
        const struct hf_key key = key_entry_key(&image->list.entries[i]);
        int error = is_there(keys, &image->list.entries[i]) ? HF_OK : hf_key_add(stack, &key);

        if (first_error == HF_OK)
            first_error = error;
        if (error == HF_OK && kept != i)
            image->list.entries[kept] = image->list.entries[i];
        kept += error == HF_OK;
    }
    if (kept < image->list.count)
        explicit_bzero(&image->list.entries[kept],
                       (image->list.count - kept) * sizeof *image->list.entries);
    image->list.count = kept;
    return first_error;
}

static void remember(struct guard_keys *keys, const struct key_image *image)
{
    struct installed_key *now = calloc(image->list.count + 1, sizeof *now);

    if (now == NULL)
        return; /* the next reload adds them again, and is told that they are there */
    for (size_t i = 0; i < image->list.count; i++) {
        now[i].key = image->list.entries[i].key;
        now[i].key.secret = NULL;
        digest(keys, &image->list.entries[i], now[i].digest);
    }
    free(keys->keys);
    keys->keys = now;
    keys->count = image->list.count;
}

int guard_keys_install(struct guard_keys *keys, struct key_image *image, struct hf_stack *stack)
{
    int error;

    if (keys->keys == NULL &&
        getrandom(keys->hash_key, sizeof keys->hash_key, 0) != (ssize_t)sizeof keys->hash_key)
        return HF_SYSTEM;
    /* What came under old ids is known by its secret: it goes before the new one comes. */
    for (size_t i = 0; i < keys->count; i++)
        if (!stays(keys, &keys->keys[i], image))
            (void)hf_key_remove(stack, &keys->keys[i].key);
    error = add_new(keys, image, stack);
    remember(keys, image);
    key_image_free(image);
    return error;
}

void guard_keys_close(struct guard_keys *keys)
{
    free(keys->keys);
    explicit_bzero(keys, sizeof *keys);
}
