/* The packet that an ICMP error quotes. [RFC 792; RFC 4443 2.4; RFC 5927 4] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"

static struct icmp_message v4_error(void)
{
    return (struct icmp_message){.body = too_big_v4 + 42, .body_length = sizeof too_big_v4 - 42};
}

static struct icmp_message v6_error(void)
{
    return (struct icmp_message){.body = too_big_v6 + 62, .body_length = sizeof too_big_v6 - 62};
}

/* [R5927-11] */
static void a_quoted_segment_v4(void **state)
{
    struct icmp_message error = v4_error();
    struct icmp_quote quote;

    (void)state;
    assert_true(icmp_quote_parse(&quote, 4, &error));
    assert_address(quote.flow.local, "192.0.2.2");
    assert_address(quote.flow.remote, "192.0.2.1");
    assert_int_equal(quote.flow.local_port, 80);
    assert_int_equal(quote.flow.remote_port, 43210);
    assert_true(quote.has_ports && quote.has_seq);
    assert_int_equal(quote.seq.value, 0x9e3779ba);
    assert_int_equal(quote.total_length, 152);
    assert_int_equal(quote.protocol, 6);
}

static void a_quoted_segment_v6(void **state)
{
    struct icmp_message error = v6_error();
    struct icmp_quote quote;

    (void)state;
    assert_true(icmp_quote_parse(&quote, 6, &error));
    assert_address(quote.flow.local, "2001:db8::2");
    assert_address(quote.flow.remote, "2001:db8::1");
    assert_int_equal(quote.flow.local_port, 443);
    assert_true(quote.has_seq);
    assert_int_equal(quote.seq.value, 0x9e3779ba);
    assert_int_equal(quote.total_length, 172);
}

/* How much of the quote is needed for what: addresses, ports, the sequence number. [R5927-11] */
static void cut_at_every_byte_v4(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 28; length++) {
        uint8_t *body = exact_copy(too_big_v4 + 42, length);
        struct icmp_message error = {.body = body, .body_length = length};
        struct icmp_quote quote;

        assert_int_equal(icmp_quote_parse(&quote, 4, &error), length >= 20);
        assert_int_equal(quote.has_ports, length >= 24);
        assert_int_equal(quote.has_seq, length >= 28);
        free(body);
    }
}

static void cut_at_every_byte_v6(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= sizeof too_big_v6 - 62; length++) {
        uint8_t *body = exact_copy(too_big_v6 + 62, length);
        struct icmp_message error = {.body = body, .body_length = length};
        struct icmp_quote quote;

        assert_int_equal(icmp_quote_parse(&quote, 6, &error), length >= 40);
        assert_int_equal(quote.has_ports, length >= 44);
        assert_int_equal(quote.has_seq, length >= 48);
        free(body);
    }
}

/* The ports of a later fragment are text of the user, perhaps of an attacker. */
static void a_quoted_later_fragment_has_no_ports(void **state)
{
    uint8_t *body = exact_copy(too_big_v4 + 42, 28);
    struct icmp_message error = {.body = body, .body_length = 28};
    struct icmp_quote quote;

    (void)state;
    put_be16(body + 6, 185);
    assert_true(icmp_quote_parse(&quote, 4, &error));
    assert_false(quote.has_ports || quote.has_seq);
    assert_int_equal(quote.flow.local_port, 0);
    free(body);
}

/* [R4443-06] */
static void quoted_extension_headers_are_walked(void **state)
{
    uint8_t *body = exact_copy(extended_v6 + 14, sizeof extended_v6 - 14);
    struct icmp_message error = {.body = body, .body_length = sizeof extended_v6 - 14};
    struct icmp_quote quote;

    (void)state;
    assert_true(icmp_quote_parse(&quote, 6, &error));
    assert_true(quote.has_seq);
    assert_int_equal(quote.flow.remote_port, 443);
    body[41] = 200; /* now longer than the quote */
    assert_false(icmp_quote_parse(&quote, 6, &error));
    free(body);
}

static void a_quoted_datagram_has_no_seq(void **state)
{
    struct icmp_message error = {.body = udp_v4 + 14, .body_length = sizeof udp_v4 - 14};
    struct icmp_quote quote;

    (void)state;
    assert_true(icmp_quote_parse(&quote, 4, &error));
    assert_true(quote.has_ports);
    assert_false(quote.has_seq);
}

/* [R4443-06] */
static void nonsense_is_no_quote(void **state)
{
    struct icmp_message v4 = v4_error(), v6 = v6_error();
    struct icmp_quote quote;

    (void)state;
    assert_false(icmp_quote_parse(&quote, 4, &v6));
    assert_false(icmp_quote_parse(&quote, 6, &v4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quoted_segment_v4),
        cmocka_unit_test(a_quoted_segment_v6),
        cmocka_unit_test(cut_at_every_byte_v4),
        cmocka_unit_test(cut_at_every_byte_v6),
        cmocka_unit_test(a_quoted_later_fragment_has_no_ports),
        cmocka_unit_test(quoted_extension_headers_are_walked),
        cmocka_unit_test(a_quoted_datagram_has_no_seq),
        cmocka_unit_test(nonsense_is_no_quote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
