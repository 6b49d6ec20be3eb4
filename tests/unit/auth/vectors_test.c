/* The published segments of TCP-AO, through the code that verifies and signs. [RFC 9235 4, 5, 6, 7, 8; RFC 5926 3; RFC 5925 5]
 * [R9235-01, R9235-02, R9235-03, R9235-04, R9235-05; R5925-10, R5925-11, R5925-13; R5926-02, R5926-04, R5926-05] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <handfast/os.h>

#include "auth/auth.h"
#include "unit/auth/vectors.h"
#include "wire/checksum.h"
#include "wire/packet.h"

#define VECTORS (sizeof vectors / sizeof *vectors)
#define CLIENT_ID 61
#define SERVER_ID 84
#define PACKET_MAX 256

/* A published segment, taken apart by the real parser; `inbound`: seen by who receives it. */
struct given {
    uint8_t ip[PACKET_MAX];
    uint32_t length;
    struct packet packet;
    struct flow flow;
    struct auth_bytes bytes;
    struct auth_isns isns;
};

static uint32_t from_hex(uint8_t *to, const char *hex)
{
    uint32_t count = 0;

    for (; hex[0] && hex[1]; hex += 2) {
        char byte[3] = {hex[0], hex[1], 0};

        to[count++] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return count;
}

static void take_apart(struct given *given, const struct vector *vector, bool inbound)
{
    const struct packet_rules rules = {
        .link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    const seq source = seq_of(vector->source_isn), destination = seq_of(vector->destination_isn);
    const struct segment *seg = &given->packet.segment;

    given->length = from_hex(given->ip, vector->packet);
    packet_parse_ip(&given->packet, &rules, given->ip, given->length, HF_CHECKSUM_VERIFIED);
    assert_int_equal(given->packet.kind, PACKET_TCP);
    given->flow = packet_flow(&given->packet);
    given->isns = (struct auth_isns){destination, source};
    if (!inbound) {
        const struct flow flow = given->flow;

        given->flow = (struct flow){flow.local, flow.remote, flow.local_port, flow.remote_port};
        given->isns = (struct auth_isns){source, destination};
    }
    given->bytes = (struct auth_bytes){
        .flow = &given->flow,
        .header = given->packet.payload,
        .header_length = seg->data_offset,
        .option = seg->options.ao_offset,
        .text = seg->text,
        .text_length = seg->length,
        .inbound = inbound,
        .isns = given->isns,
    };
}

/* A chain with the one key of the RFC, at the end that `given` is seen from. */
struct chain {
    void *memory;
    struct auth auth;
    struct auth_session session;
};

static struct hf_key key_of(const struct vector *vector, bool at_client)
{
    return (struct hf_key){
        .algorithm = vector->algorithm,
        .send_id = at_client ? CLIENT_ID : SERVER_ID,
        .receive_id = at_client ? SERVER_ID : CLIENT_ID,
        .options_excluded = vector->options_excluded,
        .secret = "testvector",
        .secret_length = 10,
    };
}

static void open_chain(struct chain *chain, const struct vector *vector, const struct given *given,
                       bool at_client)
{
    struct arena arena = {NULL, 0};
    const struct hf_key key = key_of(vector, at_client);

    key_chain_init(&chain->auth.keys, &arena, 4, hf_os_crypto());
    chain->memory = arena.base = aligned_alloc(64, arena.used);
    arena.used = 0;
    key_chain_init(&chain->auth.keys, &arena, 4, hf_os_crypto());
    assert_int_equal(key_chain_add(&chain->auth.keys, &key), HF_OK);
    assert_true(auth_begin(&chain->auth, &given->flow, &chain->session));
    auth_set_isns(&chain->session, &given->isns);
}

static void close_chain(struct chain *chain)
{
    auth_end(&chain->auth, &chain->session);
    free(chain->memory);
}

static void the_receiver_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct given given;
        struct chain chain;

        take_apart(&given, &vectors[i], true);
        open_chain(&chain, &vectors[i], &given, !vectors[i].from_client);
        print_message("%s\n", vectors[i].id);
        assert_int_equal(
            auth_verify(&chain.auth, &chain.session, &given.bytes, &given.packet.segment),
            AUTH_VERIFIED);
        close_chain(&chain);
    }
}

