/* Fuzzer of TCP options: any 40 bytes are read; what was read is written, and read again to the same.
 * [RFC 9293 3.2, MUST-6, MUST-7; RFC 7323; RFC 2018] */
#include <stdlib.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "wire/tcp_header.h"

#define WRITTEN                                                                        \
    (TCP_OPTION_MSS | TCP_OPTION_SCALE | TCP_OPTION_SACK_PERMITTED | TCP_OPTION_SACK | \
     TCP_OPTION_TIMESTAMPS)

static void check_places(const struct tcp_options *options, uint32_t header_length)
{
    must(options->sack_count <= TCP_SACK_BLOCKS_MAX);
    must(!(options->present & TCP_OPTION_SACK) || options->sack_count > 0);
    if (options->present & TCP_OPTION_MD5)
        must(options->md5_offset >= TCP_HEADER && options->md5_offset + 18u <= header_length);
    if (options->present & TCP_OPTION_AO)
        must(options->ao_offset >= TCP_HEADER &&
             options->ao_offset + options->ao_length <= header_length);
    if (options->present & TCP_OPTION_TFO)
        must(options->tfo_offset >= TCP_HEADER &&
             options->tfo_offset + options->tfo_length <= header_length);
}

static void check_again(const struct tcp_options *options)
{
    uint8_t header[TCP_HEADER + TCP_OPTIONS_MAX + 4];
    struct tcp_options plain = *options, again = {0};
    uint32_t length;

    plain.present &= WRITTEN;
    memset(header, 0xee, sizeof header);
    length = tcp_option_build(header + TCP_HEADER, &plain);
    must(length <= TCP_OPTIONS_MAX && length % 4 == 0);
    must(length == tcp_option_length(&plain));
    must(header[TCP_HEADER + length] == 0xee);
    tcp_option_parse(&again, header, TCP_HEADER + length);
    if (plain.present & TCP_OPTION_SACK) { /* as many blocks as fit */
        must(again.sack_count <= plain.sack_count);
        if (again.sack_count == 0)
            plain.present &= (uint16_t)~TCP_OPTION_SACK;
    }
    must(again.present == plain.present);
    must(!(plain.present & TCP_OPTION_MSS) || again.mss == plain.mss);
    must(!(plain.present & TCP_OPTION_SCALE) || again.scale == plain.scale);
    if (plain.present & TCP_OPTION_TIMESTAMPS)
        must(again.ts_value == plain.ts_value && again.ts_echo == plain.ts_echo);
    if (plain.present & TCP_OPTION_SACK)
        must(memcmp(again.sack, plain.sack, again.sack_count * sizeof *again.sack) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t length = (uint32_t)(size < TCP_OPTIONS_MAX ? size : TCP_OPTIONS_MAX) / 4 * 4;
    uint8_t *header = calloc(1, TCP_HEADER + length);
    struct tcp_options options;

    must(header);
    memset(&options, 0, sizeof options);
    if (length > 0)
        memcpy(header + TCP_HEADER, data, length);
    tcp_option_parse(&options, header, TCP_HEADER + length);
    check_places(&options, TCP_HEADER + length);
    check_again(&options);
    free(header);
    return 0;
}
