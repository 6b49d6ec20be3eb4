/* Addresses, prefixes and endpoints as text. [RFC 4291 2.2], and RFC 5952 for what is written. */
#include <arpa/inet.h>

#include "unit/wire/support.h"

static void good_addresses_in_their_usual_form(void **state)
{
    static const char *rows[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"192.0.2.1", "192.0.2.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8::1", "2001:db8::1"},
        {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:0", "2001:db8:0:0:1::"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"fe80::ffff:ffff:ffff:ffff", "fe80::ffff:ffff:ffff:ffff"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[HF_ADDRESS_TEXT_MAX];
        struct hf_address address;

        if (hf_address_parse(&address, rows[i][0]) != HF_OK)
            fail_msg("%s", rows[i][0]);
        assert_string_equal(hf_address_format(text, &address), rows[i][1]);
    }
}

static void what_is_no_address(void **state)
{
    static const char *rows[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        "256.1.1.1",
        "1.2.3.4 ",
        " 1.2.3.4",
        "01.2.3.4",
        "1.2.3.00",
        "1.2.3.-4",
        "1..2.3",
        "0x1.2.3.4",
        "1.2.3.4/24",
        ":",
        ":::",
        "1:",
        ":1",
        "1:2",
        "1::2::3",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "::1%eth0",
        "[::1]",
        "::1.2.3",
        "::1.2.3.4.5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "4294967297.0.0.1",
        "::256.1.1.1",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_address address = {{42}};

        if (hf_address_parse(&address, rows[i]) != HF_INVALID)
            fail_msg("%s", rows[i]);
        assert_int_equal(address.bytes[0], 42); /* untouched */
    }
}

/* Every text that the C library writes we read, and we write what it writes (but for old forms it keeps dotted). */
static void agrees_with_the_c_library(void **state)
{
    uint64_t seed = 0x5952;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct hf_address address, again;
        char theirs[64], ours[HF_ADDRESS_TEXT_MAX];

        for (unsigned i = 0; i < 16; i += 2) {
            uint32_t word =
                next_random(&seed) % 3 ? 0 : next_random(&seed) >> next_random(&seed) % 16;

            address.bytes[i] = (uint8_t)(word >> 8);
            address.bytes[i + 1] = (uint8_t)word;
        }
        address.bytes[0] |= 0x20; /* not ::/96, where the C library writes dots */
        assert_non_null(inet_ntop(AF_INET6, &address, theirs, sizeof theirs));
        hf_address_format(ours, &address);
        assert_string_equal(ours, theirs);
        assert_int_equal(hf_address_parse(&again, ours), HF_OK);
        assert_memory_equal(&again, &address, sizeof address);
    }
}

/* Random texts of the characters that matter: we take what inet_pton takes, and nothing else. */
static void judges_like_the_c_library(void **state)
{
    static const char alphabet[] = "0129af:::..5";
    uint64_t seed = 0x4291;

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        char text[24];
        uint8_t theirs[16];
        struct hf_address ours;
        unsigned length = 1 + next_random(&seed) % 20;

        for (unsigned i = 0; i < length; i++)
            text[i] = alphabet[next_random(&seed) % (sizeof alphabet - 1)];
        text[length] = '\0';
        bool v6 = inet_pton(AF_INET6, text, theirs) == 1;
        bool v4 = inet_pton(AF_INET, text, theirs) == 1;

        if ((hf_address_parse(&ours, text) == HF_OK) != (v4 || v6))
            fail_msg("%s", text);
        if (v6 && inet_pton(AF_INET6, text, theirs) == 1)
            assert_memory_equal(&ours, theirs, 16);
    }
}

static void prefix_texts(void **state)
{
    static const struct {
        const char *text;
        int length; /* -1: refused */
    } rows[] = {
        {"192.0.2.1", 32},    {"192.0.2.1/24", 24},   {"0.0.0.0/0", 0},       {"::/0", 0},
        {"2001:db8::1", 128}, {"2001:db8::1/64", 64}, {"::1/128", 128},       {"192.0.2.1/33", -1},
        {"::1/129", -1},      {"192.0.2.1/", -1},     {"192.0.2.1/024", -1},  {"192.0.2.1/24x", -1},
        {"/24", -1},          {"192.0.2/24", -1},     {"192.0.2.1/24/8", -1}, {"192.0.2.1/-1", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_prefix prefix;
        int answer = hf_prefix_parse(&prefix, rows[i].text);

        if (answer != (rows[i].length < 0 ? HF_INVALID : HF_OK) ||
            (answer == HF_OK && prefix.length != rows[i].length))
            fail_msg("%s", rows[i].text);
    }
}

static void endpoint_texts(void **state)
{
    static const char *rows[][2] = {
        {"192.0.2.1:80", "192.0.2.1:80"},
        {"[2001:db8::1]:443", "[2001:db8::1]:443"},
        {":80", "[::]:80"},
        {"80", "[::]:80"},
        {"0.0.0.0:65535", "0.0.0.0:65535"},
        {"[::ffff:1.2.3.4]:1", "1.2.3.4:1"},
        {"[::]:0", "[::]:0"},
        {"192.0.2.1", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:65536", NULL},
        {"2001:db8::1:80", NULL},
        {"[2001:db8::1]", NULL},
        {"[2001:db8::1]80", NULL},
        {"[192.0.2.1]:80", NULL},
        {"", NULL},
        {":", NULL},
        {"80 ", NULL},
        {"080", NULL},
        {"http", NULL},
        {"[::1]:80x", NULL},
        {"::80", NULL},
        {"[::1:80", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_endpoint endpoint;
        char text[HF_ENDPOINT_TEXT_MAX];
        int answer = hf_endpoint_parse(&endpoint, rows[i][0]);

        if (answer != (rows[i][1] ? HF_OK : HF_INVALID))
            fail_msg("%s", rows[i][0]);
        if (rows[i][1])
            assert_string_equal(hf_endpoint_format(text, &endpoint), rows[i][1]);
    }
}

static void the_longest_texts_fit(void **state)
{
    struct hf_endpoint endpoint = {.port = 65535};
    char text[HF_ENDPOINT_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];

    (void)state;
    memset(&endpoint.address, 0xfe, sizeof endpoint.address);
    assert_int_equal(strlen(hf_endpoint_format(text, &endpoint)), 39 + 2 + 6);
    assert_int_equal(strlen(hf_address_format(address, &endpoint.address)), 39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_in_their_usual_form),
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(judges_like_the_c_library),
        cmocka_unit_test(prefix_texts),
        cmocka_unit_test(endpoint_texts),
        cmocka_unit_test(the_longest_texts_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