/* Ids and MAC are cleared, and come back to the bit; the TCP checksum may be anything. */
static void the_sender_signs(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct given given;
        struct chain chain;
        uint8_t published[16], *option;

        take_apart(&given, &vectors[i], false);
        open_chain(&chain, &vectors[i], &given, vectors[i].from_client);
        option = given.bytes.header + given.bytes.option;
        memcpy(published, option, sizeof published);
        memset(option + 2, 0, sizeof published - 2);
        (void)auth_sign(&chain.auth, &chain.session, &given.bytes);
        print_message("%s\n", vectors[i].id);
        assert_memory_equal(option, published, sizeof published);
        close_chain(&chain);
    }
}

/* Shown by what it signs: the published key, used directly, gives the same MAC as the derived one. */
static void traffic_keys_are_the_published_ones(void **state)
{
    const struct hf_crypto_ops *ops = hf_os_crypto();

    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        static const uint8_t text[] = "any text will do";
        const struct hf_mac_part part = {text, sizeof text};
        uint8_t secret[32], one[HF_MAC_BYTES_MAX] = {0}, other[HF_MAC_BYTES_MAX] = {0};
        struct given given;
        struct chain chain;
        struct hf_mac_key derived, published;
        enum hf_mac_kind kind = key_mac_kind(vectors[i].algorithm);

        take_apart(&given, &vectors[i], false);
        open_chain(&chain, &vectors[i], &given, vectors[i].from_client);
        ao_derive(ops, key_chain_view(&chain.auth.keys, &given.flow).oldest, &given.bytes,
                  &derived);
        assert_int_equal(ops->key_open(ops->context, kind, secret,
                                       from_hex(secret, vectors[i].traffic_key), &published),
                         HF_OK);
        ops->sign(ops->context, &derived, &part, 1, one);
        ops->sign(ops->context, &published, &part, 1, other);
        assert_memory_equal(one, other, sizeof one);
        ops->key_close(ops->context, &derived);
        ops->key_close(ops->context, &published);
        close_chain(&chain);
    }
}

/* One bit anywhere in addresses, ports, header, covered options or text, and the MAC is another. */
static void every_covered_bit_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct given given;
        struct chain chain;
        uint32_t checksum, covered;

        take_apart(&given, &vectors[i], true);
        open_chain(&chain, &vectors[i], &given, !vectors[i].from_client);
        checksum = (uint32_t)(given.bytes.header - given.ip) + 16;
        for (uint32_t at = checksum - 16; at < given.length; at++) {
            const struct auth_bytes *bytes = &given.bytes;
            uint32_t in_header = at - (checksum - 16);
            enum auth_verdict verdict;

            if (at == checksum || at == checksum + 1 || in_header == 12)
                continue; /* not signed; data offset: another segment altogether */
            if (in_header >= 20 && in_header < bytes->header_length) {
                covered = in_header - bytes->option;
                if (covered < 4 || (vectors[i].options_excluded && covered >= 16))
                    continue;
            }
            given.ip[at] ^= 0x10;
            verdict = auth_verify(&chain.auth, &chain.session, bytes, &given.packet.segment);
            given.ip[at] ^= 0x10;
            assert_int_equal(verdict, AUTH_WRONG);
        }
        close_chain(&chain);
    }
}

/* The pitfalls that the RFC lists: each, done wrong, gives another MAC. [RFC 9235 8] */
static void other_numbers_give_other_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct given given;
        struct chain chain;

        take_apart(&given, &vectors[i], true);
        open_chain(&chain, &vectors[i], &given, !vectors[i].from_client);
        given.bytes.isns.remote = seq_add(given.isns.remote, 1);
        assert_int_equal(
            auth_verify(&chain.auth, &chain.session, &given.bytes, &given.packet.segment),
            AUTH_WRONG);
        given.bytes.isns = given.isns;
        if ((given.packet.segment.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
            chain.session.terms.received += UINT64_C(1) << 32; /* another extension */
            assert_int_equal(
                auth_verify(&chain.auth, &chain.session, &given.bytes, &given.packet.segment),
                AUTH_WRONG);
        }
        close_chain(&chain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_receiver_verifies),
        cmocka_unit_test(the_sender_signs),
        cmocka_unit_test(traffic_keys_are_the_published_ones),
        cmocka_unit_test(every_covered_bit_counts),
        cmocka_unit_test(other_numbers_give_other_keys),
    };

    if (!hf_os_crypto())
        return 77;
    assert_int_equal(VECTORS, 32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
