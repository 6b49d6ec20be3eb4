/* Sentences that an operator can act on. [include/handfast/event.h] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <handfast/auth.h>
#include <handfast/event.h>
#include <handfast/socket.h>

#define S INT64_C(1000000)

static struct hf_endpoint endpoint(const char *text)
{
    struct hf_endpoint value = {0};

    if (*text)
        assert_int_equal(hf_endpoint_parse(&value, text), HF_OK);
    return value;
}

static struct hf_endpoint prefix(const char *text)
{
    struct hf_endpoint value = {0};

    assert_int_equal(hf_address_parse(&value.address, text), HF_OK);
    return value;
}

struct row {
    struct hf_event event;
    const char *sentence;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char sentence[HF_EVENT_SENTENCE_MAX];

        assert_int_equal(hf_event_sentence(&rows[i].event, sentence, sizeof sentence),
                         strlen(rows[i].sentence));
        assert_string_equal(sentence, rows[i].sentence);
    }
}

static void facts_say_who_and_what(void **state)
{
    const struct hf_endpoint us = endpoint("192.0.2.1:80"), him = endpoint("198.51.100.7:4000");
    const struct row rows[] = {
        {{.kind = HF_EVENT_CONNECTION_OPENED, .local = us, .remote = him},
         "198.51.100.7:4000 opened a connection with 192.0.2.1:80"},
        {{.kind = HF_EVENT_CONNECTION_ENDED, .local = us, .remote = him},
         "the connection of 198.51.100.7:4000 with 192.0.2.1:80 was closed"},
        {{.kind = HF_EVENT_CONNECTION_ENDED,
          .value = (uint32_t)HF_RESET,
          .local = us,
          .remote = him},
         "the connection of 198.51.100.7:4000 with 192.0.2.1:80 ended: connection reset by the "
         "peer"},
        {{.kind = HF_EVENT_HALF_OPEN_TIMED_OUT,
          .local = us,
          .remote = him,
          .count = 40,
          .since_us = 7 * S,
          .at_us = 11 * S},
         "198.51.100.7:4000 never finished the handshake with 192.0.2.1:80 (40 times in 4 s)"},
        {{.kind = HF_EVENT_CACHE_FULL, .local = us, .remote = him},
         "198.51.100.7:4000 came when the SYN cache of 192.0.2.1:80 was full"},
        {{.kind = HF_EVENT_ACCEPT_QUEUE_FULL, .local = us, .remote = him},
         "198.51.100.7:4000 was kept waiting, as the server behind 192.0.2.1:80 does not accept "
         "what "
         "has come"},
        {{.kind = HF_EVENT_ADDRESS_CONFLICT, .local = prefix("192.0.2.1")},
         "another station of the link claims our address 192.0.2.1"},
        {{.kind = HF_EVENT_NEIGHBOR_FAILED, .remote = prefix("192.0.2.254")},
         "the next hop 192.0.2.254 does not answer"},
    };

    (void)state;
    check(rows, sizeof rows / sizeof *rows);
}

static void alarms_say_since_when_and_why(void **state)
{
    const struct hf_endpoint us = endpoint("192.0.2.1:80"), him = endpoint("198.51.100.7:4000");
    const struct hf_endpoint any = {.port = 80}, crowd = prefix("2001:db8:1:2::");
    const struct row rows[] = {
        {{.kind = HF_EVENT_PRESSURE,
          .value = HF_FLOODED,
          .local = any,
          .remote = crowd,
          .prefix_length = 64,
          .count = 120394,
          .since_us = S,
          .at_us = 4 * S},
         "port 80 is flooded: every SYN is answered by a cookie and costs no memory; before that "
         "120394 SYNs came in 3 s, most from 2001:db8:1:2::/64"},
        {{.kind = HF_EVENT_PRESSURE, .value = HF_STRAINED, .local = us, .count = 1, .at_us = S},
         "192.0.2.1:80 is strained: only peers who proved themselves lately wait in the cache, "
         "others get cookies; before that 1 SYN came in 1000 ms"},
        {{.kind = HF_EVENT_FLOOD_OVER, .local = us, .count = 9000000, .at_us = 600 * S},
         "the flood at 192.0.2.1:80 is over after 9000000 SYNs in 10 min"},
        {{.kind = HF_EVENT_SIGNATURE, .value = HF_SIGNATURE_MISSING, .local = us, .remote = him},
         "198.51.100.7:4000 or somebody in its name was not believed at 192.0.2.1:80: it is not "
         "signed"},
        {{.kind = HF_EVENT_SIGNATURE, .value = HF_SIGNATURE_STRAY, .local = us, .remote = him},
         "198.51.100.7:4000 or somebody in its name was not believed at 192.0.2.1:80: a peer with "
         "a key, but no connection"},
        {{.kind = HF_EVENT_SCAN,
          .value = 21,
          .local = us,
          .remote = prefix("198.51.100.7"),
          .prefix_length = 32,
          .count = 25,
          .since_us = 0,
          .at_us = 12 * S},
         "198.51.100.7/32 looks for what is open: 25 segments in 12 s to about 21 closed ports, "
         "the "
         "last to 192.0.2.1:80; nothing was banned, as a source that proved nothing may be forged"},
        {{.kind = HF_EVENT_SCAN, .local = us, .remote = crowd, .prefix_length = 64, .count = 16},
         "2001:db8:1:2::/64 looks for what is open: 16 segments in 0 ms with flags that no stack "
         "sends, the last to 192.0.2.1:80; nothing was banned, as a source that proved nothing may "
         "be forged"},
        {{.kind = HF_EVENT_HELD,
          .value = HF_HELD_ZERO_WINDOW,
          .local = us,
          .remote = him,
          .count = 65536,
          .since_us = S,
          .at_us = 61 * S},
         "the connection of 198.51.100.7:4000 with 192.0.2.1:80 was reset to make room: the peer "
         "kept its window closed for 60 s while it held 65536 bytes"},
        {{.kind = HF_EVENT_HELD,
          .value = HF_HELD_IDLE,
          .local = us,
          .remote = him,
          .at_us = 5 * 86400 * S},
         "the connection of 198.51.100.7:4000 with 192.0.2.1:80 was reset to make room: nothing "
         "was "
         "said for 5 days"},
    };

    (void)state;
    check(rows, sizeof rows / sizeof *rows);
}

/* Whatever an event holds, the longest sentence fits, and no byte beyond the capacity is written. */
static void none_is_too_long(void **state)
{
    struct hf_event event = {.at_us = INT64_MAX, .count = UINT64_MAX, .prefix_length = 128};
    char sentence[HF_EVENT_SENTENCE_MAX + 1], whole[HF_EVENT_SENTENCE_MAX];

    (void)state;
    event.local = event.remote = endpoint("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
    for (int kind = HF_EVENT_NONE; kind <= HF_EVENT_KINDS; kind++) {
        event.kind = (enum hf_event_kind)kind;
        for (event.value = 0; event.value < 8; event.value++) {
            size_t length = hf_event_sentence(&event, whole, sizeof whole);

            assert_true(length > 0 && length < HF_EVENT_SENTENCE_MAX);
            for (size_t capacity = 0; capacity <= length; capacity += 7) {
                memset(sentence, '#', sizeof sentence);
                assert_int_equal(hf_event_sentence(&event, sentence, capacity), length);
                assert_int_equal(sentence[capacity], '#');
                if (capacity) {
                    assert_int_equal(strlen(sentence), capacity - 1);
                    assert_memory_equal(sentence, whole, capacity - 1);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_say_who_and_what),
        cmocka_unit_test(alarms_say_since_when_and_why),
        cmocka_unit_test(none_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
