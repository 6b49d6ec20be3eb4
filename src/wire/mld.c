/* Multicast listener reports. [RFC 3810 5.2]
 *
 * Switches that watch these reports would otherwise keep neighbour solicitations for our addresses from us.
 */
#include "wire/mld.h"

#include "base/bytes.h"
#include "wire/icmpv6.h"
#include "wire/ipv6.h"

enum {
    CHANGE_TO_EXCLUDE = 4, /* exclude nobody: a join [RFC 3810 5.2.12] */
    RECORD_LENGTH = 20,
};

struct hf_address mld_routers(void)
{
    return (struct hf_address){{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16}};
}

uint32_t mld_build_join(uint8_t *to, const struct hf_address *source,
                        const struct hf_address *groups, uint32_t count)
{
    /* Router alert, value 0: a listener message; then two bytes of padding. */
    static const uint8_t hop_by_hop[8] = {IP_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
    uint32_t report = 8 + RECORD_LENGTH * count;
    struct ipv6 header = {
        .source = *source,
        .destination = mld_routers(),
        .payload_length = (uint16_t)(sizeof hop_by_hop + report),
        .next_header = IP_HOP_BY_HOP,
        .hop_limit = 1,
    };
    uint8_t *message = to + ipv6_build(to, &header) + sizeof hop_by_hop;

    memcpy(to + IPV6_HEADER, hop_by_hop, sizeof hop_by_hop);
    memset(message, 0, report);
    message[0] = ICMPV6_MLD2_REPORT;
    put_be16(message + 6, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *record = message + 8 + RECORD_LENGTH * i;

        record[0] = CHANGE_TO_EXCLUDE;
        memcpy(record + 4, &groups[i], sizeof groups[i]);
    }
    icmpv6_set_checksum(message, report, source, &header.destination);
    return MLD_REPORT_LENGTH(count);
}
