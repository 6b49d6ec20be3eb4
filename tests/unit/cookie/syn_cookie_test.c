/* HF1 against its published vectors, and what its strength claims. [HF1] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "cookie/syn_cookie.h"
#include "hf1_vectors.h"

static struct siphash_key key_of(const char *hex)
{
    uint8_t bytes[16];

    for (int i = 0; i < 16; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return siphash_key_from(bytes);
}

static uint64_t tuple_of(struct siphash_key key, const struct hf1_make *m)
{
    int family = strchr(m->local, ':') ? AF_INET6 : AF_INET;
    size_t length = family == AF_INET6 ? 16 : 4;
    uint16_t ports[2] = {htons(m->remote_port), htons(m->local_port)};
    uint8_t input[36];

    assert_int_equal(inet_pton(family, m->remote, input), 1);
    assert_int_equal(inet_pton(family, m->local, input + length), 1);
    memcpy(input + 2 * length, ports, sizeof ports);
    return siphash_bytes(key, input, 2 * length + sizeof ports);
}

static struct cookie_handshake handshake_of(const struct hf1_make *m)
{
    return (struct cookie_handshake){m->tuple, m->client_isn, m->slot, m->strict, false};
}

static uint8_t version_of(const struct hf1_make *m)
{
    return strchr(m->local, ':') ? 6 : 4;
}

static void keys(void **state)
{
    struct siphash_key master = key_of(HF1_MASTER), tuple = key_of(HF1_KEY_TUPLE);
    struct key_ring ring;

    (void)state;
    for (size_t i = 0; i < sizeof hf1_epoch_keys / sizeof hf1_epoch_keys[0]; i++) {
        struct siphash_key wanted = key_of(hf1_epoch_keys[i].key);

        key_ring_init(&ring, master, hf1_epoch_keys[i].epoch << COOKIE_EPOCH_SHIFT);
        assert_memory_equal(&ring.tuple, &tuple, sizeof tuple);
        assert_memory_equal(key_ring_of(&ring, hf1_epoch_keys[i].epoch << COOKIE_EPOCH_SHIFT),
                            &wanted, sizeof wanted);
    }
}

/* [R4987-05] */
static void makes(void **state)
{
    struct key_ring ring;

    (void)state;
    assert_int_equal(sizeof hf1_make / sizeof hf1_make[0], 48);
    for (size_t i = 0; i < 48; i++) {
        const struct hf1_make *m = &hf1_make[i];
        struct cookie_handshake h = handshake_of(m);
        struct syn_info syn = {m->mss, m->scale, version_of(m), m->sack, m->ecn, m->timestamps};
        struct cookie cookie;

        key_ring_init(&ring, key_of(HF1_MASTER), m->slot);
        assert_true(tuple_of(ring.tuple, m) == m->tuple);
        cookie = syn_cookie_make(*key_ring_of(&ring, m->slot), &h, &syn);
        assert_int_equal(cookie.format, m->format);
        assert_int_equal(cookie.isn, m->isn);
        if (m->timestamps)
            assert_int_equal(cookie.ts_value, m->ts_value);
    }
}

static void opens(void **state)
{
    struct key_ring ring;

    (void)state;
    assert_int_equal(sizeof hf1_open / sizeof hf1_open[0], 168);
    for (size_t i = 0; i < 168; i++) {
        const struct hf1_open *o = &hf1_open[i];
        const struct hf1_make *m = &hf1_make[o->make];
        struct cookie_handshake h = handshake_of(m);
        struct syn_info syn = {.version = version_of(m)};
        bool valid;

        h.slot = o->now_slot;
        h.shared = o->shared;
        key_ring_init(&ring, key_of(HF1_MASTER), o->now_slot);
        valid = syn_cookie_open(&ring, &h, m->isn, m->timestamps ? &m->ts_value : NULL, &syn);
        assert_int_equal(valid, o->valid);
        if (!valid)
            continue;
        assert_int_equal(syn.mss, o->mss);
        assert_int_equal(syn.scale, o->scale);
        assert_int_equal(syn.sack, o->sack);
        assert_int_equal(syn.ecn, o->ecn);
        assert_int_equal(syn.timestamps, o->timestamps);
    }
}

/* A key ring that walks on knows at each slot what a fresh one would know. [R4987-11] */
static void ring_advances(void **state)
{
    struct key_ring ring, fresh;
    uint32_t slot = 440832000;

    (void)state;
    key_ring_init(&ring, key_of(HF1_MASTER), slot);
    for (; slot < 440832000 + 5000; slot += 7) {
        key_ring_advance(&ring, slot);
        key_ring_init(&fresh, key_of(HF1_MASTER), slot);
        for (uint32_t near = slot - 6; near != slot + 2; near++) {
            assert_non_null(key_ring_of(&ring, near));
            assert_memory_equal(key_ring_of(&ring, near), key_ring_of(&fresh, near),
                                sizeof(struct siphash_key));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(makes),
        cmocka_unit_test(opens),
        cmocka_unit_test(ring_advances),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
