/* Rules: text in, each error by name; the quick way of finding the first that fits against the plain one; rules that are never
 * reached. [RFC 5082 3] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/match.h"
#include "filter/rule_check.h"

#define SEED UINT64_C(0x5eedf11e)
#define ROOM 64

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static struct hf_filter_rules rules_in(struct hf_filter_rule room[ROOM])
{
    return (struct hf_filter_rules){.rules = room, .capacity = ROOM};
}

static struct hf_filter_rules parsed(struct hf_filter_rule room[ROOM], const char *text)
{
    struct hf_filter_rules rules = rules_in(room);
    struct hf_filter_complaint complaint;

    if (hf_filter_rules_parse(&rules, text, strlen(text), &complaint) != HF_OK)
        fail_msg("%u: %s, accepted is %s", complaint.line, complaint.found, complaint.accepted);
    return rules;
}

static void text_becomes_rules(void **state)
{
    struct hf_filter_rule room[ROOM];
    struct hf_filter_rules rules =
        parsed(room, "# rules\n"
                     "default deny in # nobody else\r\n"
                     "\n"
                     "allow in tcp from 198.51.100.0/24 to 203.0.113.10 port 22,8000-8099\n"
                     "\tdeny   in from 2001:db8::/32\n"
                     "deny in ttl below 255 port 179\n"
                     "allow in icmp from any\n"
                     "default deny out\n"
                     "allow out to 127.0.0.1 port 443");

    (void)state;
    assert_int_equal(rules.count, 5);
    assert_true(rules.deny_inward && rules.deny_outward);
    assert_true(room[0].allow && !room[0].outward && room[0].has_from && room[0].has_to);
    assert_int_equal(room[0].protocol, HF_FILTER_TCP);
    assert_int_equal(room[0].line, 4);
    assert_int_equal(room[0].port_ranges, 2);
    assert_int_equal(room[0].ports[0].last, 22);
    assert_int_equal(room[0].ports[1].first, 8000);
    assert_int_equal(room[0].ports[1].last, 8099);
    assert_int_equal(room[1].protocol, HF_FILTER_ANY_PROTOCOL);
    assert_false(room[1].allow);
    assert_int_equal(room[2].ttl_below, 255);
    assert_int_equal(room[2].protocol, HF_FILTER_TCP);
    assert_int_equal(room[3].protocol, HF_FILTER_ICMP);
    assert_false(room[3].has_from);
    assert_true(room[4].outward);
    assert_int_equal(room[4].line, 9);
}

static void every_error_is_named(void **state)
{
    static const struct {
        const char *text, *found, *accepted;
        uint32_t line;
    } rows[] = {
        {"permit in", "permit", "allow, deny or default", 1},
        {"\n\nallow inside", "inside", "in or out", 3},
        {"allow", "the end of the line", "in or out", 1},
        {"deny in udp", "udp", "tcp, icmp, from, to, port or ttl", 1},
        {"deny in from", "the end of the line", "a prefix such as", 1},
        {"deny in from 192.0.2.0/33", "192.0.2.0/33", "a prefix such as", 1},
        {"deny in from example.org", "example.org", "a prefix such as", 1},
        {"deny in from 192.0.2.1 from 192.0.2.2", "from", "each word once", 1},
        {"deny in port 65536", "65536", "ports from 0 to 65535", 1},
        {"deny in port 20-10", "20-10", "ports from 0 to 65535", 1},
        {"deny in port 1,,2", "1,,2", "ports from 0 to 65535", 1},
        {"deny in port 1,", "1,", "ports from 0 to 65535", 1},
        {"deny in port 1,2,3,4,5,6,7,8,9", "1,2,3,4,5,6,7,8,9", "at most 8 ranges", 1},
        {"deny in port http", "http", "ports from 0 to 65535", 1},
        {"deny in icmp port 7", "port", "tcp, or icmp without ports", 1},
        {"deny in tcp icmp", "icmp", "tcp, or icmp without ports", 1},
        {"deny in ttl 255", "255", "below", 1},
        {"deny in ttl below 0", "0", "a number from 1 to 255", 1},
        {"deny in ttl below 256", "256", "a number from 1 to 255", 1},
        {"deny in ttl below 7x", "7x", "a number from 1 to 255", 1},
        {"deny out ttl below 7", "ttl", "ttl only with in", 1},
        {"deny in from 192.0.2.1 to 2001:db8::1", "from and to of two", "one family", 1},
        {"default", "the end of the line", "allow or deny", 1},
        {"default refuse in", "refuse", "allow or deny", 1},
        {"default deny up", "up", "in or out", 1},
        {"default deny in tcp", "tcp", "the end of the line", 1},
        {"default deny in\ndefault allow in", "a second default", "one default for in", 2},
        {"deny in from 2001:db8::/32 \x01\x7f\xff", "???", "tcp, icmp, from", 1},
        {"a-word-that-is-longer-than-anything-that-could-be-meant-by-it", "...", "allow", 1},
        {"deny in from 1111111111111111111111111111111111111111111111111111111111111111111111",
         "...", "a prefix", 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_filter_rule room[ROOM];
        struct hf_filter_rules rules = rules_in(room);
        struct hf_filter_complaint said = {0};

        assert_int_equal(hf_filter_rules_parse(&rules, rows[i].text, strlen(rows[i].text), &said),
                         HF_INVALID);
        assert_int_equal(rules.count, 0);
        assert_false(rules.deny_inward);
        if (said.line != rows[i].line || !strstr(said.found, rows[i].found) ||
            !strstr(said.accepted, rows[i].accepted))
            fail_msg("%s: line %u, %s, accepted is %s", rows[i].text, said.line, said.found,
                     said.accepted);
    }
}

/* Text of words that rules are made of, and of bytes that they are not, never reads or writes where it must not (sanitizers
 * look), and what is accepted says so again. */
