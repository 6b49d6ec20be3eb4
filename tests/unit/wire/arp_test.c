/* ARP for IPv4 over Ethernet. [RFC 826; RFC 5227] */
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/arp.h"

static const struct hf_mac our_mac = {{0x02, 0x00, 0xc0, 0xa8, 0x00, 0x02}};

static void a_request_is_read_and_rebuilt(void **state)
{
    struct arp_message message;
    uint8_t built[ARP_LENGTH];

    (void)state;
    assert_true(arp_parse(&message, arp_frame + 14, sizeof arp_frame - 14));
    assert_int_equal(message.operation, ARP_REQUEST);
    assert_address(message.sender, "192.0.2.1");
    assert_address(message.target, "192.0.2.2");
    assert_memory_equal(&message.sender_mac, ((uint8_t[]){0x52, 0x54, 0, 0x12, 0x34, 0x56}), 6);
    assert_int_equal(arp_build(built, &message), ARP_LENGTH);
    assert_memory_equal(built, arp_frame + 14, ARP_LENGTH);
}

static void an_answer_swaps_the_ends(void **state)
{
    struct arp_message request, reply;

    (void)state;
    assert_true(arp_parse(&request, arp_frame + 14, ARP_LENGTH));
    reply = arp_reply(&request, &our_mac, &request.target);
    assert_int_equal(reply.operation, ARP_REPLY);
    assert_address(reply.sender, "192.0.2.2");
    assert_address(reply.target, "192.0.2.1");
    assert_memory_equal(&reply.sender_mac, &our_mac, 6);
    assert_memory_equal(&reply.target_mac, &request.sender_mac, 6);
}

static void a_question_leaves_the_link_address_open(void **state)
{
    struct hf_address us = address_of("192.0.2.2"), peer = address_of("192.0.2.1");
    struct arp_message message = arp_request(&our_mac, &us, &peer), again;
    uint8_t built[ARP_LENGTH];

    (void)state;
    assert_int_equal(arp_build(built, &message), ARP_LENGTH);
    assert_true(arp_parse(&again, built, ARP_LENGTH));
    assert_int_equal(again.operation, ARP_REQUEST);
    assert_address(again.sender, "192.0.2.2");
    assert_address(again.target, "192.0.2.1");
    assert_memory_equal(&again.target_mac, (uint8_t[6]){0}, 6);
}

/* [RFC 5227 2.3]: a request in which sender and target are both our address. */
static void an_announcement(void **state)
{
    struct hf_address address = address_of("192.0.2.2");
    struct arp_message message = arp_announcement(&our_mac, &address);

    (void)state;
    assert_int_equal(message.operation, ARP_REQUEST);
    assert_address(message.sender, "192.0.2.2");
    assert_address(message.target, "192.0.2.2");
    assert_memory_equal(&message.target_mac, (uint8_t[6]){0}, 6);
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < ARP_LENGTH; length++) {
        uint8_t *data = exact_copy(arp_frame + 14, length);
        struct arp_message message;

        assert_false(arp_parse(&message, data, length));
        free(data);
    }
}

/* [R826-01] */
static void nonsense_is_refused(void **state)
{
    static const struct {
        unsigned at;
        uint8_t value;
    } rows[] = {{1, 6}, {0, 1}, {2, 0x86}, {3, 1}, {4, 4}, {4, 0},
                {5, 6}, {5, 0}, {7, 0},    {7, 3}, {6, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *data = exact_copy(arp_frame + 14, ARP_LENGTH);
        struct arp_message message;

        data[rows[i].at] = rows[i].value;
        assert_false(arp_parse(&message, data, ARP_LENGTH));
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_and_rebuilt),
        cmocka_unit_test(an_answer_swaps_the_ends),
        cmocka_unit_test(a_question_leaves_the_link_address_open),
        cmocka_unit_test(an_announcement),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
