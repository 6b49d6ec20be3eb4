/* Which key signs for whom. [RFC 5925 3.1, 3.3; R5925-06, R5925-07, R5925-08; R5926-03, R5926-06, R5926-10; R2385-07] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/os.h>

#include "auth/ao.h"

#define KEYS 16

struct bench {
    struct key_chain chain;
    void *memory;
};

static void open_bench(struct bench *bench)
{
    struct arena arena = {NULL, 0};

    key_chain_init(&bench->chain, &arena, KEYS, hf_os_crypto());
    arena.base = bench->memory = aligned_alloc(64, arena.used);
    arena.used = 0;
    key_chain_init(&bench->chain, &arena, KEYS, hf_os_crypto());
}

static struct hf_prefix prefix(const char *text)
{
    struct hf_prefix parsed = {.length = 0};

    if (text)
        assert_int_equal(hf_prefix_parse(&parsed, text), HF_OK);
    return parsed;
}

static struct flow flow_from(const char *remote, uint16_t remote_port, uint16_t local_port)
{
    struct flow flow = {.remote_port = remote_port, .local_port = local_port};

    assert_int_equal(hf_address_parse(&flow.remote, remote), HF_OK);
    assert_int_equal(
        hf_address_parse(&flow.local, strchr(remote, ':') ? "2001:db8::1" : "192.0.2.1"), HF_OK);
    return flow;
}

static struct hf_key key_of(const char *remote, uint8_t send_id, uint8_t receive_id)
{
    return (struct hf_key){.algorithm = HF_KEY_HMAC_SHA_1_96,
                           .remote = prefix(remote),
                           .send_id = send_id,
                           .receive_id = receive_id,
                           .secret = "secret",
                           .secret_length = 6};
}

static bool speaks(const struct bench *bench, const char *remote, uint16_t remote_port,
                   uint16_t local_port)
{
    const struct flow flow = flow_from(remote, remote_port, local_port);

    const struct key_view view = key_chain_view(&bench->chain, &flow);

    return view.oldest || view.md5;
}

static void a_key_speaks_of_its_tuple_only(void **state)
{
    static const struct {
        const char *name, *remote;
        uint16_t remote_port, local_port;
        const char *peer;
        uint16_t peer_port, our_port;
        bool speaks;
    } rows[] = {
        {"a host", "198.51.100.7/32", 0, 0, "198.51.100.7", 1, 2, true},
        {"another", "198.51.100.7/32", 0, 0, "198.51.100.8", 1, 2, false},
        {"a network", "198.51.100.0/24", 0, 0, "198.51.100.8", 1, 2, true},
        {"outside of it", "198.51.100.0/24", 0, 0, "198.51.101.8", 1, 2, false},
        {"our port", "198.51.100.0/24", 0, 179, "198.51.100.8", 1, 179, true},
        {"another of ours", "198.51.100.0/24", 0, 179, "198.51.100.8", 1, 180, false},
        {"the peer's port", "198.51.100.0/24", 179, 0, "198.51.100.8", 179, 2, true},
        {"another of its", "198.51.100.0/24", 179, 0, "198.51.100.8", 180, 2, false},
        {"everybody", NULL, 0, 0, "203.0.113.1", 1, 2, true},
        {"everybody over IPv6", NULL, 0, 0, "2001:db8::99", 1, 2, true},
        {"all of IPv4", "0.0.0.0/0", 0, 0, "203.0.113.1", 1, 2, true},
        {"but not IPv6", "0.0.0.0/0", 0, 0, "2001:db8::99", 1, 2, false},
        {"an IPv6 network", "2001:db8:5::/48", 0, 0, "2001:db8:5::9", 1, 2, true},
        {"an IPv6 host", "2001:db8:5::9/128", 0, 0, "2001:db8:5::8", 1, 2, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_key key = key_of(rows[i].remote, 1, 1);
        struct bench bench;

        key.remote_port = rows[i].remote_port;
        key.local_port = rows[i].local_port;
        open_bench(&bench);
        print_message("%s\n", rows[i].name);
        assert_int_equal(key_chain_add(&bench.chain, &key), HF_OK);
        assert_int_equal(speaks(&bench, rows[i].peer, rows[i].peer_port, rows[i].our_port),
                         rows[i].speaks);
        key_chain_remove(&bench.chain, key_chain_same(&bench.chain, &key));
        assert_false(speaks(&bench, rows[i].peer, rows[i].peer_port, rows[i].our_port));
        free(bench.memory);
    }
}

static void ids_tell_keys_apart(void **state)
{
    const struct flow flow = flow_from("198.51.100.7", 179, 5000);
    struct hf_key key = key_of("198.51.100.7/32", 0, 255);
    struct bench bench;

    (void)state;
    open_bench(&bench);
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_OK);
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_EXISTS);
    key = key_of("198.51.100.0/24", 1, 255); /* meets the other, by what it receives */
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_EXISTS);
    key = key_of("198.51.100.0/24", 0, 1);
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_EXISTS);
    key = key_of("198.51.100.0/24", 1, 0);
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_OK);
    key = key_of("203.0.113.0/24", 0, 255); /* nobody's that either speaks of */
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_OK);
    assert_int_equal(key_chain_sends(&bench.chain, &flow, 0)->receive_id, 255);
    assert_int_equal(key_chain_receives(&bench.chain, &flow, 0)->send_id, 1);
    assert_null(key_chain_receives(&bench.chain, &flow, 1));
    assert_int_equal(key_chain_view(&bench.chain, &flow).oldest->send_id, 0);
    assert_int_equal(key_chain_view(&bench.chain, &flow).newest->send_id, 1);
    free(bench.memory);
}