static void nonsense_is_read_safely(void **state)
{
    static const char *const words[] = {"allow",   "deny",  "in",  "out",  "tcp",  "icmp",
                                        "from",    "to",    "any", "port", "ttl",  "below",
                                        "22",      "1-2,3", "255", "::1",  "10/8", "10.0.0.0/8",
                                        "default", "#",     "\n"};
    uint64_t dice = SEED;
    unsigned accepted = 0;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)dice);
    for (unsigned round = 0; round < 20000; round++) {
        struct hf_filter_rule room[4];
        struct hf_filter_rules rules = {.rules = room, .capacity = 4};
        struct hf_filter_complaint complaint;
        char *text;
        size_t length = 0, count = next(&dice) % 12;
        char whole[256];

        if (next(&dice) % 2) {
            memcpy(whole, "deny in ", 8);
            length = 8;
        }
        for (size_t i = 0; i < count; i++) {
            const char *word = words[next(&dice) % (sizeof words / sizeof *words)];
            size_t bytes = strlen(word);

            memcpy(whole + length, word, bytes);
            length += bytes;
            whole[length++] = ' ';
        }
        if (length && next(&dice) % 4 == 0)
            whole[next(&dice) % length] = (char)next(&dice);
        text = malloc(length + !length); /* exactly as long: what lies behind is not the text's */
        memcpy(text, whole, length);
        if (hf_filter_rules_parse(&rules, text, length, &complaint) == HF_OK)
            accepted += rules.count > 0;
        else
            assert_int_equal(rules.count, 0);
        free(text);
    }
    assert_true(accepted > 20);
}

static void there_is_room_or_not(void **state)
{
    struct hf_filter_rule room[2];
    struct hf_filter_rules rules = {.rules = room, .capacity = 2};
    struct hf_filter_complaint said;
    const char *text = "deny in\ndeny out\nallow in\n";

    (void)state;
    assert_int_equal(hf_filter_rules_parse(&rules, text, strlen(text), &said), HF_NO_ROOM);
    assert_int_equal(said.line, 3);
    assert_int_equal(rules.count, 0);
}

/* ---- the quick way and the plain one ---- */

static const char *const some_prefixes[] = {
    "10.0.0.0/8", "10.1.0.0/16",   "10.1.2.0/24",     "10.1.2.3",      "192.0.2.0/24",
    "0.0.0.0/0",  "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::7", "::/0"};
static const char *const some_addresses[] = {
    "10.1.2.3",     "10.1.2.4",      "10.1.9.9",      "10.9.9.9",      "192.0.2.255",
    "198.51.100.1", "2001:db8:1::7", "2001:db8:1::8", "2001:db8:2::1", "2001:db9::1"};

