/* The IPv4 header. [RFC 791 3.1; RFC 1122 3.2.1] */
#include "wire/ipv4.h"

#include "base/bytes.h"
#include "base/must.h"
#include "wire/checksum.h"

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LOOSE_ROUTE = 131,
    OPTION_STRICT_ROUTE = 137,
};

/* Options that we do not know are passed over; those that route the packet are refused. [RFC 9293 MUST-50]
 * [R1122-16] */
enum hf_stat ipv4_walk_options(const uint8_t *option, uint32_t length)
{
    while (length > 0) {
        if (option[0] == OPTION_END)
            break;
        uint32_t size = 1;

        if (option[0] != OPTION_NOP) {
            if (length < 2 || option[1] < 2 || option[1] > length)
                return HF_STAT_ip_bad_option;
            size = option[1];
        }
        if (option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE)
            return HF_STAT_ip_source_route;
        option += size;
        length -= size;
    }
    return HF_STAT_none;
}

enum hf_stat ipv4_parse_quoted(struct ipv4 *header, const uint8_t *data, uint32_t length)
{
    enum hf_stat reason = ipv4_check_start(header, data, length);

    if (reason != HF_STAT_none)
        return reason;
    ipv4_read_fields(header, data);
    return header->total_length < header->header_length ? HF_STAT_ip_bad_header : HF_STAT_none;
}
