/* Multicast listener reports: we join the solicited-node groups of our addresses. [RFC 3810 5.2] */
#ifndef WIRE_MLD_H
#define WIRE_MLD_H

#include "wire/flow.h"

#define MLD_REPORT_LENGTH(groups) (40u + 8u + 8u + 20u * (groups))

/* Writes a whole IPv6 packet: hop limit 1, to ff02::16, a hop-by-hop header with the router alert, and a report that joins
 * `count` groups. `source` is link-local or :: while there is none. Returns MLD_REPORT_LENGTH(count). */
uint32_t mld_build_join(uint8_t *to, const struct hf_address *source,
                        const struct hf_address *groups, uint32_t count);

/* ff02::16: where reports go. */
struct hf_address mld_routers(void);

#endif