static bool some_prefix(uint64_t *dice, struct hf_prefix *prefix)
{
    uint64_t pick = next(dice) % 16;

    if (pick >= sizeof some_prefixes / sizeof *some_prefixes)
        return false;
    assert_int_equal(hf_prefix_parse(prefix, some_prefixes[pick]), HF_OK);
    return true;
}

static struct hf_filter_rule some_rule(uint64_t *dice, uint32_t line)
{
    struct hf_filter_rule rule = {
        .allow = next(dice) % 2, .outward = next(dice) % 8 == 0, .line = line};

    rule.protocol = (uint8_t)(next(dice) % 3);
    rule.has_from = some_prefix(dice, &rule.from);
    rule.has_to = some_prefix(dice, &rule.to);
    if (rule.has_from && rule.has_to &&
        hf_address_is_v4(&rule.from.address) != hf_address_is_v4(&rule.to.address))
        rule.has_to = false;
    if (next(dice) % 2 && rule.protocol != HF_FILTER_ICMP) {
        rule.protocol = HF_FILTER_TCP;
        rule.port_ranges = (uint8_t)(1 + next(dice) % 3);
        for (unsigned i = 0; i < rule.port_ranges; i++) {
            rule.ports[i].first = (uint16_t)(next(dice) % 8);
            rule.ports[i].last = (uint16_t)(rule.ports[i].first + next(dice) % 4);
            if (next(dice) % 8 == 0)
                rule.ports[i].last = 65535;
        }
    }
    if (!rule.outward && next(dice) % 6 == 0)
        rule.ttl_below = (uint8_t)(1 + next(dice) % 255);
    return rule;
}

static struct hf_address some_address(uint64_t *dice, bool v6)
{
    struct hf_address address;

    assert_int_equal(
        hf_address_parse(&address, some_addresses[v6 ? 6 + next(dice) % 4 : next(dice) % 6]),
        HF_OK);
    return address;
}

static struct packet some_packet(uint64_t *dice)
{
    bool v6 = next(dice) % 2, tcp = next(dice) % 3;
    struct packet packet = {
        .kind = tcp  ? PACKET_TCP
                : v6 ? PACKET_ICMPV6
                     : PACKET_ICMPV4,
        .source = some_address(dice, v6),
        .destination = some_address(dice, v6),
        .ttl = (uint8_t)(next(dice) % 4 ? next(dice) : 255),
        .segment.destination_port = (uint16_t)(next(dice) % 12),
    };

    if (next(dice) % 16 == 0)
        packet.segment.destination_port = 65535;
    return packet;
}

static struct rule_question question_of(const struct packet *packet)
{
    return (struct rule_question){
        .protocol = packet->kind == PACKET_TCP ? HF_FILTER_TCP : HF_FILTER_ICMP,
        .ttl = packet->ttl,
        .port = packet->segment.destination_port,
        .from = packet->source,
        .to = packet->destination,
    };
}

static void the_first_that_fits(void **state)
{
    uint64_t dice = SEED + 1;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)dice);
    for (unsigned round = 0; round < 300; round++) {
        struct hf_filter_rule room[200];
        struct hf_filter_rules rules = {.rules = room, .count = next(&dice) % 200};
        struct arena measured = {NULL, 0}, arena;
        struct rulebook book;

        for (size_t i = 0; i < rules.count; i++)
            room[i] = some_rule(&dice, (uint32_t)i);
        rulebook_build(&book, &measured, &rules);
        arena = (struct arena){aligned_alloc(64, measured.used + 64), 0};
        memset(arena.base, 0xa5, measured.used + 64);
        rulebook_build(&book, &arena, &rules);
        assert_int_equal(arena.used, measured.used);
        assert_int_equal(arena.base[measured.used], 0xa5);
        for (unsigned i = 0; i < 200; i++) {
            struct packet packet = some_packet(&dice);
            struct rule_question question = question_of(&packet);
            size_t wanted = rule_first(&rules, rules.count, &question);
            uint32_t found = rulebook_first(&book, &packet);

            assert_int_equal(found == RULEBOOK_NONE ? rules.count : book.numbers[found], wanted);
        }
        free(arena.base);
    }
}