/* MD5 is for whom no TCP-AO key speaks of; of several the longest prefix. [R5925-01, R5925-29, R2385-08] */
static void md5_comes_last(void **state)
{
    const struct flow flow = flow_from("198.51.100.7", 179, 5000);
    struct hf_key wide = key_of("198.51.0.0/16", 0, 0), host = key_of("198.51.100.7/32", 0, 0);
    struct hf_key ao = key_of(NULL, 3, 3);
    struct bench bench;

    (void)state;
    wide.algorithm = host.algorithm = HF_KEY_MD5;
    open_bench(&bench);
    assert_int_equal(key_chain_add(&bench.chain, &host), HF_OK);
    assert_int_equal(key_chain_add(&bench.chain, &wide), HF_OK);
    assert_int_equal(key_chain_add(&bench.chain, &wide), HF_EXISTS);
    assert_null(key_chain_view(&bench.chain, &flow).oldest);
    assert_int_equal(key_chain_view(&bench.chain, &flow).md5->remote.length, 32);
    assert_int_equal(key_chain_add(&bench.chain, &ao), HF_OK);
    assert_int_equal(key_chain_view(&bench.chain, &flow).oldest->send_id, 3);
    free(bench.memory);
}

static void impossible_keys_are_refused(void **state)
{
    static const uint8_t bytes[HF_KEY_SECRET_MAX + 1];
    const struct hf_key good = key_of("198.51.100.0/24", 1, 1);
    struct hf_key key;
    struct bench bench;

    (void)state;
    open_bench(&bench);
#define REFUSED(change) \
    key = good;         \
    change;             \
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_INVALID)
    REFUSED(key.algorithm = HF_KEY_NONE);
    REFUSED(key.algorithm = HF_KEY_ALGORITHMS);
    REFUSED(key.remote.length = 33);
    REFUSED(key.secret = NULL);
    REFUSED(key.secret_length = 0);
    REFUSED((key.secret = bytes, key.secret_length = sizeof bytes));
    REFUSED((key.algorithm = HF_KEY_MD5, key.secret = bytes, key.secret_length = 81));
#undef REFUSED
    key = good;
    key.algorithm = HF_KEY_MD5;
    key.secret = bytes;
    key.secret_length = 80;
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_OK);
    for (uint8_t id = 1; id < KEYS; id++) {
        key = key_of("198.51.100.7/32", id, id);
        assert_int_equal(key_chain_add(&bench.chain, &key), HF_OK);
    }
    key = key_of("198.51.100.7/32", KEYS, KEYS);
    assert_int_equal(key_chain_add(&bench.chain, &key), HF_NO_ROOM);
    free(bench.memory);
}

/* What a key makes of one segment. */
static void mac_of(const struct hf_key *key, uint8_t mac[HF_MAC_BYTES_MAX])
{
    const struct flow flow = flow_from("198.51.100.7", 179, 5000);
    uint8_t header[36] = {[12] = 0x90, [13] = 0x10, [20] = 29, [21] = 16};
    const struct auth_bytes bytes = {
        .flow = &flow, .header = header, .header_length = sizeof header, .option = 20};
    const struct ao_place place = {20, 16, 0, false};
    struct hf_mac_key traffic;
    struct bench bench;

    open_bench(&bench);
    assert_int_equal(key_chain_add(&bench.chain, key), HF_OK);
    ao_derive(hf_os_crypto(), key_chain_view(&bench.chain, &flow).oldest, &bytes, &traffic);
    memset(mac, 0, HF_MAC_BYTES_MAX);
    ao_mac(hf_os_crypto(), &traffic, &bytes, &place, mac);
    free(bench.memory);
}

/* AES takes 16 bytes as they are; others become CMAC(0, secret), which is then as good as given. No zero byte is added to
 * words. */
static void master_keys_of_any_length(void **state)
{
    const struct hf_crypto_ops *ops = hf_os_crypto();
    static const uint8_t zero[16];
    const struct hf_mac_part part = {"ten bytes.", 10};
    uint8_t converted[HF_MAC_BYTES_MAX], one[HF_MAC_BYTES_MAX], other[HF_MAC_BYTES_MAX];
    struct hf_key key = key_of(NULL, 1, 1);
    struct hf_mac_key cmac;

    (void)state;
    key.algorithm = HF_KEY_AES_128_CMAC_96;
    key.secret = "ten bytes.";
    key.secret_length = 10;
    mac_of(&key, one);
    assert_int_equal(ops->key_open(ops->context, HF_MAC_AES_128_CMAC_96, zero, 16, &cmac), HF_OK);
    ops->sign(ops->context, &cmac, &part, 1, converted);
    key.secret = converted;
    key.secret_length = 16;
    mac_of(&key, other);
    assert_memory_equal(one, other, 16);
    key.secret = "ten bytes."; /* and its NUL */
    key.secret_length = 11;
    mac_of(&key, other);
    assert_memory_not_equal(one, other, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_speaks_of_its_tuple_only),
        cmocka_unit_test(ids_tell_keys_apart),
        cmocka_unit_test(md5_comes_last),
        cmocka_unit_test(impossible_keys_are_refused),
        cmocka_unit_test(master_keys_of_any_length),
    };

    if (!hf_os_crypto())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
