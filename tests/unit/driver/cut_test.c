/* Large frames come out as the wire would carry them: lengths, sequence numbers, flags and checksums. [RFC 9293 3.1] */
#include "unit/driver/frames.h"

#include <stdlib.h>

#include "driver/cut.h"

static uint8_t whole[HF_FRAME_MAX + 64], part[HF_FRAME_MAX + 64];

/* Cuts the frame, checks each part against the original, and returns how many there were. */
static uint32_t cut_and_check(const struct frame_plan *plan, const struct hf_frame *frame)
{
    struct cut cut;
    uint32_t text_at = frame->header_length, done = 0, count = 0, length;

    cut_begin(&cut, frame);
    while ((length = cut_next(&cut, part)) > 0) {
        const uint8_t *tcp = part + frame->transport_offset;
        const uint8_t *ip = tcp - (plan->version == 4 ? 20 : 40);
        uint32_t text = length - text_at, tcp_length = 32 + text;

        assert_true(length <= frame->length);
        assert_int_equal(text,
                         min_u32(plan->gso_size ? plan->gso_size : 65535, plan->text_bytes - done));
        assert_memory_equal(part + text_at, whole + text_at + done, text);
        assert_int_equal(get_be32(tcp + 4), plan->seq + done);
        assert_memory_equal(tcp + 20, whole + frame->transport_offset + 20, 12);
        if (plan->version == 4) {
            assert_int_equal(get_be16(ip + 2), 20 + tcp_length);
            assert_int_equal(get_be16(ip + 4), (uint16_t)(0xfffe + count));
            assert_int_equal(checksum_sum(ip, 20), 0xffff);
        } else {
            assert_int_equal(get_be16(ip + 4), tcp_length);
        }
        assert_int_equal(checksum_add(pseudo_sum(ip, plan->version, 6, tcp_length),
                                      checksum_sum(tcp, tcp_length)),
                         0xffff);
        done += text;
        count++;
        uint8_t flags = plan->flags;
        if (done < plan->text_bytes)
            flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
        if (count > 1)
            flags &= (uint8_t)~TCP_CWR;
        assert_int_equal(tcp[13], flags);
    }
    assert_int_equal(done, plan->text_bytes);
    assert_int_equal(cut_next(&cut, part), 0);
    return count;
}

static void cut_into_parts(void **state)
{
    static const struct {
        struct frame_plan plan;
        uint32_t parts;
    } rows[] = {
        {{4, false, false, 1448, 0, TCP_ACK, 1}, 1},
        {{4, false, false, 1448, 1448, TCP_ACK, 1}, 1},
        {{4, false, false, 1449, 1448, TCP_ACK | TCP_PSH, 0xffffff00}, 2},
        {{4, false, true, 65435, 1448, TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR, 0xfffff000}, 46},
        {{6, false, false, 4000, 1000, TCP_ACK | TCP_FIN, 7}, 4},
        {{6, false, true, 4001, 1000, TCP_ACK | TCP_CWR, 7}, 5},
        {{4, true, false, 3000, 536, TCP_ACK, 7}, 6},
        {{6, true, false, 3000, 1, TCP_ACK | TCP_PSH, 7}, 3000},
        {{4, false, false, 0, 0, TCP_SYN | TCP_ACK, 7}, 1},
    };
    uint64_t seed = 0xc07;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_frame frame = frame_make(whole, &rows[i].plan, &seed);

        assert_int_equal(cut_and_check(&rows[i].plan, &frame), rows[i].parts);
    }
}

static void a_complete_frame_comes_out_as_it_is(void **state)
{
    uint64_t seed = 0xc07;
    struct hf_frame frame =
        frame_make(whole, &(struct frame_plan){4, false, false, 100, 0, TCP_ACK, 1}, &seed);
    struct cut cut;

    (void)state;
    frame.checksum = HF_CHECKSUM_NONE;
    cut_begin(&cut, &frame);
    assert_int_equal(cut_next(&cut, part), frame.length);
    assert_memory_equal(part, whole, frame.length);
    assert_int_equal(cut_next(&cut, part), 0);
}

/* Ethernet fills short frames up; the padding is no part of the checksum. */
static void padding_behind_the_packet(void **state)
{
    uint64_t seed = 0xc07;
    struct hf_frame frame =
        frame_make(whole, &(struct frame_plan){4, false, false, 2, 0, TCP_ACK, 1}, &seed);
    struct cut cut;

    (void)state;
    memset(whole + frame.length, 0x55, 6);
    frame.length += 6;
    cut_begin(&cut, &frame);
    assert_int_equal(cut_next(&cut, part), frame.length);
    assert_int_equal(checksum_add(pseudo_sum(part + 14, 4, 6, 34), checksum_sum(part + 34, 34)),
                     0xffff);
}

/* Any bytes, any lengths: never outside the frame, and all of them come out. */
static void nonsense_comes_out_somehow(void **state)
{
    uint64_t seed = 0xbadf00d;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    for (int i = 0; i < 20000; i++) {
        struct frame_plan plan = {
            i % 2 ? 4 : 6, i % 3 == 0, i % 5 == 0, (uint16_t)(test_random(&seed) % 200), 50,
            TCP_ACK,       1};
        struct hf_frame frame = frame_make(whole, &plan, &seed);
        uint32_t length, out = 0;
        struct cut cut;

        for (int j = 0; j < 3; j++)
            whole[test_random(&seed) % frame.length] = (uint8_t)test_random(&seed);
        frame.length = (uint32_t)(test_random(&seed) % (frame.length + 1));
        frame.gso_size = (uint16_t)(test_random(&seed) % 100);
        frame.checksum = (uint8_t)(test_random(&seed) % 3);
        if (frame.length == 0)
            continue;
        uint8_t *exact = malloc(frame.length),
                *to = malloc(frame.length); /* their ends are watched by asan */
        memcpy(exact, whole, frame.length);
        frame.data = exact;
        cut_begin(&cut, &frame);
        while ((length = cut_next(&cut, to)) > 0) {
            assert_true(length <= frame.length);
            out++;
        }
        assert_in_range(out, 1, 65535);
        free(exact);
        free(to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_into_parts),
        cmocka_unit_test(a_complete_frame_comes_out_as_it_is),
        cmocka_unit_test(padding_behind_the_packet),
        cmocka_unit_test(nonsense_comes_out_somehow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