/* ---- rules that are never reached ---- */

static void shadows_are_found(void **state)
{
    static const struct {
        const char *text;
        int shadowed, by; /* of the last rule; -1: it is reached */
    } rows[] = {
        {"deny in\nallow in tcp port 22", 1, 0},
        {"allow in tcp port 22\ndeny in", -1, 0},
        {"deny in from 10.0.0.0/8\nallow in from 10.1.0.0/16", 1, 0},
        {"deny in from 10.1.0.0/16\nallow in from 10.0.0.0/8", -1, 0},
        {"deny in from 10.0.0.0/9\ndeny in from 10.128.0.0/9\nallow in from 10.0.0.0/8", 1, 0},
        {"deny in from 10.0.0.0/9\ndeny in from 10.128.0.0/10\nallow in from 10.0.0.0/8", -1, 0},
        {"allow in tcp port 1-100\nallow in tcp port 101-200\ndeny in tcp port 50-150", 1, 0},
        {"allow in tcp port 1-100\nallow in tcp port 102-200\ndeny in tcp port 50-150", -1, 0},
        {"allow in tcp port 1-100,150-160\ndeny in tcp port 20,155", 1, 0},
        {"deny in from 0.0.0.0/0\ndeny in from ::/0\nallow in tcp", 1, 0},
        {"deny in from 0.0.0.0/0\nallow in tcp", -1, 0},
        {"allow in tcp\nallow in icmp\ndeny in", 1, 0},
        {"allow in tcp\ndeny in", -1, 0},
        {"deny in ttl below 255 port 179\ndeny in ttl below 100 port 179", 1, 0},
        {"deny in ttl below 100 port 179\ndeny in ttl below 255 port 179", -1, 0},
        {"deny in ttl below 255\nallow in", -1, 0},
        {"deny out\nallow in", -1, 0},
        {"deny out\nallow out to 127.0.0.1", 1, 0},
        {"allow in to 192.0.2.1\nallow in to 192.0.2.1 from 10.0.0.0/8", 1, 0},
        {"deny in from 10.0.0.0/8 port 80\ndeny in to 192.0.2.1 port 81\nallow in from 10.0.0.0/8 "
         "to 192.0.2.1 port 80-81",
         1, 0},
        {"deny in from 255.255.255.255\nallow in from 255.0.0.0/8", -1, 0},
        {"deny in tcp port 65535\nallow in tcp port 65535", 1, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_filter_rule room[ROOM];
        struct hf_filter_rules rules = parsed(room, rows[i].text);
        size_t by = 99;
        bool shadowed = hf_filter_rule_is_shadowed(&rules, rules.count - 1, &by);

        if (shadowed != (rows[i].shadowed > 0) || (shadowed && by != (size_t)rows[i].by))
            fail_msg("%s: %d by %zu", rows[i].text, shadowed, by);
        assert_false(hf_filter_rule_is_shadowed(&rules, 0, &by));
        assert_false(hf_filter_rule_is_shadowed(&rules, rules.count, &by));
    }
}

/* Against packets at random: no packet reaches a rule that is said to be shadowed. And those said to be reached mostly are. */
static void nothing_reaches_a_shadowed_rule(void **state)
{
    uint64_t dice = SEED + 2;
    unsigned shadows = 0;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)dice);
    for (unsigned round = 0; round < 300; round++) {
        struct hf_filter_rule room[12];
        struct hf_filter_rules rules = {.rules = room, .count = 1 + next(&dice) % 12};
        bool shadowed[12];
        size_t by;

        for (size_t i = 0; i < rules.count; i++)
            room[i] = some_rule(&dice, (uint32_t)i);
        for (size_t i = 0; i < rules.count; i++) {
            shadowed[i] = hf_filter_rule_is_shadowed(&rules, i, &by);
            shadows += shadowed[i];
            assert_true(!shadowed[i] || by < i);
        }
        for (unsigned i = 0; i < 500; i++) {
            struct packet packet = some_packet(&dice);
            struct rule_question question = question_of(&packet);
            size_t first;

            question.outward = next(&dice) % 8 == 0;
            if (question.outward)
                question.ttl = 255;
            first = rule_first(&rules, rules.count, &question);
            assert_false(first < rules.count && shadowed[first]);
        }
    }
    assert_true(shadows > 50);
}

/* ---- a world so small that every packet of it can be asked about ---- */

static struct hf_prefix small_prefix(uint64_t *dice, bool v6)
{
    struct hf_prefix prefix;

    assert_int_equal(hf_prefix_parse(&prefix, v6 ? "2001:db8::/125" : "10.0.0.0/29"), HF_OK);
    prefix.address.bytes[15] = (uint8_t)(next(dice) % 8);
    prefix.length = (uint8_t)(prefix.length + next(dice) % 4);
    prefix.address.bytes[15] &= (uint8_t)(0xffu << ((v6 ? 128 : 32) - prefix.length));
    return prefix;
}

static struct hf_filter_rule small_rule(uint64_t *dice)
{
    struct hf_filter_rule rule = some_rule(dice, 1);
    bool v6 = next(dice) % 4 == 0;

    rule.outward = false;
    rule.ttl_below = next(dice) % 4 ? 0 : (uint8_t)(next(dice) % 2 ? 255 : 100);
    rule.has_from = next(dice) % 8;
    rule.has_to = next(dice) % 2;
    rule.from = small_prefix(dice, v6);
    rule.to = small_prefix(dice, v6);
    return rule;
}

/* Inside of all prefixes by its last letter, from 8 on outside of them: one address stands for all of those. */
static struct hf_address small_address(bool v6, unsigned number)
{
    struct hf_address address;

    assert_int_equal(hf_address_parse(&address, number < 8 ? v6 ? "2001:db8::" : "10.0.0.0"
                                                : v6       ? "2001:db9::"
                                                           : "11.0.0.0"),
                     HF_OK);
    address.bytes[15] = (uint8_t)(number % 8);
    return address;
}

static unsigned reached_by_any(const struct hf_filter_rules *rules)
{
    static const uint8_t ttls[] = {99, 100, 254, 255};
    static const uint8_t protocols[] = {HF_FILTER_TCP, HF_FILTER_ICMP};
    unsigned reached = 0;

    for (unsigned kind = 0; kind < 16; kind++)
        for (unsigned from = 0; from < 9; from++)
            for (unsigned to = 0; to < 9; to++)
                for (unsigned port = 0; port < 13; port++) {
                    struct rule_question question = {
                        .protocol = protocols[kind & 1],
                        .ttl = ttls[kind >> 1 & 3],
                        .port = (uint16_t)(port < 12 ? port : 65535),
                        .from = small_address(kind >> 3, from),
                        .to = small_address(kind >> 3, to),
                    };

                    reached |= 1u << rule_first(rules, rules->count, &question);
                }
    return reached;
}

/* Every packet asks: shadowed are exactly those that none of them reaches. */
static void shadows_are_those_that_nobody_reaches(void **state)
{
    uint64_t dice = SEED + 3;
    unsigned shadows = 0;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)dice);
    for (unsigned round = 0; round < 150; round++) {
        struct hf_filter_rule room[12];
        struct hf_filter_rules rules = {.rules = room, .count = 2 + next(&dice) % 11};
        unsigned reached;

        for (size_t i = 0; i < rules.count; i++)
            room[i] = small_rule(&dice);
        reached = reached_by_any(&rules);
        for (size_t i = 0; i < rules.count; i++) {
            size_t by;
            bool shadowed = hf_filter_rule_is_shadowed(&rules, i, &by);

            shadows += shadowed;
            if (shadowed != !(reached >> i & 1))
                fail_msg("round %u, rule %zu of %zu: %s", round, i, rules.count,
                         shadowed ? "it is reached" : "nobody reaches it");
        }
    }
    assert_true(shadows > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_rules),
        cmocka_unit_test(every_error_is_named),
        cmocka_unit_test(nonsense_is_read_safely),
        cmocka_unit_test(there_is_room_or_not),
        cmocka_unit_test(the_first_that_fits),
        cmocka_unit_test(shadows_are_found),
        cmocka_unit_test(nothing_reaches_a_shadowed_rule),
        cmocka_unit_test(shadows_are_those_that_nobody_reaches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
